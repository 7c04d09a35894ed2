"""The prompt with solved samples in front: train samples, for every question the same or drawn."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Self

from advisor.builtin.metrics.options import whole_from
from advisor.builtin.prompting.labels import labels_to_list, list_labels
from advisor.builtin.prompting.near import without_copies
from advisor.builtin.prompting.options import read_options
from advisor.builtin.prompting.shots import (
    MOST_SHOTS,
    SHOTS,
    choose_shots,
    refuse_no_shots,
    told,
)
from advisor.builtin.prompting.turns import Lead, prompt_of, short_digest, solved
from advisor.contracts import PluginInfo, Tools
from advisor.schema.evaluation import Document, Prompt, Sample

__all__ = ["SHOTS", "FewShotBuilder", "FewShotRandomBuilder", "choose_shots", "solved"]

SPARE = 3
"""Times as many samples are drawn as are shown: some may be copies of what is asked."""
OPTIONS = {"shots": whole_from(1, MOST_SHOTS), "list_labels": list_labels}


class FewShotBuilder:
    """System turn, a few solved samples as user and assistant turns, then the input."""

    info = PluginInfo(
        id="few_shot",
        label="instruction and the same shots for all",
        cost_rank=1,
        approach="few_shot",
        needs=("shots",),
        options=tuple(OPTIONS),
    )

    def __init__(self, shots: int = SHOTS, *, list_labels: str = "auto") -> None:
        self._count = shots
        self._list_labels = list_labels
        self._shots: tuple[Sample, ...] = ()
        self._lead = Lead()

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `shots=N`, and `list_labels=auto|yes|no`; raises InputError."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the prompts, for the manifest."""
        return {
            "instruction": short_digest(self._lead.instruction),
            "labels_listed": len(self._lead.labels),
            "shots": len(self._shots),
            "shown": short_digest(told(self._shots)),
        }

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name; shots come from train alone
        corpus: Sequence[Document],  # noqa: ARG002 - the same
        tools: Tools,
    ) -> None:
        """Choose the shots. Raises DatasetError when there is no train sample to show."""
        refuse_no_shots(train, self.info.id)
        self._lead = Lead(tools.instruction, labels_to_list(train, self._list_labels))
        self._shots = choose_shots(train, self._count, tools.seed)

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample; it is never shown its own answer, nor that of a near copy."""
        return prompt_of(sample, self._lead, without_copies(sample, self._shots))


class FewShotRandomBuilder:
    """The same with shots drawn anew for every sample: what chosen ones must beat."""

    info = PluginInfo(
        id="few_shot_random",
        label="instruction and random shots for each",
        cost_rank=1,
        approach="few_shot",
        needs=("shots",),
        options=tuple(OPTIONS),
    )

    def __init__(self, shots: int = SHOTS, *, list_labels: str = "auto") -> None:
        self._count = shots
        self._list_labels = list_labels
        self._pool: list[Sample] = []
        self._seed = 0
        self._lead = Lead()

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `shots=N`, and `list_labels=auto|yes|no`; raises InputError."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the prompts, for the manifest."""
        return {
            "instruction": short_digest(self._lead.instruction),
            "labels_listed": len(self._lead.labels),
            "shots": min(self._count, len(self._pool)),
            "pool": short_digest(told(self._pool)),
            "seed": self._seed,
        }

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name; shots come from train alone
        corpus: Sequence[Document],  # noqa: ARG002 - the same
        tools: Tools,
    ) -> None:
        """Take the pool. Raises DatasetError when there is no train sample to show."""
        refuse_no_shots(train, self.info.id)
        self._lead = Lead(tools.instruction, labels_to_list(train, self._list_labels))
        self._pool = sorted(train, key=lambda sample: sample.id)
        self._seed = tools.seed

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample; which shots it has, its id and the run's seed decide."""
        draw = random.Random(f"{self._seed} {sample.id}")  # noqa: S311 - repeatable, no secret
        drawn = draw.sample(self._pool, min(len(self._pool), SPARE * self._count))
        return prompt_of(sample, self._lead, without_copies(sample, drawn)[: self._count])
