"""Searches over prompts whose true value is known: how often the better one is found, or chance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from math import cos, sin, tau
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from advisor import registry
from advisor.contracts import Configurable, PluginInfo, PromptBuilder
from advisor.schema.evaluation import Completion, Prompt, Sample, Score
from advisor.tools import Tools

TRAIN = 200
FLIPS = 0.3
"""Share of answers that a change of the prompt throws anew; the rest hangs on the sample alone."""
GOOD_SHARE = 0.3
"""Share of the written instructions that are any good."""


class Truth(NamedTuple):
    """The chance of a right answer, and what is added to it."""

    start: float
    shots: float = 0.0
    good_instruction: float = 0.0

    @property
    def best(self) -> float:
        """The chance with all that helps."""
        return self.start + max(0.0, self.shots) + max(0.0, self.good_instruction)


WORLDS = {
    "all_prompts_alike": Truth(0.6),
    "shots_add_10": Truth(0.6, 0.1),
    "good_instructions_add_15": Truth(0.6, 0.0, 0.15),
    "both_add": Truth(0.5, 0.1, 0.15),
    "shots_take_10": Truth(0.6, -0.1),
}
SIZES = ((100, 40), (200, 40), (200, 150), (500, 150))
"""Calls, and samples of the dev part."""


def chance(*told: object) -> float:
    """A number from 0 to 1 that what is told decides."""
    return int(hashlib.sha256(repr(told).encode()).hexdigest()[:13], 16) / 16**13


def samples(count: int, part: str) -> list[Sample]:
    """Questions that differ in their words."""
    return [
        Sample(id=f"{part}{n}", input=f"{part} {n}?", target=f"{part} {n}") for n in range(count)
    ]


class World(NamedTuple):
    """A model whose chance of a right answer is known for every prompt; fulfils ModelUnderTest."""

    seed: int
    truth: Truth
    written: list[str]
    calls_left: int = 1_000_000
    context_tokens: int | None = None
    max_new_tokens: int = 16
    metric_signature: str = "simulated"
    totals_value: Callable[[Mapping[str, float]], float] | None = None

    def value(self, prompt: Prompt) -> float:
        """The chance that this prompt is answered right."""
        has_shots = any(turn.role == "assistant" for turn in prompt.messages)
        is_good = "GOOD" in prompt.messages[0].content
        return (
            self.truth.start
            + self.truth.shots * has_shots
            + (self.truth.good_instruction * is_good)
        )

    def ask(self, prompts: Sequence[Prompt]) -> list[Completion]:
        """Right or wrong, as sample and prompt decide."""
        return [_completion(self._answer(prompt)) for prompt in prompts]

    def reflect(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """A new instruction every time, now and then a good one."""
        del max_new_tokens
        found = []
        for _ in prompts:
            number = len(self.written)
            is_good = chance(self.seed, "written", number) < GOOD_SHARE
            self.written.append(f"Instruction number {number}{' GOOD' * is_good}")
            found.append(_completion(f"<instruction>{self.written[-1]}</instruction>"))
        return found

    def score(
        self, prompts: Sequence[Prompt], completions: Sequence[Completion], asked: Sequence[Sample]
    ) -> list[Score]:
        """1 where the answer is the target."""
        del prompts
        return [
            Score(sample_id=sample.id, value=float(done.text == sample.target))
            for done, sample in zip(completions, asked, strict=True)
        ]

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def _answer(self, prompt: Prompt) -> str:
        asked = prompt.messages[-1].content
        whole = [turn.content for turn in prompt.messages]
        is_thrown = chance(self.seed, "flip", whole) < FLIPS
        drawn = chance(self.seed, whole) if is_thrown else chance(self.seed, asked)
        return asked.rstrip("?") if drawn < self.value(prompt) else "no"


class Drawn:
    """An embedder that draws a direction for every text: which shots are near does not matter."""

    info = PluginInfo(id="drawn", label="drawn directions")

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Unit vectors in the plane."""
        angles = [tau * chance("direction", text) for text in texts]
        return [[cos(angle), sin(angle)] for angle in angles]


def search(world: World, calls: int, dev: int, folder: Path) -> tuple[bool, float]:
    """Whether another prompt than the start was chosen, and the true value of the chosen one."""
    builder = registry.prompt_builder("prompt_optimisation")
    if isinstance(builder, Configurable):
        told = {"calls": str(calls), "list_labels": "no"}
        builder = _builder(builder.configured(told))
    tools = Tools(
        seed=world.seed,
        instruction="Answer.",
        cache_dir=folder,
        model=world,
        embedder=Drawn(),
    )
    builder.fit(samples(TRAIN, "train"), samples(dev, "dev"), [], tools)
    prompt = builder.build(Sample(id="x", input="x?", target=""))
    is_start = [turn.content for turn in prompt.messages] == ["Answer.", "x?"]
    return not is_start, world.value(prompt)


def measure(repeats: int, folder: Path) -> dict[str, Any]:
    """For every world and size: how often another prompt was chosen, and what it is worth."""
    found: dict[str, Any] = {}
    for name, truth in WORLDS.items():
        found[name] = {"start": truth.start, "best": round(truth.best, 3)}
        for calls, dev in SIZES:
            runs = [search(World(seed, truth, []), calls, dev, folder) for seed in range(repeats)]
            found[name][f"{calls}_calls_{dev}_dev"] = {
                "changed": round(fmean(changed for changed, _ in runs), 3),
                "value": round(fmean(value for _, value in runs), 3),
            }
    return found


def _builder(configured: Any) -> PromptBuilder:
    return configured  # type: ignore[no-any-return]


def _completion(text: str) -> Completion:
    return Completion(text=text, prompt_tokens=1, completion_tokens=1, latency_ms=0.0)
