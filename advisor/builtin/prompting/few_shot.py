"""The prompt with solved samples in front: train samples, the same for every question."""

from __future__ import annotations

import random
from collections.abc import Sequence

from advisor.builtin.prompting.turns import earlier, opening, question, short_digest
from advisor.contracts import PluginInfo, Tools
from advisor.errors import DatasetError
from advisor.schema.evaluation import Document, Message, Prompt, Sample

SHOTS = 4


def choose_shots(train: Sequence[Sample], count: int, seed: int) -> tuple[Sample, ...]:
    """Up to `count` train samples in random order, no target twice while another is left.

    The choice depends on the samples and the seed, not on the order in which they are given.
    """
    pool = sorted(train, key=lambda sample: sample.id)
    random.Random(seed).shuffle(pool)  # noqa: S311 - repeatable choice, no secret
    shots: list[Sample] = []
    seen: dict[str, int] = {}
    while pool and len(shots) < count:
        pick = min(pool, key=lambda sample: seen.get(sample.target, 0))
        pool.remove(pick)
        shots.append(pick)
        seen[pick.target] = seen.get(pick.target, 0) + 1
    return tuple(shots)


def solved(shot: Sample) -> tuple[Message, ...]:
    """A shot as turns: what was asked, and the reference answer."""
    return (
        *earlier(shot),
        question(shot.input),
        *shot.steps,
        Message(role="assistant", content=shot.target),
    )


class FewShotBuilder:
    """System turn, four solved samples as user and assistant turns, then the input."""

    info = PluginInfo(id="few_shot", label="instruction and four shots", cost_rank=1)

    def __init__(self, shots: int = SHOTS) -> None:
        self._count = shots
        self._shots: tuple[Sample, ...] = ()
        self._instruction = ""

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the prompts, for the manifest."""
        shown = "\n".join(f"{shot.id}\t{shot.input}\t{shot.target}" for shot in self._shots)
        return {
            "instruction": short_digest(self._instruction),
            "shots": len(self._shots),
            "shown": short_digest(shown),
        }

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name; shots come from train alone
        corpus: Sequence[Document],  # noqa: ARG002 - the same
        tools: Tools,
    ) -> None:
        """Choose the shots. Raises DatasetError when there is no train sample to show."""
        self._instruction = tools.instruction
        self._shots = choose_shots(train, self._count, tools.seed)
        if not self._shots:
            raise DatasetError(
                "Few-shot prompting needs at least 1 train sample, got 0.",
                hint="Add labelled samples, or leave few_shot out of --builders.",
            )

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample; a sample is never shown its own answer."""
        shots = [shot for shot in self._shots if shot.id != sample.id]
        messages = (
            *opening(sample, self._instruction),
            *(turn for shot in shots for turn in solved(shot)),
            *earlier(sample),
            question(sample.input),
            *sample.steps,
        )
        return Prompt(
            sample_id=sample.id, messages=messages, shots=tuple(shot.id for shot in shots)
        )
