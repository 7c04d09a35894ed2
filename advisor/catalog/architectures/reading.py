"""What readers share: a configuration that answers with told errors, and the shape they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from advisor.errors import UnsupportedArchitectureError
from advisor.schema.architecture import LayerGroup, Linear, Part
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

_LAYER_KEYS = frozenset(
    (
        "num_hidden_layers",
        "n_layer",
        "n_layers",
        "num_layers",
        "num_decoder_layers",
        "encoder_layers",
        "decoder_layers",
    )
)
_MOST_LAYERS, _MOST = 10_000, 10**9
"""No model has more; without a bound a typing error would ask for all memory of this machine."""


class Config:
    """The entries of a `config.json`, or a told error about the one that is missing."""

    def __init__(self, content: Mapping[str, Any], where: str) -> None:
        self.content = content
        self.where = where
        self.family = str(content.get("model_type") or "")

    def error(self, message: str) -> UnsupportedArchitectureError:
        """The error of a configuration that cannot be used."""
        return UnsupportedArchitectureError(
            message,
            hint="Take the config.json that was published with the model.",
            where=self.where,
        )

    def get(self, key: str, default: Any = None) -> Any:
        """An entry as it stands; null counts as absent."""
        value = self.content.get(key)
        return default if value is None else value

    def whole(self, *keys: str, default: int | None = None) -> int:
        """The positive whole number under the first key present, or `default` where none is."""
        for key in keys:
            value = self.content.get(key)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise self.error(f"'{key}' must be a positive whole number, got {value!r}.")
            most = _MOST_LAYERS if key in _LAYER_KEYS else _MOST
            if value > most:
                raise self.error(f"'{key}' is {value}; no model has more than {most}.")
            return value
        if default is None:
            raise self.error(f"'{keys[0]}' must be a positive whole number, got None.")
        return default

    def maybe(self, *keys: str) -> int | None:
        """The same, where absence (or zero) means that the model has none of it."""
        if not any(self.content.get(key) for key in keys):
            return None
        return self.whole(*(key for key in keys if self.content.get(key)))

    def flag(self, key: str, *, default: bool = False) -> bool:
        """A yes or no."""
        return bool(self.get(key, default))

    def text(self, *keys: str, default: str = "") -> str:
        """A word under the first key present."""
        return str(next((self.content[key] for key in keys if self.content.get(key)), default))

    def numbers(self, key: str) -> tuple[int, ...]:
        """A list of numbers; absent means none."""
        return tuple(self.get(key, ()))


@dataclass(frozen=True)
class Heads:
    """Query heads, key/value heads and the width of one."""

    query: int
    key_value: int
    width: int

    @property
    def query_width(self) -> int:
        """Outputs of the query projection."""
        return self.query * self.width

    @property
    def key_value_width(self) -> int:
        """Outputs of the key (and of the value) projection."""
        return self.key_value * self.width


@dataclass(frozen=True)
class Shape:
    """What a reader makes of a configuration; parameters outside the groups are counted here."""

    hidden_size: int
    heads: Heads
    vocabulary_size: int
    groups: tuple[LayerGroup, ...]
    embedding_parameters: int
    head_parameters: int
    other_parameters: int = 0
    """Final norms, poolers, projections around the layers."""
    max_sequence_length: int | None = None
    tied: bool = False
    kind: Literal["decoder", "encoder_decoder", "encoder"] = "decoder"
    is_approximate: bool = False
    note: str = ""


Reader = Callable[[Config], Shape]


def linear(
    name: str, inputs: int, outputs: int, *, bias: bool = False, part: Part = "feed_forward"
) -> Linear:
    """One linear module."""
    return Linear(name=name, inputs=inputs, outputs=outputs, bias=bias, part=part)


def attention(name: str, inputs: int, outputs: int, *, bias: bool = False) -> Linear:
    """One linear module of the attention."""
    return Linear(name=name, inputs=inputs, outputs=outputs, bias=bias, part="attention")


def split_attention(
    hidden: int,
    heads: Heads,
    *,
    names: tuple[str, str, str, str] = ("q_proj", "k_proj", "v_proj", "o_proj"),
    biases: tuple[bool, bool] = (False, False),
) -> tuple[Linear, ...]:
    """Query, key, value and output projection, each a module; biases of the three and of the last.

    A key/value projection is as wide as its heads say.
    """
    return (
        attention(names[0], hidden, heads.query_width, bias=biases[0]),
        attention(names[1], hidden, heads.key_value_width, bias=biases[0]),
        attention(names[2], hidden, heads.key_value_width, bias=biases[0]),
        attention(names[3], heads.query_width, hidden, bias=biases[1]),
    )


def fused_attention(
    hidden: int,
    heads: Heads,
    names: tuple[str, str],
    *,
    biases: tuple[bool, bool] = (False, False),
) -> tuple[Linear, ...]:
    """Query, key and value in one module, and the output projection."""
    packed = heads.query_width + 2 * heads.key_value_width
    return (
        attention(names[0], hidden, packed, bias=biases[0]),
        attention(names[1], heads.query_width, hidden, bias=biases[1]),
    )


def gated_feed_forward(
    hidden: int,
    width: int,
    *,
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    bias: bool = False,
) -> tuple[Linear, ...]:
    """Gate, up and down."""
    return (
        linear(names[0], hidden, width, bias=bias),
        linear(names[1], hidden, width, bias=bias),
        linear(names[2], width, hidden, bias=bias),
    )


def packed_feed_forward(
    hidden: int, width: int, *, names: tuple[str, str] = ("gate_up_proj", "down_proj")
) -> tuple[Linear, ...]:
    """Gate and up in one module, and down."""
    return (linear(names[0], hidden, 2 * width), linear(names[1], width, hidden))


def plain_feed_forward(
    hidden: int, width: int, names: tuple[str, str], *, bias: bool
) -> tuple[Linear, ...]:
    """Up and down, without a gate."""
    return (
        linear(names[0], hidden, width, bias=bias),
        linear(names[1], width, hidden, bias=bias),
    )


def alternating(kinds: Iterable[Any]) -> list[tuple[Any, int]]:
    """How often each kind of layer occurs, in the order of first appearance."""
    counts: dict[Any, int] = {}
    for kind in kinds:
        counts[kind] = counts.get(kind, 0) + 1
    return list(counts.items())


def parameters_of(shape: Shape) -> int:
    """All parameters: embeddings, layers, head and the rest."""
    layers = sum(group.count * group.parameters for group in shape.groups)
    return shape.embedding_parameters + layers + shape.head_parameters + shape.other_parameters


def idle_parameters_of(shape: Shape) -> int:
    """Parameters of the experts that a token does not go through."""
    return sum(
        group.count * (each.parameters // each.copies) * (each.copies - each.active_copies)
        for group in shape.groups
        for each in group.linears
    )


def card_from(
    shape: Shape, config: Config, name: str, provenance: Provenance, local_path: str | None = None
) -> ModelCard:
    """The model card of a shape; the flat numbers are those of its most frequent layer."""
    if shape.heads.key_value > shape.heads.query:
        raise config.error(
            f"{shape.heads.key_value} key/value heads cannot serve {shape.heads.query} query heads."
        )
    parameters, idle = parameters_of(shape), idle_parameters_of(shape)
    usual = max(shape.groups, key=lambda group: group.count)
    named = config.get("architectures") or [""]
    return ModelCard(
        id=name,
        architecture=str(named[0]),
        hidden_size=shape.hidden_size,
        layers=sum(group.count for group in shape.groups),
        attention_heads=shape.heads.query,
        key_value_heads=shape.heads.key_value,
        head_dim=shape.heads.width,
        intermediate_size=usual.intermediate_size,
        vocabulary_size=shape.vocabulary_size,
        tied_embeddings=shape.tied,
        max_sequence_length=shape.max_sequence_length,
        parameters=parameters,
        active_parameters=parameters - idle if idle else None,
        gated_mlp=usual.gated,
        family=config.family,
        kind=shape.kind,
        groups=shape.groups,
        embedding_parameters=shape.embedding_parameters,
        head_parameters=shape.head_parameters,
        is_approximate=shape.is_approximate,
        local_path=local_path,
        provenance=provenance,
    )
