"""Reads a model file of the catalog: named configurations of one family."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from advisor.catalog.architectures import card_of
from advisor.catalog.architectures.reading import Config
from advisor.catalog.architectures.vision import beside, vision_parts
from advisor.catalog.load import Node, read
from advisor.catalog.names import plain
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

Plain = dict[str, Any]


def models_from(node: Node) -> Iterator[Plain]:
    """The models of one file as plain data, each with its card.

    Raises CatalogError for a missing or unknown key, or a count other than the stated one.
    """
    node.expect(required=("family", "source", "models"))
    for model in node.nodes("models"):
        model.expect(
            required=("id", "title", "parameters", "config"),
            optional=("sizes", "hub_ids", "source", "note", "beside", "uncounted"),
        )
        hub_ids = model.texts("hub_ids")
        names = (model.text("id"), *model.texts("sizes"), *hub_ids)
        bare = (name.partition("/")[2] for name in hub_ids)
        yield {
            "names": list(names),
            "plain": sorted({plain(name) for name in (*names, *bare)}),
            "sizes": list(model.texts("sizes")),
            "card": _card(model, model.text("source", node.text("source"))),
        }


def configuration(model_id: str, files: Iterable[Path]) -> str:
    """The `config.json` text of a catalog model; empty where the files hold no such model.

    The compiled catalog leaves it out: only those who build the model need it.
    """
    for file in files:
        for model in read(file).nodes("models"):
            if model.text("id") == model_id:
                return json.dumps(model.node("config").content())
    return ""


def _card(model: Node, source: str) -> Plain:
    card = card_of(
        model.node("config").content(),
        model.text("id"),
        Provenance(kind="table", source=source, note=model.text("note")),
        where=f"{model.file.name}:{model.line}",
    )
    if card.parameters != model.whole("parameters"):
        raise model.error(
            f"The configuration has {card.parameters} parameters, not {model.whole('parameters')}.",
            "Mend the configuration, or the published count.",
            "parameters",
        )
    if model.has("uncounted"):
        card = card.model_copy(update={"uncounted": model.texts("uncounted")})
    return _with_beside(card, model).model_dump(mode="json", exclude_defaults=True)


def _with_beside(card: ModelCard, model: Node) -> ModelCard:
    """The card with what `beside` says is loaded along with the language model.

    Raises CatalogError for a vision tower that nobody counts.
    """
    if not model.has("beside"):
        return card
    outer = Config(model.node("beside").content(), f"{model.file.name}:{model.line}")
    parts = vision_parts(outer, card.hidden_size)
    if parts is None:
        raise model.error(
            "Nobody counts what is beside this language model.",
            "Give its `model_type` and a `vision_config` of a known kind, or say `uncounted`.",
            "beside",
        )
    return beside(card, parts)
