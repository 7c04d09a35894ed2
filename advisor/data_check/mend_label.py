"""Puts another spelling of a label into a row, wherever its shape holds the target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.data_check.labels import bare

TARGET_WORDS = ("target", "label", "messages")


def named(fields: Mapping[str, Any], name: str) -> str:
    """The field's name as the row writes it; the name itself where the row has no such field."""
    return next((own for own in fields if own.strip().lower() == name), name)


def respell(fields: dict[str, Any], mapping: Mapping[str, str], label: str) -> str:
    """Change the target to this spelling of it; the name of the field, or empty where none is."""
    for word in TARGET_WORDS:
        name = named(fields, mapping.get(word, ""))
        if name in fields and (new := _respelt(fields[name], label)) is not None:
            fields[name] = new
            return name
    return ""


def _respelt(value: Any, label: str) -> Any:
    """The value with the label in it; None where it holds none."""
    if isinstance(value, str):
        return label if bare(value) == bare(label) else None
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        for key in ("content", "value"):
            if _respelt(value[-1].get(key), label) is not None:
                return [*value[:-1], {**value[-1], key: label}]
    return None
