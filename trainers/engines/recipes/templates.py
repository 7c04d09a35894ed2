"""Which well-known chat form a base model's own template writes."""

from __future__ import annotations

import json
from pathlib import Path

MARKS = {"chatml": "<|im_start|>", "llama3": "<|start_header_id|>"}


def family_of(model: str) -> str:
    """`chatml` or `llama3`, `other` for another template; empty where none can be seen."""
    text = template_of(model)
    if not text:
        return ""
    return next((name for name, mark in MARKS.items() if mark in text), "other")


def template_of(model: str) -> str:
    """The chat template in a model's folder; empty for a hub id or a model without one."""
    folder = Path(model)
    try:
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    except OSError:
        pass
    try:
        told = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        return str(told.get("chat_template") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def layers_of(model: str) -> int | None:
    """How many layers a model's folder says it has; None for a hub id."""
    try:
        told = json.loads((Path(model) / "config.json").read_text(encoding="utf-8"))
        inner = told.get("text_config") or told
        return int(inner["num_hidden_layers"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
