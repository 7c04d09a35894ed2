"""Token rows joined to full sequences, each document keeping to itself."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from datasets import Dataset

from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.engines.trl.course import Course

LENGTHS = "seq_lengths"
OPEN_ROWS = 64
VIRTUAL_TOKENS = frozenset({"prefix", "prompt", "p_tuning"})
"""Methods that put trained tokens before a sequence: of several documents the first has them."""


def packed(course: Course, plan: Plan) -> Course:
    """The course with rows joined up to the plan's sequence length, where the plan asks for it.

    Documents are taken in an order of the plan's seed, so that a row is a mixture as a batch is:
    the library's own packing puts the longest together, and short answers then share few steps.
    Position numbers start again with every document, and attention does not cross from one to the
    next. Raises PlanError where the objective or the method does not go with packing.
    """
    if not plan.packing:
        return course
    _check(course, plan)
    together = gathered(course.lengths, plan.sequence_length, plan.seed)
    ids, labels = course.dataset["input_ids"], course.dataset["labels"]
    rows = [
        {
            "input_ids": [token for place in places for token in ids[place]],
            "labels": [label for place in places for label in labels[place]],
            LENGTHS: [course.lengths[place] for place in places],
        }
        for places in together
    ]
    lengths = tuple(sum(row[LENGTHS]) for row in rows)
    arguments = {**course.arguments, "padding_free": True, "max_length": None}
    dataset = Dataset.from_list(rows)
    return dataclasses.replace(course, dataset=dataset, lengths=lengths, arguments=arguments)


def gathered(lengths: Sequence[int], room: int, seed: int) -> list[list[int]]:
    """Places of documents that share a row: each goes into the first open row that has room.

    Where too many rows are open the fullest is closed.
    """
    drawn = random.Random(seed).sample(range(len(lengths)), len(lengths))  # noqa: S311 - an order
    closed: list[list[int]] = []
    rows: list[tuple[int, list[int]]] = []
    for place in drawn:
        needed = lengths[place]
        at = next((n for n, (free, _) in enumerate(rows) if free >= needed), None)
        if at is not None:
            free, places = rows[at]
            rows[at] = (free - needed, [*places, place])
            continue
        rows.append((room - needed, [place]))
        if len(rows) > OPEN_ROWS:
            closed.append(rows.pop(min(range(len(rows)), key=lambda n: rows[n][0]))[1])
    return closed + [places for _, places in rows]


def _check(course: Course, plan: Plan) -> None:
    if plan.objective not in ("sft", "cpt"):
        raise PlanError(
            f"Rows of the objective '{plan.objective}' cannot be packed: they hold pairs or"
            " prompts, not single texts.",
            hint="Leave packing out (--no-packing).",
        )
    if plan.method in VIRTUAL_TOKENS:
        raise PlanError(
            f"The method '{plan.method}' puts trained tokens before every text and cannot be"
            " packed.",
            hint="Leave packing out (--no-packing), or take lora.",
        )
    if "input_ids" not in course.dataset.column_names:
        raise PlanError("Rows without tokens cannot be packed.", hint="Leave packing out.")
