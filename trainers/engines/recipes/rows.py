"""Samples as the rows that other engines read: roles and turns exactly as the model is asked."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from advisor.errors import DatasetError, PlanError
from advisor.schema.chat import has_tools
from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainJob
from trainers.engines.trl.dataset import Turn, plain_turns, prompt_turns
from trainers.mixing import mixture, taken

TRAIN_FILE, DEV_FILE = "train.jsonl", "dev.jsonl"
GROUP = 8
"""Completions of one prompt, as TRL has it."""
OFTEN, SELDOM = 0.1, 0.25
"""Share of all steps between checkpoints: of adapters, and of whole models."""
PAIRED = ("dpo", "orpo", "reward")
TOOLS_NOTE = "Calls of functions and their results are written as text turns."
MIXED_NOTE = "General data is mixed into {file}: {count} rows."
DEV_NOTE = "The engine looks at {file}, the dev split; it knows the loss there, not the metric."

Row = dict[str, Any]


def check_samples(job: TrainJob) -> None:
    """Raise DatasetError where the samples cannot serve the plan's objective."""
    if not job.train_samples:
        raise DatasetError(
            "There are no training samples.", hint="Give a data file that leaves a train split."
        )
    objective = job.plan.objective
    lacks = LACKS.get(objective)
    if lacks is None:
        return
    for sample in (*job.train_samples, *job.dev_samples):
        missing = lacks(sample)
        if missing:
            raise DatasetError(
                f"A sample has no {missing}, which '{objective}' learns from.",
                hint="Complete the row, take it out, or choose another objective.",
                where=f"line {sample.line}" if sample.line else f"sample {sample.id}",
            )


def check_group(job: TrainJob) -> None:
    """Raise PlanError where a batch of completions is no whole number of groups (GRPO)."""
    plan = job.plan
    if plan.objective != "grpo":
        return
    group = int(plan.method_options.get("num_generations", GROUP))
    batch = plan.micro_batch_size * plan.gradient_accumulation_steps
    if batch % group:
        raise PlanError(
            f"A batch of {batch} completions cannot be parted into groups of {group}.",
            hint=f"Make micro_batch_size times gradient_accumulation_steps a multiple of {group}.",
        )


def _no_input(sample: Sample) -> str:
    return "" if sample.input.strip() else "input"


def _no_pair(sample: Sample) -> str:
    return _no_input(sample) or ("rejected answer" if sample.rejected is None else "")


def _no_mark(sample: Sample) -> str:
    return _no_input(sample) or ("mark (good or bad)" if sample.is_good is None else "")


LACKS: dict[str, Callable[[Sample], str]] = {
    "sft": _no_input,
    "grpo": _no_input,
    "kto": _no_mark,
    **dict.fromkeys(PAIRED, _no_pair),
}


def single_turn(job: TrainJob, engine: str) -> None:
    """Raise DatasetError for conversations, where the engine's format holds one question only."""
    for sample in (*job.train_samples, *job.dev_samples):
        if len(turns_of(sample, "")) > 1 + bool(sample.tools or _own_system(sample)):
            raise DatasetError(
                f"{engine} reads one question and one answer for '{job.plan.objective}', and a"
                " sample has earlier turns.",
                hint="Train with --trainer trl, or take conversations out.",
                where=f"line {sample.line}" if sample.line else f"sample {sample.id}",
            )


def _own_system(sample: Sample) -> bool:
    return any(turn.role in ("system", "developer") for turn in sample.history)


def turns_of(sample: Sample, instruction: str) -> list[Turn]:
    """The turns before the answer, roles alternating after the system turn."""
    tooled = has_tools((*sample.history, *sample.steps))
    turns = plain_turns(sample, instruction) if tooled else prompt_turns(sample, instruction)
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1]["role"] == turn["role"]:
            joined[-1] = {
                "role": turn["role"],
                "content": f"{joined[-1]['content']}\n\n{turn['content']}",
            }
        else:
            joined.append({"role": turn["role"], "content": turn["content"]})
    return joined


def system_and_question(sample: Sample, instruction: str) -> tuple[str, str]:
    """The system turn, empty for none, and the question of a sample of one turn."""
    turns = turns_of(sample, instruction)
    system = turns[0]["content"] if turns[0]["role"] == "system" else ""
    return system, turns[-1]["content"]


def answer_turn(text: str) -> Turn:
    """An answer as the assistant's turn."""
    return {"role": "assistant", "content": text}


def trained_samples(job: TrainJob) -> tuple[Sample, ...]:
    """The train split, with the plan's share of general data where there is some."""
    return (*job.train_samples, *taken(job))


def lines_of(rows: Iterable[Row]) -> str:
    """Rows as JSONL."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def files_of(job: TrainJob, row: Callable[[Sample], Row]) -> dict[str, str]:
    """The training rows, and the dev rows where the plan looks at them."""
    files = {TRAIN_FILE: lines_of(map(row, trained_samples(job)))}
    if looks(job):
        files[DEV_FILE] = lines_of(map(row, job.dev_samples))
    return files


def looks(job: TrainJob) -> bool:
    """Whether the engine is to look at the dev split while it trains."""
    plan = job.plan
    return bool(job.dev_samples) and bool(plan.evaluations or plan.evaluation_steps)


def look_every(job: TrainJob) -> float:
    """Steps between looks, or their share of all steps where it is below 1."""
    plan = job.plan
    return plan.evaluation_steps or min(round(1 / plan.evaluations, 4), 0.99)


def save_every(job: TrainJob) -> float:
    """The share of all steps between checkpoints, where looks do not say it.

    An interrupted program goes on from its newest checkpoint; whole models take longer to write.
    """
    return OFTEN if job.plan.rank is not None else SELDOM


def planned_steps(job: TrainJob) -> int:
    """Optimizer steps, where no rows are packed and none is left out."""
    plan = job.plan
    batch = plan.micro_batch_size * plan.gradient_accumulation_steps * plan.gpus * plan.nodes
    return max(1, math.ceil(len(trained_samples(job)) / batch * plan.epochs))


def row_notes(job: TrainJob) -> list[str]:
    """What is to be known of the rows."""
    notes = []
    if any(has_tools((*s.history, *s.steps)) for s in _all(job)):
        notes.append(TOOLS_NOTE)
    mixed = len(taken(job))
    if mixed:
        notes.append(MIXED_NOTE.format(file=TRAIN_FILE, count=mixed))
        notes += filter(None, [mixture(job, len(job.train_samples)).remark])
    elif job.plan.general_share:
        notes.append("The plan mixes in general data, and none was given.")
    if looks(job):
        notes.append(DEV_NOTE.format(file=DEV_FILE))
    return notes


def _all(job: TrainJob) -> Sequence[Sample]:
    return (*job.train_samples, *job.dev_samples)
