"""Tasks of lm-evaluation-harness, asked through its own program in its own environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from advisor.errors import BackendResponseError, InputError, MissingProgramError
from advisor.schema.base import Value

PROGRAM = "lm_eval"
NAMED_BY = "ADVISOR_LM_EVAL"
ALLOW_DOWNLOAD = "ADVISOR_ALLOW_DOWNLOAD"
LAST_LINES = 6
SHOWN = 300


class TaskScores(Value):
    """What one model made of one task, document by document."""

    task: str
    metric: str
    higher_is_better: bool = True
    values: dict[str, float] = Field(default_factory=dict)
    """Number of the document -> its value."""


def program() -> str:
    """The program `lm_eval`: the one that ADVISOR_LM_EVAL names, else the one on the PATH.

    Raises MissingProgramError.
    """
    named = os.environ.get(NAMED_BY, "")
    found = shutil.which(named or PROGRAM)
    if found is None:
        raise MissingProgramError(
            f"The program {named or PROGRAM} is not there, which --harness-task needs.",
            hint="Install it in an environment of its own: python -m venv lm-eval && "
            'lm-eval/bin/pip install "lm_eval[hf]"; then put lm-eval/bin on the PATH, or name the '
            f"program with {NAMED_BY}.",
            where="lm-evaluation-harness",
        )
    return found


def check_tasks(tasks: Sequence[str], folder: str | None) -> None:
    """Ask the harness whether it knows the tasks; raises InputError, MissingProgramError."""
    named = [program(), "validate", "--tasks", ",".join(tasks)]
    done = _run([*named, *_include(folder)])
    if done.returncode:
        raise InputError(
            f"lm-evaluation-harness does not know the tasks {', '.join(tasks)}: {_last(done)}",
            hint="`lm_eval ls tasks` lists what it knows; name the folder of your own with "
            "--harness-path.",
            where="--harness-task",
        )


def asked(
    model: Mapping[str, str], tasks: Sequence[str], folder: str | None, *, device: str = ""
) -> tuple[TaskScores, ...]:
    """Scores of a model on the tasks, one by one for each document.

    `model` are the harness's arguments for transformers models: `pretrained`, `peft`. Raises
    MissingProgramError, and BackendResponseError where the harness fails.
    """
    arguments = ",".join(f"{key}={value}" for key, value in model.items())
    with tempfile.TemporaryDirectory(prefix="advisor-harness-") as place:
        command = [program(), "run", "--model", "hf", "--model_args", arguments]
        command += ["--tasks", ",".join(tasks), *_include(folder)]
        command += ["--output_path", place, "--log_samples"]
        command += ["--device", device] if device else []
        done = _run(command)
        if done.returncode:
            raise BackendResponseError(
                f"lm-evaluation-harness ended with code {done.returncode}: {_last(done)}",
                hint="Run the same tasks with lm_eval by hand to see all that it says.",
                where="lm-evaluation-harness",
            )
        return _read(Path(place), tasks)


def _include(folder: str | None) -> list[str]:
    return ["--include_path", folder] if folder else []


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """The finished program; it fetches nothing unless the user allows downloads."""
    offline = {} if os.environ.get(ALLOW_DOWNLOAD) == "1" else {"HF_HUB_OFFLINE": "1"}
    settings = os.environ | offline | {"TOKENIZERS_PARALLELISM": "false"}
    return subprocess.run(  # noqa: S603 - the program the user installed, without a shell
        command, capture_output=True, text=True, check=False, env=settings, errors="replace"
    )


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return " ".join(lines[-LAST_LINES:])[-SHOWN:]


def _read(place: Path, tasks: Sequence[str]) -> tuple[TaskScores, ...]:
    """What the harness wrote: one file of results, one of samples for each task."""
    results: dict[str, Any] = {}
    for file in sorted(place.rglob("results_*.json")):
        results = json.loads(file.read_text(encoding="utf-8"))
    directions = results.get("higher_is_better", {})
    found = [
        scores
        for file in sorted(place.rglob("samples_*.jsonl"))
        if (scores := _scores(file, directions)) is not None
    ]
    if not found:
        raise BackendResponseError(
            f"lm-evaluation-harness wrote no scores of {', '.join(tasks)} that can be paired.",
            hint="Name tasks that score each document, such as those with acc or exact_match.",
            where="lm-evaluation-harness",
        )
    return tuple(found)


def _scores(file: Path, directions: Mapping[str, Mapping[str, bool]]) -> TaskScores | None:
    """The first metric of a task that has a number for each document."""
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    task = file.stem.removeprefix("samples_").rpartition("_")[0]
    if not rows:
        return None
    rows = [row for row in rows if row.get("filter") == rows[0].get("filter")]
    known = directions.get(task, {})
    for metric in rows[0].get("metrics") or list(known):
        values = {str(row["doc_id"]): row.get(metric) for row in rows}
        if all(isinstance(value, int | float) for value in values.values()):
            numbers = {doc: float(value) for doc, value in values.items() if value is not None}
            higher = known.get(metric) is not False
            return TaskScores(task=task, metric=metric, higher_is_better=higher, values=numbers)
    return None
