"""The tasks that ship with the package, as settings for a run."""

from __future__ import annotations

import difflib

import yaml

from advisor.errors import InputError
from advisor.resources import bundled_tasks_root
from advisor.schema.base import Value
from advisor.schema.run import EMBEDDED_MODEL, RunSettings

ORDER = ("manuals", "tickets", "fields")
GENERAL = "general.jsonl"
"""Conversations of the kinds the embedded model was made of, to mix into a tuning of it; written by
`examples.pretrain_tiny.probe --seed general --rows 600 --longest 208 --most 300`."""


class BundledTask(Value):
    """One bundled task: its name, what it is about, and its run."""

    name: str
    title: str
    run: RunSettings


def task_names() -> tuple[str, ...]:
    """Names of the bundled tasks, in the demo's order."""
    present = {path.name for path in bundled_tasks_root().iterdir() if path.is_dir()}
    return tuple(n for n in ORDER if n in present) + tuple(sorted(present - set(ORDER)))


def bundled_settings(name: str, *, seed: int = 0) -> BundledTask:
    """A bundled task with the settings of its run.

    Raises InputError with a suggestion for a name that is none.
    """
    names = task_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        guess = f" Did you mean '{close[0]}'?" if close else ""
        raise InputError(
            f"There is no bundled task '{name}'.{guess}", hint=f"Available: {', '.join(names)}."
        )
    root = bundled_tasks_root() / name
    about = yaml.safe_load((root / "task.yaml").read_text(encoding="utf-8"))
    docs = root / "docs"
    settings = RunSettings(
        name=name,
        data=str(root / "data.jsonl"),
        docs=str(docs) if docs.is_dir() else None,
        answers=str(root / "answers.yaml"),
        model=EMBEDDED_MODEL,
        seed=seed,
        general_data=str(root.parent / GENERAL) if about.get("plan") else None,
        plan=about.get("plan", {}),
        plan_from=dict.fromkeys(about.get("plan", {}), "the bundled task"),
    )
    return BundledTask(name=name, title=about["title"], run=settings)
