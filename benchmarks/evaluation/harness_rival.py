"""Worker: answers the tasks of a folder with lm-evaluation-harness; one JSON line per order.

Runs under a Python of its own that has lm-eval; imports nothing of this project. Reads lines
`{"task": NAME, "batch": N}` from standard input. Only `generate_until` is timed: building the task
and its prompts is not.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import torch
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager


class Timed(HFLM):  # type: ignore[misc]
    """The harness's own model; keeps what it was asked and how long it took."""

    seconds: float
    cpu_seconds: float
    answers: list[str]
    tokens: list[list[int]]

    def generate_until(self, requests: list[Any], disable_tqdm: bool = True) -> list[str]:  # noqa: ARG002, FBT001, FBT002
        """The real thing, timed."""
        began, worked = time.perf_counter(), time.process_time()
        found: list[str] = super().generate_until(requests, disable_tqdm=True)
        self.seconds = time.perf_counter() - began
        self.cpu_seconds = time.process_time() - worked
        places = [request.doc_id for request in requests]
        self.answers = [found[places.index(at)].strip() for at in range(len(found))]
        rows = [self.tok_batch_encode([request.args[0]])[0][0].tolist() for request in requests]
        self.tokens = [rows[places.index(at)] for at in range(len(rows))]
        return found


def main() -> None:
    """Open the model once; then one reply per order."""
    model, tasks, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    logging.disable(logging.WARNING)
    replies = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        lm = Timed(pretrained=model, dtype="float32", device="cpu", batch_size=1)
        manager = TaskManager(include_path=str(tasks))
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        lm.batch_size_per_gpu = order["batch"]
        with contextlib.redirect_stdout(sys.stderr):
            simple_evaluate(
                model=lm,
                tasks=[order["task"]],
                task_manager=manager,
                apply_chat_template=True,
                fewshot_as_multiturn=True,
                bootstrap_iters=0,
                log_samples=False,
            )
        reply = {
            "seconds": lm.seconds,
            "cpu_seconds": lm.cpu_seconds,
            "answers": lm.answers,
            "tokens": lm.tokens,
        }
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
