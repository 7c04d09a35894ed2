"""The user's file of what finished runs on this machine took: one JSON line for each.

`ADVISOR_CALIBRATION=off` neither writes nor reads it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.errors import PlanError, StorageError
from advisor.resources import user_data_root

if TYPE_CHECKING:  # its class is only built where there are records
    from advisor.schema.calibration import CalibrationRecord

SWITCH = "ADVISOR_CALIBRATION"
FILE = "calibration.jsonl"


def is_on() -> bool:
    """Whether runs are recorded and estimates corrected."""
    return os.environ.get(SWITCH, "").lower() not in ("off", "0", "no", "false")


def file() -> Path:
    """Where the records lie, whether or not there are any."""
    return user_data_root() / FILE


def records() -> tuple[CalibrationRecord, ...]:
    """All records, oldest first; none when switched off. A line that cannot be read is left out."""
    return tuple(_readable(_lines())) if is_on() else ()


def add(record: CalibrationRecord) -> bool:
    """Append a record unless switched off or already there; whether it was written.

    One write of one line, so that two runs that end together do not mix. Raises StorageError.
    """
    if not is_on() or any(known.id == record.id for known in _readable(_lines())):
        return False
    place, line = file(), record.model_dump_json() + "\n"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise _refused(place, error) from error
    return True


def remove(wanted: str) -> int:
    """Remove the record with that id, or `all`; how many went.

    The file is replaced whole. Raises PlanError for an id that is not there, and StorageError.
    """
    known = list(_readable(_lines()))
    kept = [] if wanted == "all" else [record for record in known if record.id != wanted]
    if len(kept) == len(known) and wanted != "all":
        raise PlanError(
            f"There is no calibration record '{wanted}'.",
            hint="See `advisor calibration list`, or say `all`.",
        )
    place = file()
    fresh = place.with_suffix(f".{os.getpid()}")
    try:
        if kept:
            fresh.write_text("".join(r.model_dump_json() + "\n" for r in kept), encoding="utf-8")
            fresh.replace(place)
        else:
            place.unlink(missing_ok=True)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise _refused(place, error) from error
    return len(known) - len(kept)


def identified(record: CalibrationRecord) -> CalibrationRecord:
    """The record with the id that its content gives it."""
    text = record.model_copy(update={"id": ""}).model_dump_json()
    return record.model_copy(update={"id": hashlib.sha256(text.encode()).hexdigest()[:8]})


def _lines() -> list[str]:
    try:
        return file().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _readable(lines: Sequence[str]) -> Iterable[CalibrationRecord]:
    if not lines:
        return
    from pydantic import ValidationError  # noqa: PLC0415 - only where there are records

    from advisor.schema.calibration import CalibrationRecord  # noqa: PLC0415

    for line in lines:
        try:
            yield CalibrationRecord.model_validate_json(line)
        except ValidationError:
            continue


def _refused(place: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{place.name} cannot be written: {error.strerror or error}.",
        hint=f"Make the folder writable, or set {SWITCH}=off.",
        where=str(place.parent),
    )
