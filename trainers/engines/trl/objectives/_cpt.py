"""Continued pre-training: every token of a text is learnt, and no text is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datasets import Dataset

from advisor.contracts import Tools
from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample
from advisor.schema.train import DEV_LOOKED_AT, TrainJob, looked_at
from trainers.engines.trl._rows import Row, text_tokens, tokens_of
from trainers.engines.trl.course import Course
from trainers.engines.trl.objectives._general import mixed
from trainers.engines.trl.objectives._sft import of_rows

LEAST_TOKENS = 2
"""The first token of a row is given, so that a row of one has nothing to learn."""


def course(job: TrainJob, tokenizer: Any, tools: Tools) -> Course:
    """One row per document, the end token behind it; long documents in several rows.

    Raises DatasetError when there is no text.
    """
    _ = tools
    length = job.plan.sequence_length
    rows = list(_rows(job.train_samples, job.instruction, tokenizer, length))
    if not rows:
        raise DatasetError(
            "The training samples hold no text.", hint="Give rows with 'text', or text files."
        )
    dataset, notes = mixed(Dataset.from_list(rows), job, tokenizer)
    seen = looked_at(job.dev_samples, job.plan.seed)
    dev = list(_rows(seen, job.instruction, tokenizer, length))
    return of_rows(dataset, dev[:DEV_LOOKED_AT], notes=(*_notes(job, len(rows)), *notes))


def _rows(
    samples: Sequence[Sample], instruction: str, tokenizer: Any, sequence_length: int
) -> Iterator[Row]:
    for sample in samples:
        if sample.input.strip():
            prompt, answer = tokens_of(sample, instruction, tokenizer)
            ids = prompt + answer
        elif sample.target.strip():
            ids = text_tokens(sample.target, tokenizer)
        else:
            continue
        for piece in pieces(ids, sequence_length):
            yield {"input_ids": piece, "labels": list(piece)}


def pieces(ids: list[int], sequence_length: int) -> Iterator[list[int]]:
    """A document in rows of the sequence length; each begins with the last token before it.

    So every token but the document's first is predicted exactly once.
    """
    step = max(sequence_length - 1, 1)
    for start in range(0, max(len(ids) - 1, 0), step):
        piece = ids[start : start + step + 1]
        if len(piece) >= LEAST_TOKENS:
            yield piece


def _notes(job: TrainJob, rows: int) -> tuple[str, ...]:
    documents = len(job.train_samples)
    notes = []
    if rows > documents:
        notes.append(f"{documents} texts make {rows} rows: long ones are cut, nothing is lost.")
    if not job.plan.packing:
        notes.append("Texts are not packed, so short ones waste tokens.")
    return tuple(notes)
