"""A slow evaluation in a process of its own, for the test that kills it. Prints what it asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.evaluation.runner import evaluate
from tests.fixtures.bench import FunctionSession, Tools, bench, capitals, knows


class Telling(FunctionSession):
    """Says on stdout when a batch is begun."""

    def generate(self, prompts, *, max_new_tokens):
        sys.stdout.write(f"{prompts[0].sample_id}\n")
        sys.stdout.flush()
        return super().generate(prompts, max_new_tokens=max_new_tokens)


if __name__ == "__main__":
    folder, pause = Path(sys.argv[1]), float(sys.argv[2])
    builder = ZeroShotBuilder()
    builder.fit([], [], [], Tools(folder))
    world = bench(Telling(knows(0.5), pause=pause), folder, batch_size=4)
    found = evaluate(world, "zero_shot", builder, capitals(40))
    sys.stdout.write(json.dumps(found.model_dump(mode="json")) + "\n")
