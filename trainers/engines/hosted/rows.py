"""Samples in the forms of OpenAI's tuning service: chats with weights, and preferences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from advisor.errors import DatasetError
from advisor.schema.evaluation import Message, Sample
from advisor.schema.train import TrainJob
from trainers.engines.trl.dataset import prompt_messages

LEAST_ROWS = 10
"""What the service asks for at least."""
MOST_BYTES = 512 << 20
"""What a file can hold at most."""

Row = dict[str, Any]


class Upload(NamedTuple):
    """A file to be sent, named after what it holds so that it is never sent twice."""

    name: str
    data: bytes


def uploads_of(job: TrainJob) -> tuple[Upload, Upload | None]:
    """The training file, and the dev split as the validation file where there is one.

    Raises DatasetError for fewer rows or larger files than the service takes, and for rows that
    lack what the objective learns from.
    """
    if not job.train_samples:
        raise DatasetError(
            "There are no training samples.", hint="Give a data file that leaves a train split."
        )
    if len(job.train_samples) < LEAST_ROWS:
        raise DatasetError(
            f"There are {len(job.train_samples)} training samples, and tuning services ask for"
            f" {LEAST_ROWS} at least.",
            hint="Collect more, or leave less for the test part.",
        )
    train = _upload(job, job.train_samples, "train")
    return train, _upload(job, job.dev_samples, "dev") if job.dev_samples else None


def _upload(job: TrainJob, samples: Sequence[Sample], part: str) -> Upload:
    row = _preference if job.plan.objective == "dpo" else _chat
    lines = (json.dumps(row(one, job.instruction), ensure_ascii=False) for one in samples)
    data = "".join(line + "\n" for line in lines).encode()
    if len(data) > MOST_BYTES:
        raise DatasetError(
            f"The {part} file has {len(data) / 2**20:.0f} MiB, and tuning services take"
            f" {MOST_BYTES >> 20} at most.",
            hint="Train on fewer or shorter samples.",
        )
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Upload(f"advisor-{part}-{digest}.jsonl", data)


def _chat(sample: Sample, instruction: str) -> Row:
    """The last answer alone is learnt: earlier ones weigh nothing."""
    turns = [_turn(one) for one in prompt_messages(sample, instruction)]
    if not sample.input.strip():
        raise _lacking(sample, "input")
    for turn in turns:
        if turn["role"] == "assistant":
            turn["weight"] = 0
    answer: Row = {"role": "assistant", "content": sample.target}
    if any(turn["role"] == "assistant" for turn in turns):
        answer |= {"weight": 1}
    return {"messages": [*turns, answer]}


def _preference(sample: Sample, instruction: str) -> Row:
    if sample.rejected is None:
        raise _lacking(sample, "rejected answer")
    turns = [_turn(one) for one in prompt_messages(sample, instruction)]
    return {
        "input": {"messages": turns},
        "preferred_output": [{"role": "assistant", "content": sample.target}],
        "non_preferred_output": [{"role": "assistant", "content": sample.rejected}],
    }


def _turn(message: Message) -> Row:
    """A turn as the service writes it, and as the tuned model is asked later."""
    turn: Row = {"role": message.role, "content": message.content}
    if message.role == "tool":
        turn["tool_call_id"] = message.call_id or message.name
    if message.tool_calls:
        turn["tool_calls"] = [
            {
                "id": call.id or call.name,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    return turn


def _lacking(sample: Sample, what: str) -> DatasetError:
    return DatasetError(
        f"A sample has no {what}.",
        hint="Complete the row, or take it out.",
        where=f"line {sample.line}" if sample.line else f"sample {sample.id}",
    )
