"""Tasks of lm-evaluation-harness, asked through its own program in its own environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Any

from pydantic import Field

from advisor.errors import BackendResponseError, InputError, MissingProgramError
from advisor.schema.base import Value

PROGRAM = "lm_eval"
NAMED_BY = "ADVISOR_LM_EVAL"
ALLOW_DOWNLOAD = "ADVISOR_ALLOW_DOWNLOAD"
LIMIT = "ADVISOR_LM_EVAL_HOURS"
"""Hours after which the harness is ended."""
HOURS = 24.0
MOST_HOURS = 24.0 * 365
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
    MissingProgramError, InputError for a place that the harness cannot be told, and
    BackendResponseError where the harness fails or writes what cannot be read.
    """
    _refuse_commas(model)
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


def _refuse_commas(model: Mapping[str, str]) -> None:
    for value in model.values():
        if "," in value:
            raise InputError(
                f"lm-evaluation-harness cannot be told a place with a comma in it: {value}.",
                hint="Give the folder a name without a comma, or leave --harness-task out.",
                where="--harness-task",
            )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """The finished program; it fetches nothing unless the user allows downloads.

    Raises BackendResponseError where it cannot be started or does not end within its hours.
    """
    offline = {} if os.environ.get(ALLOW_DOWNLOAD) == "1" else {"HF_HUB_OFFLINE": "1"}
    settings = os.environ | offline | {"TOKENIZERS_PARALLELISM": "false"}
    hours = _hours()
    try:
        return subprocess.run(  # noqa: S603 - the program the user installed, without a shell
            command,
            capture_output=True,
            text=True,
            check=False,
            env=settings,
            errors="replace",
            timeout=hours * 3600,
        )
    except OSError as error:
        raise BackendResponseError(
            f"lm-evaluation-harness cannot be started: {error.strerror or error}.",
            hint=f"Run {command[0]} by hand; {NAMED_BY} names another one.",
            where="lm-evaluation-harness",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise BackendResponseError(
            f"lm-evaluation-harness did not end within {hours:g} hours.",
            hint=f"Name fewer or smaller tasks, or give it more hours with {LIMIT}.",
            where="lm-evaluation-harness",
        ) from error


def _hours() -> float:
    """The hours that the harness may take; raises InputError for what is no number above 0."""
    told = os.environ.get(LIMIT, "")
    try:
        hours = float(told or HOURS)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= MOST_HOURS:
        raise InputError(
            f"{LIMIT} is {told}, which is no number of hours.",
            hint=f"Give hours above 0 and up to {MOST_HOURS:.0f}, such as 2.5, or leave it out.",
            where=LIMIT,
        )
    return hours


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return " ".join(lines[-LAST_LINES:])[-SHOWN:]


def _read(place: Path, tasks: Sequence[str]) -> tuple[TaskScores, ...]:
    """What the harness wrote: one file of results, one of samples for each task."""
    results: dict[str, Any] = {}
    for file in sorted(place.rglob("results_*.json")):
        results = _object(file.read_text(encoding="utf-8", errors="replace"), file)
    told = results.get("higher_is_better")
    directions = told if isinstance(told, dict) else {}
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


def _object(text: str, file: Path) -> dict[str, Any]:
    """A JSON object of the harness; raises BackendResponseError for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BackendResponseError(
            f"lm-evaluation-harness wrote a file that cannot be read: {file.name} holds {text:.60}",
            hint="Run the same tasks with lm_eval by hand; another version may write differently.",
            where="lm-evaluation-harness",
        )
    return found


def _scores(file: Path, directions: Mapping[str, Any]) -> TaskScores | None:
    """The first metric of a task that has a number for each document, a share where there is one.

    What is no finite number is kept as such: it counts as the worst.
    """
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [_object(line, file) for line in lines if line.strip()]
    task = file.stem.removeprefix("samples_").rpartition("_")[0]
    if not rows or any("doc_id" not in row for row in rows):
        return None
    rows = [row for row in rows if row.get("filter") == rows[0].get("filter")]
    told = directions.get(task)
    known = told if isinstance(told, dict) else {}
    named = rows[0].get("metrics")
    found = [
        TaskScores(
            task=task,
            metric=metric,
            higher_is_better=known.get(metric) is not False,
            values={str(row["doc_id"]): _number(row[metric]) for row in rows},
        )
        for metric in (named if isinstance(named, list) and named else known)
        if isinstance(metric, str) and all(isinstance(row.get(metric), int | float) for row in rows)
    ]
    return next((one for one in found if are_shares(one)), next(iter(found), None))


def _number(value: float) -> float:
    """As a float; a whole number that is too large for one is no finite number."""
    try:
        return float(value)
    except OverflowError:
        return inf


def are_shares(scores: TaskScores) -> bool:
    """Whether every value that is a number lies from 0 to 1."""
    return all(0 <= value <= 1 for value in scores.values.values() if isfinite(value))
