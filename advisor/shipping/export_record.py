"""The record beside an export: kept without a place of this machine, read where it lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from advisor.artifacts import document, write_text
from advisor.schema.export import ExportRecord
from advisor.shipping.checking import CHECK_LATER

RECORD = "export.json"
HERE = "."
"""In a record that is kept: the folder that it lies in, wherever that is taken."""


def read_record(folder: Path) -> ExportRecord | None:
    """The record beside an export, for the place where it lies; None without one to read."""
    try:
        told = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        body = {key: told[key] for key in ExportRecord.model_fields if key in told}
        record = ExportRecord.model_validate(body)
    except (OSError, ValueError, TypeError):
        return None
    found = record.exported
    placed: dict[str, Any] = {"output_dir": str(folder / found.output_dir)}
    if found.served_by is not None:
        model = found.served_by.model
        inside = model == HERE or model.startswith(f"{HERE}/")
        place = str(folder / model) if inside else model
        placed["served_by"] = found.served_by.model_copy(update={"model": place})
    return record.model_copy(update={"exported": found.model_copy(update=placed)})


def keep_record(record: ExportRecord, place: Path, goal: Path) -> None:
    """Write the record into a folder that is or becomes the goal, without the path to it.

    Where this machine's base lies is told only as long as the check needs it.
    """
    told = moved(document(record), str(goal), HERE)
    served = told["exported"]["served_by"]
    if served and CHECK_LATER not in record.warnings:
        settings = served["settings"].items()
        served["settings"] = {key: one for key, one in settings if not _is_place(one)}
    text = json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False)
    write_text(place / RECORD, text + "\n", option="--out")


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and Path(value).is_absolute()


def moved(value: Any, before: str, after: str) -> Any:
    """A value with one path for another wherever it stands in a text."""
    if isinstance(value, str):
        return value.replace(before, after)
    if isinstance(value, dict):
        return {key: moved(item, before, after) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [moved(item, before, after) for item in value]
    return value
