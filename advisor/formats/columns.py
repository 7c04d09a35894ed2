"""Fields that may stand beside any row: id, split, group, document, time, licence and others."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime

from advisor.formats.guesses import closest
from advisor.formats.turns import json_text, without_none
from advisor.formats.values import RowError, shown, text_of
from advisor.schema.evaluation import Message, Split

COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "_id", "sample_id", "example_id"),
    "split": ("split",),
    "system": ("system", "system_prompt"),
    "group": (
        "group",
        "group_id",
        "customer_id",
        "patient_id",
        "user_id",
        "thread_id",
        "conversation_id",
        "dialogue_id",
        "dialog_id",
        "session_id",
    ),
    "document": ("document_id", "doc_id", "source_document", "source_file", "document"),
    "time": ("created_at", "timestamp", "time", "datetime", "date"),
    "licence": ("licence", "license"),
    "synthetic_by": ("synthetic_by", "generated_by", "synthetic", "is_synthetic"),
    "tools": ("tools", "functions"),
    "answerable": ("is_answerable", "answerable", "has_answer"),
    "unanswerable": ("is_impossible", "is_unanswerable", "unanswerable"),
}
"""By what it serves as, the names it is known under; of several the first counts.

Groups run from the wider to the narrower: one customer has many conversations.
"""
OUR_OWN = frozenset(("synthetic", "generated_by", "generated_from", "generated_at"))
"""What `advisor data generate` writes beside a row; in the absence of others two of them count."""
SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "eval": "dev",
    "test": "test",
    "testing": "test",
}
LONGEST_NAME = 200
"""Letters above which the field of a document holds the document itself, not its name."""
MILLISECONDS = 1e11
"""Seconds since 1970 never get so large before the year 5138, milliseconds since 1973 are."""
UNNAMED_MODEL = "unnamed model"
NO_ANSWER = "unanswerable"
"""The target of a row that says it has no answer and gives none."""
TOOLS_HINT = "Give a list of function objects, or that list as JSON text."


def known_columns() -> frozenset[str]:
    """Every name under which something may stand beside a row."""
    return frozenset(name for names in COLUMNS.values() for name in names)


def split_of(value: object) -> Split | None:
    """The split a row names; None where it names none. Raises RowError."""
    if value is None or value == "":
        return None
    name = text_of("split", value).strip().lower()
    if name not in SPLITS:
        near = closest(name, SPLITS)
        perhaps = f" (did you mean '{near}'?)" if near else ""
        message = f"unknown split {shown(value)}{perhaps}"
        raise RowError("unknown_split", message, f"Accepted: {', '.join(SPLITS)}.")
    return SPLITS[name]


def name_of(value: object) -> str:
    """A group or document as a short text: numbers as written, long texts by a hash."""
    if value is None:
        return ""
    text = value.strip() if isinstance(value, str) else json_text(value)
    if len(text) <= LONGEST_NAME and text.isprintable():
        return text
    return "text " + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def time_of(value: object) -> str | None:
    """The moment in ISO format, in UTC where the zone is told; None where it is no moment."""
    try:
        if isinstance(value, str) and value.strip():
            return _iso(datetime.fromisoformat(value.strip()))
        if isinstance(value, datetime):
            return _iso(value)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= MILLISECONDS else value
            return _iso(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None
    return ""


def _iso(moment: datetime) -> str:
    return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat()


def author_of(value: object) -> str:
    """The model that wrote the row; empty for a collected one."""
    if value is None or value in (False, ""):
        return ""
    text = value.strip() if isinstance(value, str) else ""
    if text.lower() in ("false", "no", "0", "none", "human"):
        return ""
    return text if text and text.lower() not in ("true", "yes", "1") else UNNAMED_MODEL


def system_turn(name: str, value: object) -> tuple[Message, ...]:
    """The row's own system turn, where it has one; raises RowError."""
    if value is None or value == "":
        return ()
    return (Message(role="system", content=text_of(name, value)),)


def tools_of(value: object) -> tuple[str, ...]:
    """Each function's schema as JSON text; raises RowError."""
    if value is None or value in ("", [], "[]"):
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            message = f"'tools' is no JSON: {shown(value)}"
            raise RowError("tools", message, TOOLS_HINT) from None
    if not isinstance(value, list) or not all(isinstance(item, (dict, str)) for item in value):
        raise RowError("tools", f"'tools' must be a list, got {shown(value)}", TOOLS_HINT)
    return tuple(
        text_of("tools", item if isinstance(item, str) else json_text(without_none(item)))
        for item in value
    )


def truth_of(value: object) -> bool | None:
    """Yes or no, as a bit or a word; None for anything else."""
    if isinstance(value, (bool, int, float)):
        return bool(value) if value in (0, 1) else None
    word = value.strip().lower() if isinstance(value, str) else ""
    return True if word in YES else False if word in NO else None


YES, NO = ("true", "yes", "1"), ("false", "no", "0")
