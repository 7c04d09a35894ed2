"""Checkpoints without pickle: tensors as safetensors, everything else as JSON."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from advisor.errors import TrainingError
from advisor.schema.base import Value
from advisor.schema.train import DevPoint, LossPoint
from trainers.engines.ledger import CHECKPOINT_PREFIX, flush, storage_error
from trainers.engines.small_model._encoder import Classifier
from trainers.engines.small_model._steps import Stepper

TENSORS, STATE = "tensors.safetensors", "state.json"
BEST = f"{CHECKPOINT_PREFIX}best"
RANDOM = "random"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class State(Value):
    """Where a run stands."""

    step: int = 0
    loss: tuple[LossPoint, ...] = ()
    looks: tuple[DevPoint, ...] = ()
    best_step: int | None = None
    """The look whose weights lie in the folder `checkpoint-best`."""
    without_gain: int = 0
    """Looks since the best one."""
    ended: str = ""
    tokens: int = 0
    """Tokens trained on so far, padding left out."""
    steps_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    saving_seconds: float = 0.0


def save_checkpoint(folder: Path, state: State, stepper: Stepper) -> None:
    """Write where training stands, whole or not at all, and drop older ones; raises StorageError.

    Kept are the trained weights, the optimizer's moments and the random state.
    """
    tensors = {f"weight/{name}": tensor for name, tensor in stepper.names.items()}
    for name, tensor in stepper.names.items():
        for key, value in stepper.optimizer.state.get(tensor, {}).items():
            tensors[f"{key}/{name}"] = value
    tensors[RANDOM] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors[f"{RANDOM}/cuda"] = torch.cuda.get_rng_state()
    place = folder / f"{CHECKPOINT_PREFIX}{state.step}"
    _write(place, tensors, state)
    for other in folder.glob(f"{CHECKPOINT_PREFIX}*"):
        if other not in (place, folder / BEST):
            shutil.rmtree(other, ignore_errors=True)


def restore(folder: Path, stepper: Stepper) -> tuple[State, tuple[str, ...]]:
    """The newest whole checkpoint put back, and what was restored; a fresh state where none is."""
    for place in sorted(_numbered(folder), key=_number, reverse=True):
        try:
            state = State.model_validate_json((place / STATE).read_text(encoding="utf-8"))
            tensors = load_file(str(place / TENSORS))
            _put_back(tensors, stepper)
        except (OSError, ValueError, ValidationError, SafetensorError, KeyError, RuntimeError):
            shutil.rmtree(place, ignore_errors=True)
            continue
        return state, ("weights", "optimizer", "schedule", "random state", "place in the data")
    return State(), ()


def keep_best(folder: Path, state: State, classifier: Classifier, stepper: Stepper) -> None:
    """Keep the weights of this look as the best; raises StorageError."""
    tensors = {f"weight/{name}": tensor for name, tensor in stepper.names.items()}
    tensors |= {"best/weight": classifier.weight, "best/bias": classifier.bias}
    _write(folder / BEST, tensors, state)


def take_best(folder: Path, classifier: Classifier, stepper: Stepper) -> None:
    """Put the best look's weights back; raises TrainingError where they cannot be read."""
    try:
        tensors = load_file(str(folder / BEST / TENSORS))
        with torch.no_grad():
            for name, tensor in stepper.names.items():
                tensor.copy_(tensors[f"weight/{name}"])
            classifier.weight.copy_(tensors["best/weight"])
            classifier.bias.copy_(tensors["best/bias"])
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise TrainingError(
            "The weights of the best look at the dev part cannot be read any more.",
            hint="Run the same command without --resume.",
            where=str(folder / BEST),
        ) from error


def _put_back(tensors: dict[str, torch.Tensor], stepper: Stepper) -> None:
    with torch.no_grad():
        for name, tensor in stepper.names.items():
            tensor.copy_(tensors[f"weight/{name}"])
            if f"step/{name}" not in tensors:
                continue  # part of the encoder that its vectors do not depend on (a pooler)
            kept = stepper.optimizer.state[tensor]
            for key in MOMENTS:
                value = tensors[f"{key}/{name}"]
                kept[key] = value if key == "step" else value.to(tensor.device)
    torch.set_rng_state(tensors[RANDOM])
    if torch.cuda.is_available() and f"{RANDOM}/cuda" in tensors:
        torch.cuda.set_rng_state(tensors[f"{RANDOM}/cuda"])


def _write(place: Path, tensors: dict[str, Any], state: State) -> None:
    partial = place.with_name(f"{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        whole = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        save_file(whole, str(partial / TENSORS))
        (partial / STATE).write_text(state.model_dump_json(), encoding="utf-8")
        flush(partial)
        shutil.rmtree(place, ignore_errors=True)
        partial.replace(place)
    except OSError as error:
        raise storage_error(error, place.parent) from error


def _numbered(folder: Path) -> list[Path]:
    return [p for p in folder.glob(f"{CHECKPOINT_PREFIX}*") if _number(p) >= 0]


def _number(place: Path) -> int:
    told = place.name.removeprefix(CHECKPOINT_PREFIX)
    return int(told) if told.isdecimal() else -1
