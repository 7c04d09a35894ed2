"""Files of a job: whole or not there, each job in a sub-folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from advisor.errors import StorageError
from advisor.schema.train import TrainJob

MODEL_FILE, CHECKPOINT_FILE, RESULT_FILE = "words.json", "checkpoint.json", "result.json"
FINAL_FOLDER = "final"


def digest_of(job: TrainJob) -> str:
    """16 digits over all that the weights depend on."""
    told = {
        "plan": job.plan.model_dump(mode="json", exclude={"reasons"}),
        "rows": [[sample.input, sample.target] for sample in job.train_samples],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def write(path: Path, told: dict[str, Any]) -> None:
    """Replace a JSON file at once. Raises StorageError."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(told, stream, ensure_ascii=False, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        raise StorageError(
            f"Training cannot write its files: {error.strerror or error}.",
            hint="Choose an output folder you may write to.",
            where=str(path.parent),
        ) from error


def read(path: Path) -> dict[str, Any] | None:
    """What a JSON file holds; None where it is missing or broken."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None
