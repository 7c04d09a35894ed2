"""The folder one training job keeps: how far it came, and its finished result.

Every job has a sub-folder of its own below the output folder, named after the job's digest, so that
no job ever touches what another has left.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path

from pydantic import Field, ValidationError

from advisor.errors import StorageError
from advisor.schema.base import Value
from advisor.schema.train import Preflight, TrainJob, TrainResult
from trainers.engines.identity import Identity, differences, identity_of

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
PROGRESS_FILE = "progress.json"
RESULT_FILE = "result.json"
FINAL_FOLDER = "final"
CHECKPOINT_PREFIX = "checkpoint-"


class Progress(Value):
    """What must survive an interruption and is not in a checkpoint."""

    job: str
    """Digest of the job, so that two jobs never mix."""
    wall_seconds: float = 0.0
    """Time spent training so far."""
    tokens: int = 0
    """Tokens trained on so far, padding left out; repeated steps count again."""
    peak_memory_gib: float | None = None
    step: int = 0
    """Optimizer steps done when this was written."""
    dev_loss_before: float | None = None
    """Mean loss on the dev samples before the first step."""
    steps_seconds: float = 0.0
    """Of `wall_seconds`, those in optimizer steps."""
    evaluation_seconds: float = 0.0
    saving_seconds: float = 0.0
    general_loss_before: float | None = None
    """Mean loss on general samples before the first step."""
    preflight: Preflight | None = None
    """What was looked at before the first step; its changes to the plan hold on."""
    identity: Identity = Field(default_factory=Identity)
    """Of what the digest was made, so that another job can say in what it differs."""


class Finished(Value):
    """A result with what is needed to see later that its files are still whole."""

    job: str
    files: dict[str, int]
    """File below the final folder -> size in bytes."""
    result: TrainResult


def storage_error(error: OSError, folder: Path) -> StorageError:
    """An operating system's refusal to write, in the user's words."""
    if error.errno in FULL_DISK:
        return StorageError(
            "The disk is full: training could not write its files.",
            hint="Free some space and run the same command again; it continues where it stopped.",
            where=str(folder),
        )
    return StorageError(
        f"Training cannot write its files: {error.strerror or error}.",
        hint="Choose an output folder you may write to.",
        where=str(folder),
    )


def write_whole(path: Path, text: str) -> None:
    """Replace a file's content at once: temporary file beside it, fsync, rename.

    Raises StorageError when the folder cannot be written; the old file stays.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", text=True)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        raise storage_error(error, path.parent) from error
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)


class Ledger:
    """Reads and writes what one job leaves in its own folder, and nothing outside it."""

    def __init__(self, job: TrainJob, trainer: str) -> None:
        self.shared = Path(job.output_dir)
        """Where the folders of all jobs lie."""
        self.identity = identity_of(job, trainer)
        self.digest = self.identity.digest
        self.folder = self.shared / self.digest
        self.remarks: tuple[str, ...] = ()
        """What is to be told once the job has begun: another job's unfinished work is left."""
        self._resumes = job.resume

    @property
    def final(self) -> Path:
        """Where the trained thing lies once it is whole."""
        return self.folder / FINAL_FOLDER

    def finished(self) -> TrainResult | None:
        """The stored result of this very job, when its files are still whole; else None.

        None, too, for a job that is to begin anew.
        """
        if not self._resumes:
            return None
        try:
            text = (self.folder / RESULT_FILE).read_text(encoding="utf-8")
            stored = Finished.model_validate_json(text)
        except (OSError, UnicodeDecodeError, ValidationError):
            return None
        if stored.job != self.digest or stored.files != sizes(self.final):
            return None
        served = stored.result.served_by.model_copy(update={"model": str(self.final)})
        place = {"output_dir": str(self.shared), "served_by": served}
        return stored.result.model_copy(update=place)

    def begin(self, *, resume: bool) -> Progress:
        """What an interrupted run of this very job left, or an empty folder and a fresh start.

        Where it starts afresh although another job lies unfinished, `remarks` tells of that one.
        """
        known = _progress(self.folder)
        if resume and known is not None:
            return known
        self.clear()
        self.remarks = self._left_behind() if resume else ()
        fresh = Progress(job=self.digest, identity=self.identity)
        self.save(fresh)
        return fresh

    def _left_behind(self) -> tuple[str, ...]:
        """What the newest unfinished job beside this one holds, and in what it differs."""
        files = [file for file in self.shared.glob(f"*/{PROGRESS_FILE}") if file.is_file()]
        newest = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
        found = [(file.parent, known) for file in newest if (known := _progress(file.parent))]
        others = [(place, known) for place, known in found if known.step]
        if not others:
            return ()
        place, known = others[0]
        what = differences(known.identity, self.identity) or "in what was not written down"
        more = f" {len(others) - 1} more lie beside it." if others[1:] else ""
        told = (
            f"Training begins anew: the one that was left at step {known.step} differs ({what})."
            f" It lies in {place}: run with its settings to go on from there, or delete that"
            f" folder.{more}"
        )
        return (told,)

    def save(self, progress: Progress) -> None:
        """Write how far training has come."""
        write_whole(self.folder / PROGRESS_FILE, progress.model_dump_json())

    def draft(self) -> Path:
        """An empty folder beside the final one, to be filled and then handed to `finish`."""
        place = self.folder / f"{FINAL_FOLDER}.partial"
        shutil.rmtree(place, ignore_errors=True)
        try:
            place.mkdir(parents=True)
        except OSError as error:
            raise storage_error(error, self.folder) from error
        return place

    def finish(self, draft: Path, result: TrainResult) -> None:
        """Put the trained thing in place, then the result that vouches for it, then tidy up."""
        try:
            flush(draft)
            shutil.rmtree(self.final, ignore_errors=True)
            draft.replace(self.final)
        except OSError as error:
            raise storage_error(error, self.folder) from error
        done = Finished(job=self.digest, files=sizes(self.final), result=result)
        write_whole(self.folder / RESULT_FILE, done.model_dump_json(indent=1) + "\n")
        self.tidy()

    def tidy(self) -> None:
        """Delete what a finished run no longer needs: checkpoints and progress."""
        for place in self.folder.glob(f"{CHECKPOINT_PREFIX}*"):
            shutil.rmtree(place, ignore_errors=True)
        _discard(self.folder / PROGRESS_FILE)

    def clear(self) -> None:
        """Delete what this job left before; other jobs and files that are no trainer's stay."""
        self.tidy()
        for place in (self.final, self.folder / f"{FINAL_FOLDER}.partial"):
            shutil.rmtree(place, ignore_errors=True)
        _discard(self.folder / RESULT_FILE)


def _progress(folder: Path) -> Progress | None:
    """How far the job of a folder came; None where that cannot be read or is another's."""
    try:
        text = (folder / PROGRESS_FILE).read_text(encoding="utf-8")
        known = Progress.model_validate_json(text)
    except (OSError, UnicodeDecodeError, ValidationError):
        return None
    return known if known.job == folder.name else None


def _discard(file: Path) -> None:
    """Delete a file that may not be there; a folder that cannot be changed is told on writing."""
    with contextlib.suppress(OSError):
        file.unlink()


def sizes(folder: Path) -> dict[str, int]:
    """Every file below a folder with its size in bytes."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.stat().st_size for p in files}


def flush(folder: Path) -> None:
    """Hand every file below a folder to the disk, so that a power cut leaves no hole in it."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
