"""A model's `config.json` from the hub, only where the user lets things be downloaded."""

from __future__ import annotations

import json
import os
import re

from advisor.catalog.architectures import card_of
from advisor.catalog.refresh.download import fetch
from advisor.errors import UnknownModelError
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

ALLOW_DOWNLOAD = "ADVISOR_ALLOW_DOWNLOAD"
ENDPOINT = "HF_ENDPOINT"
"""The hub's own variable for mirrors."""
DEFAULT_ENDPOINT = "https://huggingface.co"
TIMEOUT_SECONDS = 10.0
_HUB_ID = re.compile(r"[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}")


def may_ask(ref: str) -> bool:
    """Whether a name can be a hub id and downloads are allowed."""
    return os.environ.get(ALLOW_DOWNLOAD) == "1" and _HUB_ID.fullmatch(ref) is not None


def hub_model(ref: str) -> ModelCard:
    """The shape of a model on the hub; the file is kept and asked for again only when it changed.

    Raises CatalogError when it cannot be fetched, UnknownModelError when it is no configuration,
    UnsupportedArchitectureError when it cannot be counted.
    """
    base = (os.environ.get(ENDPOINT) or DEFAULT_ENDPOINT).rstrip("/")
    url = f"{base}/{ref}/resolve/main/config.json"
    content = fetch(url, TIMEOUT_SECONDS).content
    try:
        config = json.loads(content)
    except ValueError as error:
        raise _no_configuration(ref, url) from error
    if not isinstance(config, dict):
        raise _no_configuration(ref, url)
    provenance = Provenance(kind="table", source="hub", note=f"config.json of {ref}")
    card = card_of(config, ref, provenance, where=url)
    return card.model_copy(update={"configuration": json.dumps(config)})


def _no_configuration(ref: str, url: str) -> UnknownModelError:
    return UnknownModelError(
        f"What the hub holds as config.json of '{ref}' is no configuration.",
        hint="Download the model and name its folder.",
        where=url,
    )
