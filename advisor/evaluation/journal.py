"""The evaluation's diary on disk: a header, then one line per answered sample, batch by batch.

A killed evaluation continues from it. Batches are whole or absent: a half-written line, or a batch
that lacks a line, is cut off and done again, so that no batch ever has another composition than in
an unbroken run. Lines hold prompts and completions but no scores; scores are computed from them.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from advisor.errors import ArtifactError, MissingArtifactError, StorageError
from advisor.schema.base import Value
from advisor.schema.evaluation import Completion, Prompt

FORMAT = 1
Setting = str | int | float | bool


class Answered(Value):
    """One sample's prompt and what the model said."""

    batch: int = Field(ge=0)
    prompt: Prompt
    completion: Completion
    raised: bool = False
    """The backend raised on this prompt, which may pass; a refusal it returned stands."""


class Header(Value):
    """Everything that must be equal for a stored completion to be used again."""

    format: int = FORMAT
    builder: str
    builder_settings: dict[str, Setting]
    conditions: dict[str, Setting | dict[str, Setting]]
    model_digest: str
    samples_digest: str
    sample_ids: tuple[str, ...]

    @property
    def batch_size(self) -> int:
        """Samples per batch."""
        size = self.conditions["batch_size"]
        return size if isinstance(size, int) else 1


class Journal:
    """A journal file, opened for one evaluation."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.header = header

    def resume(self) -> list[Answered]:
        """Answers of the whole batches before the first on which the backend raised.

        What made it raise may have been mended, so that batch and those after it are asked again;
        the file is left holding just what is returned. A journal made under other conditions is
        replaced by an empty one. Raises StorageError when the file cannot be written.
        """
        lines = _lines(self.path)
        same = bool(lines) and lines[0] == self.header.model_dump(mode="json")
        answers = _unbroken(_whole_batches(lines[1:], self.header)) if same else []
        text = "".join(_dump(value) for value in (self.header, *answers))
        self._write(text, mode="w")
        return answers

    def append(self, answers: Sequence[Answered]) -> None:
        """Add one whole batch and make sure that it is on disk."""
        self._write("".join(_dump(answer) for answer in answers), mode="a")

    def _write(self, text: str, *, mode: str) -> None:
        target = self.path if mode == "a" else self.path.with_name(f".{self.path.name}.new")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open(mode, encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            target.replace(self.path)
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            reason = "the disk is full" if full else error.strerror or str(error)
            raise StorageError(
                f"The evaluation journal {self.path.name} cannot be written: {reason}.",
                hint="Free some space or choose another folder with --run-dir; finished batches "
                "are kept.",
                where=str(self.path),
            ) from error


def read(path: Path) -> tuple[Header, list[Answered]]:
    """A journal's header and its answers, for scoring without a model.

    Raises MissingArtifactError when there is no journal, ArtifactError when it is no journal of
    this version.
    """
    if not path.is_file():
        raise MissingArtifactError(
            f"There is no evaluation journal {path.name}.",
            hint="Run `advisor baseline` first.",
            where=str(path),
        )
    lines = _lines(path)
    try:
        header = Header.model_validate(lines[0] if lines else None)
    except ValidationError as error:
        raise ArtifactError(
            f"{path.name} does not begin with the header of an evaluation journal.",
            hint="Delete it and run `advisor baseline` again.",
            where=f"{path}:1",
        ) from error
    return header, _whole_batches(lines[1:], header)


def _dump(value: Value) -> str:
    return json.dumps(value.model_dump(mode="json"), ensure_ascii=False) + "\n"


def _lines(path: Path) -> list[Any]:
    """Parsed lines up to the first that is broken or unfinished."""
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return []
    parsed: list[Any] = []
    for line in text.split("\n")[:-1]:
        try:
            parsed.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return parsed


def _unbroken(answers: list[Answered]) -> list[Answered]:
    """The answers before the first batch on which the backend raised."""
    broken = next((answer.batch for answer in answers if answer.raised), None)
    return answers if broken is None else [a for a in answers if a.batch < broken]


def _whole_batches(lines: Sequence[Any], header: Header) -> list[Answered]:
    """Answers in the order of the samples, cut after the last complete batch."""
    answers: list[Answered] = []
    for line, sample_id in zip(lines, header.sample_ids, strict=False):
        try:
            answer = Answered.model_validate(line)
        except ValidationError:
            break
        if answer.prompt.sample_id != sample_id:
            break
        answers.append(answer)
    if len(answers) == len(header.sample_ids):
        return answers
    return answers[: len(answers) - len(answers) % header.batch_size]
