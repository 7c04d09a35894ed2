"""Any of the library's trainers, watched: tokens counted, faults stopped, looks made our way."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from trainers.engines.trl.clock import Clock

MASKS = {"input_ids": "attention_mask", "prompt_ids": "prompt_mask"}
MASKS["completion_ids"] = "completion_mask"
"""Token ids of a batch, and what tells them from padding. Without it every token counts: a packed
row has no padding."""


def real_tokens(inputs: Mapping[str, Any]) -> Any:
    """Tokens of a prepared batch that go through the model, padding left out; a tensor or 0.

    Pairs in one tensor or in two, packed rows and drawn completions are counted alike; a prompt
    that is also part of chosen and rejected counts with them only.
    """
    has_pairs = any(name.endswith("chosen_input_ids") for name in inputs)
    total: Any = 0
    for name, ids in inputs.items():
        stem = next((stem for stem in MASKS if name.endswith(stem)), None)
        if stem is None or (has_pairs and name == "prompt_input_ids"):
            continue
        prefix = name.removesuffix(stem)
        mask = inputs.get(prefix + MASKS[stem])
        total = total + (ids.numel() if mask is None else mask.sum())
    return total


class Watched:
    """Put before a trainer class of the library."""

    rates: Mapping[str, float] = {}
    """Part of a parameter's name -> times the learning rate."""
    on_step: Callable[[float, float | None], None] | None = None
    """Told the loss and gradient norm of each step before the weights change; may raise."""
    look: Callable[[], Mapping[str, float]] | None = None
    """Looks at the dev split and says what trackers are told."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        self.clock = Clock()
        self._tokens: Any = 0
        self._losses: list[Any] = []
        super().__init__(*positional, **named)

    @property
    def tokens_seen(self) -> int:
        """Tokens trained on in this session, padding left out."""
        return int(self._tokens)

    def whole(self) -> bool:
        """Make the model whole where processes share it; whether this one is to keep it."""
        return True

    def compute_loss(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        """The library's loss, the batch's tokens counted."""
        if model.training:
            self._tokens = self._tokens + real_tokens(inputs)
        return super().compute_loss(model, inputs, *rest, **named)  # type: ignore[misc]

    def training_step(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        """One micro-batch; its loss is looked at when the step is complete."""
        loss = super().training_step(model, inputs, *rest, **named)  # type: ignore[misc]
        self._losses.append(loss)
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """The norm before clipping; the weights have not changed yet, so a fault can be stopped."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[misc]
        losses, self._losses = self._losses, []
        if self.on_step is not None:
            self.on_step(float(sum(losses)), None if norm is None else float(norm))
        return norm

    def create_optimizer(self, *positional: Any, **named: Any) -> Any:
        """The library's optimizer, with the rates that the method wants for some parameters."""
        optimizer = super().create_optimizer(*positional, **named)  # type: ignore[misc]
        if self.rates:
            names = {id(p): name for name, p in self.model.named_parameters()}  # type: ignore[attr-defined]
            optimizer.param_groups[:] = [
                part for group in optimizer.param_groups for part in self._by_rate(group, names)
            ]
            optimizer.param_groups.sort(key=lambda group: group["lr"] != self.args.learning_rate)  # type: ignore[attr-defined]
        return optimizer

    def _by_rate(self, group: dict[str, Any], names: Mapping[int, str]) -> list[dict[str, Any]]:
        parts: dict[float, list[Any]] = {}
        for parameter in group["params"]:
            name = names.get(id(parameter), "")
            rate = next((rate for part, rate in self.rates.items() if part in name), 1.0)
            parts.setdefault(rate, []).append(parameter)
        if not parts:
            return [group]
        return [
            group | {"params": params, "lr": group["lr"] * rate} for rate, params in parts.items()
        ]

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """A look at the dev split, told to the trackers; no step's time."""
        self.control.should_evaluate = False  # type: ignore[has-type]
        if self.look is None:
            return {}
        with self.clock.aside("evaluation"):
            found = dict(self.look())
            self.control = self.callback_handler.on_log(  # type: ignore[attr-defined]
                self.args,  # type: ignore[attr-defined]
                self.state,  # type: ignore[attr-defined]
                self.control,  # type: ignore[has-type]
                found,
            )
            if self.control.should_training_stop:  # the losses since the last log line are told
                self.control.should_log = True
        return found

    def _run_epoch(self, *positional: Any, **named: Any) -> None:
        """The library's, unless a look that was due on resuming has ended training already."""
        if not self.control.should_training_stop:
            super()._run_epoch(*positional, **named)  # type: ignore[misc]
            return
        parts = ("model", "trial", "epoch", "ignore_keys_for_eval", "start_time")
        told = {name: named[name] for name in parts}
        self._maybe_log_save_evaluate(tr_loss=self._tr_loss, grad_norm=None, **told)  # type: ignore[attr-defined]

    def _save_checkpoint(self, *positional: Any, **named: Any) -> None:
        """The library's checkpoint; no step's time."""
        with self.clock.aside("saving"):
            super()._save_checkpoint(*positional, **named)  # type: ignore[misc]


@functools.cache
def watched(trainer_class: type) -> type:
    """The trainer class of the library with `Watched` before it; the same type every time."""
    return type(f"Watched{trainer_class.__name__}", (Watched, trainer_class), {})
