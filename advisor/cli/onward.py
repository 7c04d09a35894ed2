"""The command that leads on from an estimate or from baselines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.artifacts import RunFolder
from advisor.interview.closing import DATA, DOCUMENTS, RETRIEVES, NextCommand

if TYPE_CHECKING:
    from advisor.schema.catalog import ModelCard
    from advisor.schema.decide import Advice

MODEL = "MODEL_FOLDER"
"""Stands for weights on this machine, where the estimate knows the model by name alone."""


def after_answers(advice: Advice, card: ModelCard, flags: dict[str, Any]) -> NextCommand:
    """What comes after pricing the advice on an answers file.

    Nothing is measured yet: the baselines. A score of the prompt is known: the whole journey, which
    asks the gate. What the command line did not name is left blank.
    """
    data, model = flags["data"], card.local_path
    documents = advice.decision.recommended in RETRIEVES
    words = [
        "advisor",
        "run" if advice.profile.measured.prompted_score is not None else "baseline",
        *("--data", str(data or DATA)),
        *(("--map", flags["mapping"]) if flags["mapping"] else ()),
        *(("--docs", DOCUMENTS) if documents else ()),
        *("--answers", str(flags["answers"])),
        *("--model", model or MODEL),
    ]
    if flags["policy"] is not None:
        words += ["--policy", str(flags["policy"])]
    blanks = [word for word in (DATA, DOCUMENTS, MODEL) if word in words]
    return NextCommand(tuple(words), tuple(blanks))


def in_run(run_dir: Path) -> NextCommand:
    """What a run folder lacks before it can be judged: baselines, an estimate, else the gate."""
    folder = RunFolder(run_dir)
    step = "gate"
    if not folder.has("baseline"):
        step = "baseline"
    elif folder.freshness("estimate") != "fresh":
        step = "estimate"
    return NextCommand(("advisor", step, "--run-dir", str(run_dir)))
