"""Tokens per character by script, for vocabularies of small and of present size."""

from __future__ import annotations

from functools import cache

from advisor.catalog.load import Node, catalog_root, read
from advisor.schema.base import Interval, Provenance
from advisor.schema.lengths import Tokenisation

SMALL_VOCABULARY = 50_000
"""Entries below which a tokenizer is of the older kind (32 000 entries)."""


@cache
def tokenisation(vocabulary_size: int) -> Tokenisation:
    """The calibrated figures for a vocabulary.

    Raises CatalogError when the file is broken.
    """
    root = read(catalog_root() / "tokenisation.yaml")
    node = root.node("small" if vocabulary_size < SMALL_VOCABULARY else "large")
    node.expect(required=("ratio", "tokens_per_character"))
    rates, ratios = node.node("tokens_per_character"), node.node("ratio")
    return Tokenisation(
        tokens_per_character={key: rates.number(key) for key in rates.keys()},  # noqa: SIM118
        ratio={key: _interval(ratios.node(key)) for key in ratios.keys()},  # noqa: SIM118
        provenance=Provenance(
            kind="measured",
            source="benchmarks/lengths/calibrate.py",
            as_of=root.text("measured_on"),
            note=", ".join(root.texts("tokenizers")),
        ),
    )


def _interval(node: Node) -> Interval:
    return Interval(low=node.number("low"), likely=node.number("likely"), high=node.number("high"))
