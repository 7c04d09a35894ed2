"""Work on a model after which nothing is as if it had been done."""

from __future__ import annotations

import ctypes
import gc
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch

COPIED_BYTES = 256 << 20
"""Trained weights up to this size are put back from a copy, should an optimizer have moved them."""


@contextmanager
def as_it_was(model: Any) -> Iterator[None]:
    """Put back what a trainer does to a model, and every random state.

    Collecting garbage goes over the new objects only, not over all that the libraries hold: a full
    collection takes a third of a second. What was set apart before stays so.
    """
    was_frozen = gc.get_freeze_count() > 0
    gc.freeze()
    trained = [p for p in model.parameters() if p.requires_grad]
    is_small = sum(p.numel() * p.element_size() for p in trained) <= COPIED_BYTES
    copies = [own_part(p.detach()).clone() for p in trained] if is_small else None
    forwards = [(part, part.__dict__.get("forward")) for part in _parts(model)]
    was_training = model.training
    states = _random_states()
    try:
        yield
    finally:
        for part, forward in forwards:
            part.__dict__.pop("_original_forward", None)
            part.__dict__.pop("forward", None)
            if forward is not None:
                part.forward = forward
        model.zero_grad(set_to_none=True)
        model.train(was_training)
        with torch.no_grad():
            for parameter, copy in zip(trained, copies or (), strict=False):
                _put_back(parameter, copy)
        _restore(states)
        release()
        if not was_frozen:
            gc.unfreeze()


def _parts(model: Any) -> list[Any]:
    """The model and the one inside an adapter's wrapping: both may be given another forward."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return [model] if inner is model else [model, inner]


def _put_back(parameter: Any, copy: torch.Tensor) -> None:
    kept, now = copy.to(parameter.device), own_part(parameter.detach())
    if now.dtype != kept.dtype:
        parameter.data = kept  # a trainer may lower the precision of what is trained
    elif not torch.equal(_bits(now), _bits(kept)):
        now.copy_(kept)


def own_part(tensor: Any) -> torch.Tensor:
    """This process's part of a tensor that is spread over several."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().view(torch.uint8)


def _random_states() -> tuple[Any, Any, Any, Any]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    numpy = np.random.get_state()  # noqa: NPY002 - it is this one that libraries draw from
    return random.getstate(), numpy, torch.get_rng_state(), cuda


def _restore(states: tuple[Any, Any, Any, Any]) -> None:
    python, numpy, cpu, cuda = states
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002 - the same
    torch.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)


def release() -> None:
    """Give back what nobody holds any more, so that the next measure starts from below."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)
