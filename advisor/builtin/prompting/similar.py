"""Shots chosen for every question: the train samples most similar to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Self

from advisor.builtin.metrics.options import number_from, one_of, whole_from
from advisor.builtin.prompting.labels import labels_to_list, list_labels
from advisor.builtin.prompting.near import ask_alike, asked
from advisor.builtin.prompting.options import read_options
from advisor.builtin.prompting.shots import MOST_SHOTS, SHOTS, refuse_no_shots, told
from advisor.builtin.prompting.turns import Lead, prompt_of, short_digest
from advisor.contracts import Embedder, PluginInfo, Tools
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Document, Prompt, Sample

OPTIONS = {
    "shots": whole_from(1, MOST_SHOTS),
    "order": one_of("nearest_last", "nearest_first"),
    "diversity": number_from(0, 1),
    "list_labels": list_labels,
}
LOOKED_AT = 8
"""Times as many of the most similar samples are looked at as are shown, where they shall differ."""


def _back_room() -> ModuleType:
    try:
        from advisor.builtin.prompting import _nearest  # noqa: PLC0415 - numpy
    except ImportError as error:
        raise MissingExtraError("Choosing similar shots", "rag") from error
    return _nearest


class SimilarShots:
    """Train samples by their likeness to what is asked; embedded once."""

    def __init__(self, train: Sequence[Sample], embedder: Embedder) -> None:
        """Embed the train samples. Raises MissingExtraError."""
        self._room = _back_room()
        self._embedder = embedder
        self.pool = sorted(train, key=lambda sample: sample.id)
        self._rows = self._room.vectors(embedder, [asked(sample) for sample in self.pool])
        self._known: dict[str, Any] = {}

    def prepare(self, samples: Sequence[Sample]) -> None:
        """Embed what several samples ask at once; forgets those of the time before."""
        texts = list(dict.fromkeys(asked(sample) for sample in samples))
        self._known = dict(zip(texts, self._room.vectors(self._embedder, texts), strict=True))

    def chosen(self, sample: Sample, count: int, diversity: float = 0.0) -> list[Sample]:
        """Up to `count` train samples, most similar first.

        Neither the sample itself nor what asks nearly the same, nor two that do so of each other.
        """
        text = asked(sample)
        vector = self._known.get(text)
        if vector is None:
            vector = self._room.vectors(self._embedder, [text])[0]
        places = self._room.nearest(self._rows, vector)
        wanted = LOOKED_AT * count if diversity else count
        found = self._apart(sample, places, wanted)
        if not diversity:
            return [self.pool[at] for at in found]
        order = self._room.diverse(self._rows, vector, found, diversity)[:count]
        return [self.pool[at] for at in sorted(order, key=found.index)]

    def _apart(self, sample: Sample, places: Sequence[int], wanted: int) -> list[int]:
        found: list[int] = []
        for at in places:
            shot = self.pool[at]
            if ask_alike(shot, sample) or any(ask_alike(shot, self.pool[k]) for k in found):
                continue
            found.append(at)
            if len(found) == wanted:
                break
        return found


class FewShotSimilarBuilder:
    """System turn, the most similar solved samples as turns, then the input."""

    info = PluginInfo(
        id="few_shot_similar",
        label="instruction and similar shots for each",
        extra="rag",
        cost_rank=1,
        approach="few_shot",
        needs=("shots",),
        options=tuple(OPTIONS),
    )

    def __init__(
        self,
        shots: int = SHOTS,
        *,
        order: str = "nearest_last",
        diversity: float = 0.0,
        list_labels: str = "auto",
    ) -> None:
        self._count = shots
        self._order = order
        self._diversity = diversity
        self._list_labels = list_labels
        self._similar: SimilarShots | None = None
        self._embedder = ""
        self._lead = Lead()

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `shots=N`, `order=nearest_last|nearest_first`, `diversity=0..1`, `list_labels`.

        Raises InputError.
        """
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the prompts, for the manifest."""
        pool = self._similar.pool if self._similar else []
        return {
            "instruction": short_digest(self._lead.instruction),
            "labels_listed": len(self._lead.labels),
            "shots": min(self._count, len(pool)),
            "order": self._order,
            "diversity": self._diversity,
            "pool": short_digest(told(pool)),
            "embedder": self._embedder,
        }

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name; shots come from train alone
        corpus: Sequence[Document],  # noqa: ARG002 - the same
        tools: Tools,
    ) -> None:
        """Embed the train samples. Raises DatasetError when there is none, MissingExtraError."""
        refuse_no_shots(train, self.info.id)
        self._lead = Lead(tools.instruction, labels_to_list(train, self._list_labels))
        self._similar = SimilarShots(train, tools.embedder)
        self._embedder = str(getattr(tools.embedder, "digest", tools.embedder.info.id))

    def prepare(self, samples: Sequence[Sample]) -> None:
        """Embed the questions of several samples at once; optional, for speed alone."""
        if self._similar is not None:
            self._similar.prepare(samples)

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample."""
        shots: list[Sample] = []
        if self._similar is not None:
            shots = self._similar.chosen(sample, self._count, self._diversity)
        return prompt_of(
            sample, self._lead, shots[::-1] if self._order == "nearest_last" else shots
        )
