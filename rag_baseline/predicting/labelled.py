"""What systems without a prompt share: vectors of samples, their order, and their answers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from advisor.contracts import Arraying, Embedder
from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample
from advisor.schema.labels import LONG_SHARE, LONGEST_LABEL

SINGLE_SHARE = 0.5
"""Samples whose target no other sample has, as a share above which targets are no labels."""


class SampleVectors:
    """Unit vectors of the samples' inputs; every text is embedded once, in whatever part it is."""

    def __init__(self) -> None:
        self._rows: dict[str, Any] = {}
        self._embedder: Embedder | None = None

    def by(self, embedder: Embedder) -> None:
        """Take vectors of this embedder from now on."""
        if _identity(embedder) != _identity(self._embedder):
            self._rows = {}
        self._embedder = embedder

    def of(self, samples: Sequence[Sample]) -> Any:
        """float32, one row per sample, in order."""
        import numpy as np  # noqa: PLC0415 - heavy, wanted only when something is embedded

        wanted = list(dict.fromkeys(sample.input for sample in samples))
        missing = [text for text in wanted if text not in self._rows]
        if missing and self._embedder is not None:
            self._rows |= dict(zip(missing, _embedded(missing, self._embedder), strict=True))
        return np.asarray([self._rows[sample.input] for sample in samples], dtype="float32")


def embedder_name(embedder: Embedder) -> str:
    """The embedder with what identifies its vectors, for the manifest."""
    digest = getattr(embedder, "digest", "")
    return f"{embedder.info.id} {digest}".strip()


def in_order(train: Sequence[Sample], seed: int) -> list[Sample]:
    """The samples in an order that depends on what they hold, not on how they came."""
    return sorted(train, key=lambda sample: (_drawn(sample, seed), sample.input, sample.target))


def need_labels(train: Sequence[Sample]) -> None:
    """Raises DatasetError where the targets are texts rather than labels."""
    counts = Counter(" ".join(sample.target.casefold().split()) for sample in train)
    single = sum(1 for count in counts.values() if count == 1)
    if len(train) > 1 and single > SINGLE_SHARE * len(train):
        raise DatasetError(
            f"The targets are no labels: {single} of {len(train)} train samples have a target that"
            " no other has.",
            hint="Leave the classifier out, or say --builder-option"
            " embedding_classifier.targets=labels where they are labels all the same.",
        )
    long = sum(count for text, count in counts.items() if len(text) > LONGEST_LABEL or "\n" in text)
    if long > LONG_SHARE * len(train):
        raise DatasetError(
            f"The targets are no labels: {long} of {len(train)} are longer than {LONGEST_LABEL}"
            " characters.",
            hint="Leave the classifier out, or shorten the targets to labels.",
        )


def _embedded(texts: Sequence[str], embedder: Embedder) -> Any:
    """One vector per text, as an array where the embedder has one."""
    return embedder.array(texts) if isinstance(embedder, Arraying) else embedder.embed(texts)


def _drawn(sample: Sample, seed: int) -> str:
    return hashlib.sha256(f"{seed}\n{sample.input}\n{sample.target}".encode()).hexdigest()


def _identity(embedder: Embedder | None) -> object:
    """What tells embedders apart: their name where it identifies the vectors, else the object."""
    if embedder is None or not getattr(embedder, "digest", ""):
        return embedder
    return embedder_name(embedder)
