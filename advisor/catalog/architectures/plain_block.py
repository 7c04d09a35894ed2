"""The layer that models built like GPT-2 repeat, and what stands around it."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.catalog.architectures.reading import Config, Heads, Shape
from advisor.schema.architecture import LayerGroup, Linear


@dataclass(frozen=True)
class Block:
    """One layer of the kind all of these models repeat."""

    linears: tuple[Linear, ...]
    width: int
    norms: int = 2
    norm_biases: bool = True
    other: int = 0
    parallel: bool = False
    activation: str = "gelu"
    query_key_norm: bool = False

    def groups(self, hidden: int, layers: int) -> tuple[LayerGroup, ...]:
        """So many layers of it."""
        norm = 2 if self.norm_biases else 1
        return (
            LayerGroup(
                count=layers,
                linears=self.linears,
                other_parameters=self.norms * norm * hidden + self.other,
                intermediate_size=self.width,
                gated=False,
                activation=self.activation,
                norm="layer",
                norms=self.norms,
                parallel=self.parallel,
                query_key_norm=self.query_key_norm,
            ),
        )


def with_positions(
    config: Config, hidden: int, heads: Heads, groups: tuple[LayerGroup, ...]
) -> Shape:
    """Token and learned position embeddings, a final norm, and a head that is usually tied."""
    length = config.whole("n_positions", "max_position_embeddings", default=1024)
    vocabulary = config.whole("vocab_size")
    tied = config.flag("tie_word_embeddings", default=True)
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=groups,
        embedding_parameters=(vocabulary + length) * hidden,
        head_parameters=0 if tied else vocabulary * hidden,
        other_parameters=2 * hidden,
        max_sequence_length=length,
        tied=tied,
    )


def without_positions(
    config: Config,
    hidden: int,
    heads: Heads,
    groups: tuple[LayerGroup, ...],
    *,
    tied: bool,
    other: int,
) -> Shape:
    """Token embeddings and a head around the layers; `other` counts the norms around them."""
    vocabulary = config.whole("vocab_size")
    is_tied = config.flag("tie_word_embeddings", default=tied)
    return Shape(
        hidden_size=hidden,
        heads=heads,
        vocabulary_size=vocabulary,
        groups=groups,
        embedding_parameters=vocabulary * hidden,
        head_parameters=0 if is_tied else vocabulary * hidden,
        other_parameters=other,
        max_sequence_length=config.maybe("max_position_embeddings", "seq_length", "max_seq_len")
        or 2048,
        tied=is_tied,
    )
