"""What a folder of tuned weights stands on: the facts that were written beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

from advisor.contracts.base_facts import BASE_FACTS, weights_digest
from advisor.errors import ModelFolderError

ADAPTER = "adapter_config.json"
CONFIG = "config.json"
SNAPSHOT = re.compile(r"models--(.+?)--(.+)/snapshots/")
"""Where the hub's local cache keeps a model."""
Kind = Literal["adapter", "kept", "whole"]


class Origin(NamedTuple):
    """A tuned folder, and what is written in it."""

    folder: Path
    kind: Kind
    """A PEFT adapter, weights in a method's own form, or a whole model."""
    facts: dict[str, Any]
    """Of `base.json`; empty where a foreign program has trained it."""
    config: dict[str, Any]
    """Of the adapter, or of the whole model."""

    @property
    def is_packed(self) -> bool:
        """Whether it was trained on a base in 4 or 8 bits."""
        return self.facts.get("base_bits") in (4, 8)


def origin_of(folder: Path) -> Origin:
    """What lies in a folder. Raises ModelFolderError for what is no model at all."""
    facts = read_facts(folder / BASE_FACTS)
    if (folder / CONFIG).is_file():
        return Origin(folder, "whole", facts, read_facts(folder / CONFIG))
    if (folder / ADAPTER).is_file():
        return Origin(folder, "adapter", facts, read_facts(folder / ADAPTER))
    if facts:
        return Origin(folder, "kept", facts, {})
    raise ModelFolderError(
        f"There is no model in '{folder}': none of {CONFIG}, {ADAPTER} and {BASE_FACTS}.",
        hint="Name the folder that holds what was trained, for example training/.../final.",
        where=str(folder),
    )


def is_stacked(model: str) -> bool:
    """Whether a model reference is a folder that only holds what was trained beside a base."""
    folder = Path(model)
    if (folder / CONFIG).is_file():
        return False
    return (folder / ADAPTER).is_file() or (folder / BASE_FACTS).is_file()


def base_of(folder: Path) -> str:
    """Where the base of a folder lies; raises ModelFolderError where it is not that base."""
    facts = read_facts(folder / BASE_FACTS)
    named = read_facts(folder / ADAPTER).get("base_model_name_or_path") or facts.get("model")
    if not named:
        raise ModelFolderError(
            f"The adapter in {folder} names no base model.",
            hint=f"Set base_model_name_or_path in {ADAPTER}.",
            where=str(folder),
        )
    told, place = facts.get("base_digest"), Path(str(named))
    if told and place.is_dir() and weights_digest(place) != told:
        raise another_base(folder, str(named))
    return str(named)


def hub_id(reference: str) -> str:
    """What a model is called on the hub, which says the same on any machine; empty for a place."""
    cached = SNAPSHOT.search(reference.replace("\\", "/"))
    if cached:
        return "/".join(cached.groups())
    return "" if is_place(reference) else reference


def is_place(reference: str) -> bool:
    """Whether a model reference is a folder, or can only mean one."""
    looks_so = reference.startswith((".", "/", "~")) or reference.count("/") > 1
    return looks_so or "\\" in reference or Path(reference).is_dir()


def read_facts(file: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no such file. Raises ModelFolderError for others."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise _unread(file, str(error)) from error
    if not isinstance(found, dict):
        raise _unread(file, "it holds no JSON object")
    return found


def _unread(file: Path, why: str) -> ModelFolderError:
    return ModelFolderError(
        f"{file.name} cannot be read: {why}",
        hint="Copy the folder again, or train again.",
        where=str(file.parent),
    )


def another_base(folder: Path, base: str) -> ModelFolderError:
    """That the weights of the base are not those of the training."""
    return ModelFolderError(
        f"The adapter in {folder} was trained on another base than '{base}': the weights there"
        " are others.",
        hint="Put the old base back, name its place in the adapter's files, or train again.",
        where=str(folder),
    )
