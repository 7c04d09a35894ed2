"""The same question put to the embedded model: can it read a label off the shots at all?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from advisor import registry
from advisor.resources import embedded_model_root
from advisor.schema.evaluation import Message, Prompt, Sample
from benchmarks.labels.rows import Rows

QUESTIONS = 50
SHOTS = 4
INSTRUCTION = "Name the intent of the message."
LONGEST = 16


def answers(rows: Rows, similar: Sequence[Sequence[int]], asked: Sequence[int]) -> dict[str, Any]:
    """Right answers of the embedded model with similar and with random shots, nearest last."""
    draw = random.Random(0)  # noqa: S311 - repeatable choice, no secret
    chosen = {
        "similar": [list(places[:SHOTS])[::-1] for places in similar],
        "random": [draw.sample(range(len(rows.train)), SHOTS) for _ in asked],
    }
    tests = [rows.test[at] for at in asked]
    found: dict[str, Any] = {"questions": len(tests), "shots": SHOTS}
    with registry.backend("transformers").open(str(embedded_model_root()), {}) as session:
        for name, places in chosen.items():
            prompts = [
                prompt(test, [rows.train[at] for at in shots])
                for test, shots in zip(tests, places, strict=True)
            ]
            told = session.generate(prompts, max_new_tokens=LONGEST)
            found[f"right_{name}"] = sum(
                one.text.strip() == test.target for one, test in zip(told, tests, strict=True)
            )
    return found


def prompt(test: Sample, shots: Sequence[Sample]) -> Prompt:
    """Instruction, solved samples, question."""
    turns = [Message(role="system", content=INSTRUCTION)]
    for shot in shots:
        turns += [
            Message(role="user", content=shot.input),
            Message(role="assistant", content=shot.target),
        ]
    turns.append(Message(role="user", content=test.input))
    return Prompt(sample_id=test.id, messages=tuple(turns))
