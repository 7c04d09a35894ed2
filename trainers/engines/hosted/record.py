"""What is remembered of a job at a service, so that nobody pays for it twice."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from advisor.schema.base import Value
from advisor.schema.train import TrainResult
from trainers.engines.ledger import Ledger, write_whole

RECORD_FILE = "hosted.json"
GONE = ("failed", "cancelled")
"""States after which only a new job helps."""


class Record(Value):
    """Written before and after every request that costs money."""

    host: str
    files: dict[str, str] = Field(default_factory=dict)
    """Name of an uploaded file -> the service's id of it."""
    asked: bool = False
    """A job has been asked for: where its id is missing, it is looked for before another is."""
    job: str = ""
    """The service's id."""
    status: str = ""
    last_event: str = ""
    """The service's id of the newest event that was told."""
    began: float = 0.0
    """Seconds since 1970, when the job was asked for."""
    result: TrainResult | None = None


def record_path(ledger: Ledger) -> Path:
    """Where the record of a job lies."""
    return ledger.folder / RECORD_FILE


def read_record(ledger: Ledger, host: str) -> Record:
    """The record of this very job at this very service; a fresh one where there is none."""
    try:
        known = Record.model_validate_json(record_path(ledger).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return Record(host=host)
    return known if known.host == host else Record(host=host)


def write_record(ledger: Ledger, record: Record) -> None:
    """Replace the record at once. Raises StorageError."""
    write_whole(record_path(ledger), record.model_dump_json(indent=1) + "\n")
