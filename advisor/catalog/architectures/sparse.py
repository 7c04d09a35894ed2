"""A feed-forward that is a mixture of experts, and the layers that hold one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from advisor.catalog.architectures.reading import (
    Config,
    alternating,
    gated_feed_forward,
    linear,
    packed_feed_forward,
)
from advisor.schema.architecture import LayerGroup, Linear


@dataclass(frozen=True)
class Sparse:
    """A mixture: so many experts of a width, of which a token goes through a few.

    transformers keeps all experts of a layer in two tensors (`gate_up_proj`, `down_proj`), so
    they are no modules.
    """

    experts: int
    per_token: int
    width: int
    shared_width: int = 0
    """Width of the experts every token goes through; 0 where there are none."""
    shared_names: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    """Two names mean that gate and up are one module."""
    shared_gate: str = ""
    router: str = "gate"
    router_is_module: bool = False
    has_biases: bool = False
    """Whether experts and router have biases."""

    @property
    def active_width(self) -> int:
        """Feed-forward width that one token goes through."""
        return self.per_token * self.width + self.shared_width

    def linears(self, hidden: int) -> tuple[Linear, ...]:
        """Router, experts and shared experts."""
        return (
            Linear(
                name=self.router,
                inputs=hidden,
                outputs=self.experts,
                bias=self.has_biases,
                part="router",
                is_module=self.router_is_module,
            ),
            self._experts("gate_up_proj", hidden, 2 * self.width),
            self._experts("down_proj", self.width, hidden),
            *self._shared(hidden),
        )

    def _experts(self, name: str, inputs: int, outputs: int) -> Linear:
        return Linear(
            name=name,
            inputs=inputs,
            outputs=outputs,
            bias=self.has_biases,
            copies=self.experts,
            active_copies=min(self.per_token, self.experts),
            is_module=False,
        )

    def _shared(self, hidden: int) -> tuple[Linear, ...]:
        if not self.shared_width:
            return ()
        names = self.shared_names
        if len(names) == 2:
            return packed_feed_forward(hidden, self.shared_width, names=(names[0], names[1]))
        modules = gated_feed_forward(
            hidden, self.shared_width, names=(names[0], names[1], names[2])
        )
        gate = (linear(self.shared_gate, hidden, 1),) if self.shared_gate else ()
        return (*gate, *modules)


@dataclass(frozen=True)
class Layer:
    """One layer's kind: with experts or not, how far it looks back, and which attention it has."""

    is_sparse: bool
    window: int | None = None
    attention: tuple[Linear, ...] | None = None
    """In place of the model's usual attention."""
    other_parameters: int | None = None


def layered(
    config: Config,
    layers: Iterable[Layer],
    *,
    attention: tuple[Linear, ...],
    sparse: Sparse,
    dense_width: int,
    every_layer: dict[str, Any],
) -> tuple[LayerGroup, ...]:
    """Groups of layers, some with experts and some dense.

    `every_layer` are the fields of a LayerGroup that all have in common.
    """
    hidden = config.whole("hidden_size")
    groups = []
    for layer, count in alternating(layers):
        feed_forward = (
            sparse.linears(hidden) if layer.is_sparse else gated_feed_forward(hidden, dense_width)
        )
        own = {} if layer.other_parameters is None else {"other_parameters": layer.other_parameters}
        groups.append(
            LayerGroup(
                count=count,
                linears=(*(layer.attention or attention), *feed_forward),
                intermediate_size=sparse.active_width if layer.is_sparse else dense_width,
                window=layer.window,
                experts=sparse.experts if layer.is_sparse else 0,
                experts_per_token=sparse.per_token if layer.is_sparse else 0,
                **{**every_layer, **own},
            )
        )
    return tuple(groups)
