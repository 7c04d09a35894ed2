"""The model as it stood before the first step, which the trained one is held against."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from peft import PeftModel

BASE_UNTOUCHED = (True, False, "gaussian", "eva", "orthogonal")
"""How LoRA may begin and leave the base as it is; PiSSA, OLoRA and their kin change its weights."""


class Reference(torch.nn.Module):  # type: ignore[misc]
    """Answers as the trained model did before the first step; owns no weights of its own.

    An adapter beside an untouched base is switched off. Other methods get a copy of what they
    train, swapped in for the time of an answer: exact for every method, and no more than what is
    trained is held twice. TRL, handed a model that has its adapter, would add a second adapter to
    it (and begin PiSSA's base twice); handed none, it would load the base again in 32 bits.
    """

    def __init__(self, model: Any, *, is_asked_at_start: bool = False) -> None:
        """`is_asked_at_start`: every answer is had before the first step, so nothing is copied."""
        super().__init__()
        self._held = (model,)  # in a tuple, so that it is no part of this module
        self.config = model.config
        self._is_off = can_switch_off(model)
        self._start: list[torch.Tensor] | None = None
        if not self._is_off and not is_asked_at_start:
            self._start = [p.detach().clone() for p in self._trained()]

    def __call__(self, *positional: Any, **named: Any) -> Any:
        """The model's own answer, as of the start."""
        with self._as_of_the_start():
            return self._held[0](*positional, **named)

    def forward(self, *positional: Any, **named: Any) -> Any:
        """The same; libraries look for it."""
        return self(*positional, **named)

    def _trained(self) -> list[Any]:
        return [p for p in self._held[0].parameters() if p.requires_grad]

    def _as_of_the_start(self) -> AbstractContextManager[Any]:
        if self._is_off:
            return self._held[0].disable_adapter()  # type: ignore[no-any-return]
        return contextlib.nullcontext() if self._start is None else self._swapped()

    @contextlib.contextmanager
    def _swapped(self) -> Iterator[None]:
        trained = self._trained()
        start = [
            old.to(device=now.device, dtype=now.dtype)
            for old, now in zip(self._start or (), trained, strict=True)
        ]
        self._start = start
        current = [parameter.data for parameter in trained]
        try:
            for parameter, old in zip(trained, start, strict=True):
                parameter.data = old
            torch.clear_autocast_cache()  # it knows tensors by their shell, not by their numbers
            yield
        finally:
            for parameter, now in zip(trained, current, strict=True):
                parameter.data = now
            torch.clear_autocast_cache()


def can_switch_off(model: Any) -> bool:
    """Whether the base answers as before once the adapter is switched off.

    Prompts and prefixes count as part of the model that begins: theirs is another start than the
    base.
    """
    if not isinstance(model, PeftModel):
        return False
    config = model.peft_config[model.active_adapter]
    if getattr(config, "is_prompt_learning", False):
        return False
    return getattr(config, "init_lora_weights", True) in BASE_UNTOUCHED


@contextlib.contextmanager
def without_second_adapter(model: Any) -> Iterator[None]:
    """A model with an adapter is built into a trainer without the copy that RLOO adds to it.

    Whatever the weight of the reference, and though the copy of PiSSA's adapter changes the base.
    """
    if not isinstance(model, PeftModel):
        yield
        return
    given = model.get_parameter
    model.add_adapter = lambda *_, **__: None
    model.get_parameter = lambda name: given(name.replace(".ref.", ".default."))
    try:
        yield
    finally:
        del model.add_adapter
        del model.get_parameter
