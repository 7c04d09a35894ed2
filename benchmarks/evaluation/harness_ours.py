"""Worker: answers the tasks of a folder with the backend `transformers`; one JSON line per order.

Reads lines `{"task": NAME}` from standard input. Time runs from the prompts' messages to the last
answer: chat template, tokens, answers and decoding.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from advisor import registry
from advisor.builtin.backends.chat_tokens import tokens_of
from advisor.contracts import Streaming
from advisor.schema.evaluation import Message, Prompt

NEW_TOKENS = 8


def prompts_of(task: dict[str, Any]) -> list[Prompt]:
    """System turn, shots as turns, question."""
    head = [Message(role="system", content=task["instruction"])]
    for shot in task["shots"]:
        head += [
            Message(role="user", content=shot["question"]),
            Message(role="assistant", content=shot["answer"]),
        ]
    return [
        Prompt(sample_id=str(at), messages=(*head, Message(role="user", content=question)))
        for at, question in enumerate(task["questions"])
    ]


def main() -> None:
    """Open the model once; then one reply per order."""
    model, tasks, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    session = registry.backend("transformers").open(model, {"device": "cpu", "dtype": "float32"})
    if not isinstance(session, Streaming):
        raise TypeError("the session answers prompt by prompt only")
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        task = json.loads((tasks / f"{json.loads(line)['task']}.json").read_text())
        prompts = prompts_of(task)
        forget(session)
        began, worked = time.perf_counter(), time.process_time()
        found = list(session.answers(prompts, max_new_tokens=NEW_TOKENS))
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        answers = {prompt.sample_id: completion.text for prompt, completion in found}
        tokenizer = session._tokenizer  # type: ignore[attr-defined]  # noqa: SLF001
        reply = {
            "seconds": seconds,
            "cpu_seconds": cpu,
            "answers": [answers[prompt.sample_id] for prompt in prompts],
            "tokens": [tokens_of(prompt.messages, tokenizer) for prompt in prompts],
        }
        print(json.dumps(reply), flush=True)


def forget(session: Any) -> None:
    """Each run computes the shared beginning anew."""
    session._way._prefix._tokens = []  # noqa: SLF001


if __name__ == "__main__":
    main()
