"""The run folder: one JSON document per stage, written whole or not at all.

A document is the stage's value with four keys in front (`schema_version`, `advisor_version`,
`as_of`, `artifact`); `artifact` says which stage wrote it, from which earlier documents (by digest)
and from which outside inputs (by digest), so that a changed input can be noticed later.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from advisor import __version__
from advisor.errors import ArtifactError, MissingArtifactError, SchemaVersionError, StorageError
from advisor.schema.base import SCHEMA_VERSION, Value
from advisor.secrets import masked

Stage = Literal["profile", "decide", "estimate", "baseline", "gate", "train", "verify"]
Freshness = Literal["fresh", "stale", "missing"]
STAGES: tuple[Stage, ...] = ("profile", "decide", "estimate", "baseline", "gate", "train", "verify")
FILES: dict[Stage, str] = {stage: f"{i}-{stage}.json" for i, stage in enumerate(STAGES, start=1)}
ENVELOPE = ("schema_version", "advisor_version", "as_of", "artifact")
SHORTEST_SECRET = 8
"""Characters below which no text is searched: artifacts hold thousands of short ones."""
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

V = TypeVar("V", bound=BaseModel)


class Origin(Value):
    """What a document was made from."""

    stage: Stage
    made_from: dict[str, str] = Field(default_factory=dict)
    """Earlier stage -> digest of its document."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """Outside input (data, documents, model, setting) -> digest or value."""
    rulebook_digest: str = ""
    prices_as_of: str = ""
    advisor_version: str = __version__
    """Formulas and prompts may differ between versions, so another version makes it anew."""


def today() -> str:
    """Today's date in ISO format, UTC."""
    return datetime.now(UTC).date().isoformat()


def digest_of(value: object, *, digits: int = 16) -> str:
    """SHA-256 of a value's canonical JSON, shortened to so many hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, shortened to 16 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def digest_of_tree(path: Path) -> str:
    """Digest over names and contents of a file, or of every file below a folder."""
    if path.is_file():
        return digest_of_file(path)
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return digest_of([(str(p.relative_to(path)), digest_of_file(p)) for p in files])


def write_text(path: Path, text: str, *, option: str = "--run-dir") -> None:
    """Replace a file's content at once: temporary file beside it, fsync, rename.

    Raises StorageError, which names the option that chose the place, when the folder cannot be
    written or the disk is full; the old file stays.
    """
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _storage_error(path, error, option) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _storage_error(path: Path, error: OSError, option: str) -> StorageError:
    if error.errno in FULL_DISK:
        return StorageError(
            f"The disk is full: {path.name} could not be written.",
            hint=f"Free some space or choose another {option}; nothing was half-written.",
            where=str(path.parent),
        )
    return StorageError(
        f"Cannot write {path.name}: {error.strerror or error}.",
        hint=f"Choose a folder you may write to with {option}.",
        where=str(path.parent),
    )


def document(value: BaseModel, origin: Origin | None = None) -> dict[str, Any]:
    """A value as the JSON document that `--json` prints and artifacts hold."""
    head: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "advisor_version": __version__,
        "as_of": today(),
    }
    if origin is not None:
        head["artifact"] = origin.model_dump(mode="json")
    return head | value.model_dump(mode="json")


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value) if len(value) >= SHORTEST_SECRET else value
    if isinstance(value, dict):
        return {key: _without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value


def _disagree(ours: dict[str, str], theirs: dict[str, str]) -> bool:
    return any(theirs[key] != value for key, value in ours.items() if key in theirs)


class RunFolder:
    """One run's folder: reads, writes and compares its documents."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def file(self, stage: Stage) -> Path:
        """Where a stage's document lies."""
        return self.path / FILES[stage]

    def write(self, value: BaseModel, origin: Origin) -> Path:
        """Write a stage's document whole, without the secrets that data or documents may hold."""
        path = self.file(origin.stage)
        told = _without_secrets(document(value, origin))
        text = json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False)
        write_text(path, text + "\n")
        return path

    def raw(self, stage: Stage) -> dict[str, Any]:
        """A stage's document as plain JSON.

        Raises MissingArtifactError, SchemaVersionError, or ArtifactError when the file is broken.
        """
        path = self.file(stage)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise MissingArtifactError(
                f"{path.name} is not there yet.",
                hint=f"Run `advisor {stage} --run-dir {self.path}` or `advisor run` first.",
                where=str(self.path),
            ) from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ArtifactError(
                f"{path.name} cannot be read: {error}.",
                hint=f"Delete it and run `advisor {stage}` again.",
                where=str(path),
            ) from error
        if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
            found = content.get("schema_version") if isinstance(content, dict) else None
            raise SchemaVersionError(
                f"{path.name} has schema version {found}; this advisor reads {SCHEMA_VERSION}.",
                hint="Write it again with this version, or use the version that wrote it.",
                where=str(path),
            )
        return content

    def read(self, stage: Stage, kind: type[V]) -> V:
        """A stage's value."""
        content = self.raw(stage)
        body = {key: item for key, item in content.items() if key not in ENVELOPE}
        try:
            return kind.model_validate(body)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ArtifactError(
                f"{self.file(stage).name} does not hold what it should: {place}: {first['msg']}.",
                hint=f"Delete it and run `advisor {stage}` again.",
                where=str(self.file(stage)),
            ) from error

    def origin(self, stage: Stage) -> Origin:
        """What a stage's document was made from."""
        try:
            return Origin.model_validate(self.raw(stage).get("artifact", {"stage": stage}))
        except ValidationError as error:
            raise ArtifactError(
                f"{self.file(stage).name} does not say what it was made from as this version does.",
                hint=f"Delete it and run `advisor {stage}` again.",
                where=str(self.file(stage)),
            ) from error

    def digest(self, stage: Stage) -> str:
        """Digest of a stage's value, without date and version."""
        content = self.raw(stage)
        return digest_of({key: item for key, item in content.items() if key not in ENVELOPE})

    def has(self, stage: Stage) -> bool:
        """Whether the stage has written its document."""
        return self.file(stage).is_file()

    def made_from(self, *stages: Stage) -> dict[str, str]:
        """Digests of the earlier documents a new one is about to be made from."""
        return {stage: self.digest(stage) for stage in stages if self.has(stage)}

    def freshness(self, stage: Stage) -> Freshness:
        """Whether a stage's document still belongs to the earlier documents in the folder.

        Stale means: a document it was made from has changed, or an outside input that an earlier
        stage also used (the data, the documents) is not the one that stage used.
        """
        if not self.has(stage):
            return "missing"
        own = self.origin(stage)
        for earlier in STAGES[: STAGES.index(stage)]:
            digest = own.made_from.get(earlier)
            if digest is not None and (
                self.freshness(earlier) != "fresh" or self.digest(earlier) != digest
            ):
                return "stale"
            if self.has(earlier) and _disagree(own.inputs, self.origin(earlier).inputs):
                return "stale"
        return "fresh"

    def is_current(self, origin: Origin) -> bool:
        """Whether the stored document was made from exactly these inputs."""
        if not self.has(origin.stage):
            return False
        return self.origin(origin.stage) == origin
