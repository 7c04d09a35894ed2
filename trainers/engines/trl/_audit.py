"""The audit of the rows, on batches as the trainer's own collator makes them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob
from trainers.engines.trl._batches import Document, check_batch, documents
from trainers.engines.trl._bench import Bench
from trainers.engines.trl._form import ANSWERING, owners
from trainers.engines.trl._rows import IGNORED, place_of
from trainers.engines.trl.course import Course

MOST_FAULTY = 0.1
"""Share of the rows with a fault above which training does not start."""
AUDITED = 512
"""Rows that are collated and read: the longest, the shortest, the others spread evenly."""
EDGES = 32
CHUNK = 1000


class Fault(NamedTuple):
    """Something wrong with a row that others need not have."""

    sentence: str
    hint: str


def swept(course: Course, job: TrainJob, tokenizer: Any) -> Course:
    """The course without rows of which no token is learnt; told and counted.

    Raises DatasetError when all rows or more than a tenth are such, and for numbers in the data
    that are not finite.
    """
    check_numbers(course, job)
    counts = learnt_counts(course.dataset)
    if counts is None:
        return course
    idle = [place for place, count in enumerate(counts) if count == 0]
    if not idle:
        return course
    where = _place_of_row(course.dataset, idle[0], job, tokenizer)
    told = f"{len(idle)} of {len(counts)} rows have nothing to learn from: every label is masked"
    if len(idle) > MOST_FAULTY * len(counts):
        raise DatasetError(
            f"{told}.",
            hint="Their answers are empty or cut off, or the chat template marks no answer: look"
            f" at the data, or raise sequence_length ({job.plan.sequence_length}).",
            where=where,
        )
    kept = [place for place, count in enumerate(counts) if count]
    return dataclasses.replace(
        course,
        dataset=course.dataset.select(kept),
        lengths=tuple(course.lengths[place] for place in kept),
        left_out=course.left_out + len(idle),
        notes=(*course.notes, f"{told}; they were left out (first: {where})."),
    )


def check_numbers(course: Course, job: TrainJob) -> None:
    """Raise DatasetError for a number in the data or the rows that is not finite."""
    _check_weights(job.train_samples)
    _check_columns(course.dataset)


def _check_weights(samples: Sequence[Sample]) -> None:
    for sample in samples:
        for turn in (*sample.history, *sample.steps):
            if turn.weight is not None and not math.isfinite(turn.weight):
                raise DatasetError(
                    f"A turn has the weight {turn.weight}.",
                    hint="Weights are numbers: 0 for a turn that is not learnt from, 1 for others.",
                    where=place_of(sample),
                )


def learnt_counts(dataset: Any) -> list[int] | None:
    """Tokens of each row that count in the loss; None for rows whose labels come later.

    The first token of a row has no prediction, whatever its label says.
    """
    if "labels" not in dataset.column_names:
        return None
    counts: list[int] = []
    for table in dataset.with_format("arrow").iter(batch_size=CHUNK):
        column = table["labels"].combine_chunks()
        sizes = pc.list_value_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
        values = pc.list_flatten(column).to_numpy(zero_copy_only=False)
        owner: Any = np.repeat(np.arange(len(sizes)), sizes)
        learnt = values != IGNORED
        learnt[(np.cumsum(sizes) - sizes)[sizes > 0]] = False
        counts += np.bincount(owner[learnt], minlength=len(sizes)).tolist()
    return counts


def _check_columns(dataset: Any) -> None:
    """Raise DatasetError for a column of numbers of which one is not finite."""
    at = 0
    for table in dataset.with_format("arrow").iter(batch_size=CHUNK):
        for name in table.column_names:
            row = _first_not_finite(table[name])
            if row is not None:
                raise DatasetError(
                    f"The column '{name}' holds a value that is no finite number.",
                    hint="Take that row out of the data, or give it a number.",
                    where=f"row {at + row + 1} of the training rows",
                )
        at += table.num_rows


def _first_not_finite(column: Any) -> int | None:
    values, owner = column.combine_chunks(), None
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks)
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        owner, values = pc.list_parent_indices(values), pc.list_flatten(values)
    if not pa.types.is_floating(values.type):
        return None
    bad = pc.indices_nonzero(pc.invert(pc.is_finite(values)))
    if not len(bad):
        return None
    first = int(bad[0].as_py())
    return first if owner is None else int(owner[first].as_py())


def _place_of_row(dataset: Any, row: int, job: TrainJob, tokenizer: Any) -> str:
    ids = dataset[row].get("input_ids") or []
    return _place(Document(list(ids), [False] * len(ids)), job, tokenizer)


def _place(text: Document, job: TrainJob, tokenizer: Any) -> str:
    """The sample whose text it is: by question and answer, or by the question alone."""
    samples = [s for s in job.train_samples if s.input.strip()]
    found = owners(text, samples, tokenizer)
    if not found:
        written = tokenizer.decode(text.ids)
        asked = (s for s in samples if s.input.strip() in written)
        found = sorted(asked, key=lambda s: -len(s.input))
    return place_of(found[0]) if found else "a row whose sample cannot be told"


def audited(bench: Bench, plan: Plan, trainer: Any) -> tuple[list[Document], tuple[str, ...]]:
    """The texts of a trainer's batches, and notes on faults that few of them have.

    Raises DatasetError for a fault that more than a tenth have, and for rows that the model cannot
    read; TrainingError for batches that are made wrongly.
    """
    vocabulary = int(bench.model.get_input_embeddings().weight.shape[0])
    texts: list[Document] = []
    for batch in batches(trainer, plan.micro_batch_size):
        check_batch(batch, vocabulary)
        texts += documents(batch)
    found: dict[Fault, list[Document]] = {}
    for text in texts:
        for fault in _faults(text, bench, plan):
            found.setdefault(fault, []).append(text)
    notes = [_judged(fault, having, texts, bench) for fault, having in found.items()]
    return texts, (*notes, *_repeats(texts))


def batches(trainer: Any, size: int) -> Iterator[Any]:
    """The trainer's rows through its collator; none where it draws its texts later."""
    rows = trainer.train_dataset
    for begin in range(0, len(rows), size):
        taken = [rows[i] for i in range(begin, min(begin + size, len(rows)))]
        batch = trainer.data_collator(taken)
        if not hasattr(batch, "items"):
            return
        yield batch


