"""Starts the tracing of a plan's step as a program of its own, and tells its failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from advisor.errors import OutOfMemoryError, TrainingError
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import Plan
from advisor.schema.trace import Trace
from trainers.engines.trl.quiet import SETTINGS

SECONDS = 300.0
"""A look that takes longer is given up; 8 billion parameters are followed in about 30 seconds."""
TRACE = "trainers.engines.trl._trace"
PROBE = "trainers.engines.trl._probe"
NO_MEMORY = "out of memory"
"""How a program says that memory ran out."""


def traced(plan: Plan, model: ModelCard, *, seconds: float = SECONDS) -> Trace:
    """Memory of the plan's step, followed on tensors without content in another process.

    Raises TrainingError with the reason when the step cannot be followed.
    """
    request = {"plan": plan.model_dump(mode="json"), "configuration": configuration_of(model)}
    return _answer(TRACE, request, seconds)


def probed(plan: Plan, model: ModelCard, *, seconds: float = SECONDS) -> Trace:
    """Memory and speed of two real steps on this machine's GPU, in another process.

    Raises TrainingError with the reason, OutOfMemoryError when memory ran out.
    """
    request = {
        "plan": plan.model_dump(mode="json"),
        "configuration": configuration_of(model),
        "folder": model.local_path,
    }
    return _answer(PROBE, request, seconds)


def _answer(program: str, request: dict[str, Any], seconds: float) -> Trace:
    answer = _asked(program, request, seconds)
    reason = answer.get("error")
    if reason == NO_MEMORY:
        raise OutOfMemoryError(
            "Two steps of the plan need more memory than this GPU has.",
            hint="Try a smaller micro-batch or sequence, or gradient checkpointing.",
        )
    if reason is not None:
        raise _untold(str(reason))
    keys = {key: value for key, value in answer.items() if key in Trace.model_fields}
    return Trace.model_validate(keys)


def configuration_of(model: ModelCard) -> dict[str, Any]:
    """The entries of the model's `config.json`.

    Raises TrainingError where neither the card nor the folder has them.
    """
    text = model.configuration
    try:
        if not text and model.local_path is not None:
            text = (Path(model.local_path) / "config.json").read_text(encoding="utf-8")
        content = json.loads(text or "null")
    except (OSError, ValueError) as error:
        raise _untold(f"its config.json cannot be read ({error})") from error
    if not isinstance(content, dict) or not content.get("model_type"):
        raise _untold(f"no configuration of '{model.id}' is known, only its numbers")
    return content


def _asked(program: str, request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The last line that the program wrote, as JSON."""
    environment = {**SETTINGS, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"} | dict(os.environ)
    try:
        ended = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-W", "ignore", "-m", program],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _untold(f"it took more than {seconds:.0f} seconds") from error
    lines = ended.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1]) if lines else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        last = (ended.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise _untold(f"its process ended with status {ended.returncode} ({last})")
    return answer


def _untold(reason: str) -> TrainingError:
    return TrainingError(
        f"The plan's step cannot be followed: {reason}.",
        hint="Leave --simulate or --probe out; the estimate by formula stands without it.",
    )
