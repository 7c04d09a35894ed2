"""Token rows joined to full sequences, each document keeping to itself."""

from __future__ import annotations

import dataclasses

from trl import pack_dataset

from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.engines.trl.course import Course

LENGTHS = "seq_lengths"
VIRTUAL_TOKENS = frozenset({"prefix", "prompt", "p_tuning"})
"""Methods that put trained tokens before a sequence: of several documents the first has them."""


def packed(course: Course, plan: Plan) -> Course:
    """The course with rows joined up to the plan's sequence length, where the plan asks for it.

    Position numbers start again with every document, and attention does not cross from one to the
    next. Raises PlanError where the objective or the method does not go with packing.
    """
    if not plan.packing:
        return course
    _check(course, plan)
    rows = pack_dataset(course.dataset, seq_length=plan.sequence_length, strategy="bfd")
    lengths = tuple(sum(documents) for documents in rows[LENGTHS])
    arguments = {**course.arguments, "padding_free": True, "max_length": None}
    return dataclasses.replace(course, dataset=rows, lengths=lengths, arguments=arguments)


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