def spread(lengths: Sequence[int]) -> list[int]:
    """Places of the rows to be read, in order."""
    if len(lengths) <= AUDITED:
        return list(range(len(lengths)))
    ordered = sorted(range(len(lengths)), key=lambda i: lengths[i])
    step = len(lengths) / (AUDITED - 2 * EDGES)
    even = {int(i * step) for i in range(AUDITED - 2 * EDGES)}
    return sorted({*ordered[:EDGES], *ordered[-EDGES:], *even})


def _judged(fault: Fault, having: Sequence[Document], texts: Sequence[Any], bench: Bench) -> str:
    """The fault as a note. Raises DatasetError where too many have it."""
    told = f"{len(having)} of {len(texts)} {fault.sentence}"
    where = _place(having[0], bench.job, bench.tokenizer)
    if len(having) > MOST_FAULTY * len(texts):
        raise DatasetError(f"{told}.", hint=fault.hint, where=where)
    return f"{told} (first: {where})."


def _faults(text: Document, bench: Bench, plan: Plan) -> Iterator[Fault]:
    tokenizer = bench.tokenizer
    if not any(text.trained[1:]):
        yield Fault(
            "rows have nothing to learn from: every label is masked",
            "Their answers are empty or cut off: look at the data, or raise sequence_length"
            f" ({plan.sequence_length}).",
        )
        return
    bos = tokenizer.bos_token_id
    if bos is not None and text.ids[:2] == [bos, bos]:
        yield Fault(
            f"rows begin with the start token '{tokenizer.bos_token}' twice",
            "The tokenizer adds it and the chat template writes it: take it out of one of them.",
        )
    context = _context(bench.model)
    if context is not None and len(text.ids) > context:
        yield Fault(
            f"rows are longer than the {context} tokens that the model reads",
            f"Lower sequence_length to {context}, or choose a model that reads further.",
        )
    if len(text.ids) > plan.sequence_length:
        yield Fault(
            f"texts exceed the plan's {plan.sequence_length} tokens",
            "Raise the plan's sequence_length (--seq-len), or shorten these samples.",
        )
    if plan.objective in ANSWERING:
        yield from _endings(text, bench, plan)


def _context(model: Any) -> int | None:
    config = getattr(model, "config", None)
    found = getattr(config, "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 0 else None


def _endings(text: Document, bench: Bench, plan: Plan) -> Iterator[Fault]:
    """What is wrong with the end of the last answer."""
    tokenizer = bench.tokenizer
    ends = _ends(bench)
    if not ends:
        return
    name = tokenizer.eos_token or tokenizer.decode([min(ends)])
    last = max(i for i, learnt in enumerate(text.trained) if learnt)
    first = next((i for i in range(last, -1, -1) if not text.trained[i]), -1) + 1
    if first <= 1:
        return  # the question is learnt, too, which the look at the form tells
    answer = text.ids[first : last + 1]
    while answer and answer[-1] not in ends and not tokenizer.decode([answer[-1]]).strip():
        answer.pop()  # templates write a line break behind the end
    if not answer or answer[-1] not in ends:
        following = text.ids[last + 1 : last + 2]
        if following and following[0] in ends:
            yield Fault(
                f"answers end with '{name}', and that is masked: it is the padding token too",
                "Give the tokenizer a padding token of its own; else the tuned model never stops.",
            )
        else:
            yield Fault(
                f"answers do not end with '{name}': the tuned model would not learn to stop",
                f"They are cut off at {plan.sequence_length} tokens (raise sequence_length), or the"
                " chat template leaves the end out.",
            )
    elif len(answer) == 1:
        yield Fault(
            "answers are empty: they teach the model to say nothing",
            "Take those rows out, or give them an answer.",
        )
    elif answer.count(answer[-1]) > 1:
        yield Fault(
            f"answers hold the end token '{name}' more than once",
            "It stands in the answer's text, or the chat template writes it twice.",
        )


def _ends(bench: Bench) -> set[int]:
    """Tokens at which the tuned model will stop."""
    generation = getattr(bench.model, "generation_config", None)
    told = getattr(generation, "eos_token_id", None)
    more = told if isinstance(told, list) else [told]
    return {end for end in (bench.tokenizer.eos_token_id, *more) if end is not None}


def _repeats(texts: Sequence[Document]) -> tuple[str, ...]:
    """A remark where more than a tenth of the rows are another's like."""
    again = len(texts) - len({tuple(text.ids) for text in texts})
    if not texts or again <= MOST_FAULTY * len(texts):
        return ()
    return (f"{again} of {len(texts)} rows are the same as another: each counts as often.",)
