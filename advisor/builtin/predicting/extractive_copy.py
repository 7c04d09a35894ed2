"""The answer copied from the question: which piece it is, is learnt from solved samples."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, log
from typing import Self

from advisor.builtin.predicting.spans import (
    Candidate,
    found_in,
    tokens,
    usual,
    whole_sentences,
    word_spans,
)
from advisor.contracts import PluginInfo, Tools
from advisor.errors import DatasetError, InputError
from advisor.schema.evaluation import Completion, Sample
from advisor.schema.predicted import answered, need_samples

LEAST_SHARE = 0.5
"""Share of the train targets that must stand in their inputs for copying to be an answer at all."""
LONGEST = 12
"""Words up to which an answer is a run of words; beyond, whole sentences are copied."""
NEARLY_ALL = 0.95
"""Share of the targets whose length decides how long a copied run may be."""
OTHERS = 200
"""Other pieces of one sample that are looked at while learning."""
ENOUGH = 1000
"""Samples that are learnt from at most: more tell no more of forms and places."""
MANY = 10
"""Samples from which on a feature must be seen more than once to count."""
UNITS = ("auto", "words", "sentence")


class ExtractiveCopy:
    """Copies the piece of the input that looks most like earlier answers did.

    What is weighed: the form of the piece (letters, digits, signs), its place and the words before
    and after it, each by how much more often it is seen with answers than with other pieces (naive
    Bayes). Option: `unit` = auto, words or sentence.
    """

    info = PluginInfo(
        id="extractive_copy",
        label="the fitting piece of the input",
        approach="none",
        needs=("shots",),
        cost_rank=-30,
    )

    def __init__(self, unit: str = "auto") -> None:
        self._unit = unit
        self._weights: dict[str, float] = {}
        self._longest = 1
        self._copies_sentences = False
        self._share = 0.0

    def configured(self, options: Mapping[str, str]) -> Self:
        """With these options; raises InputError for an unknown or wrong one."""
        unit = options.get("unit", self._unit)
        unknown = sorted(set(options) - {"unit"})
        if unknown or unit not in UNITS:
            wrong = f"option '{unknown[0]}'" if unknown else f"unit '{unit}'"
            raise InputError(
                f"extractive_copy has no {wrong}.",
                hint=f"It takes: unit={'|'.join(UNITS)}.",
                where="extractive_copy",
            )
        return type(self)(unit)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the answers, for the manifest."""
        return {
            "unit": "sentence" if self._copies_sentences else "words",
            "longest_words": self._longest,
            "share_in_input": round(self._share, 4),
        }

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name
        tools: Tools,  # noqa: ARG002 - the same
    ) -> None:
        """Learn what answers look like.

        Raises DatasetError without a sample, or where too few targets stand in their inputs.
        """
        need_samples(train, "Copying from the input")
        inside = [sample for sample in train if found_in(sample.input, sample.target)]
        self._share = len(inside) / len(train)
        if self._share < LEAST_SHARE:
            raise DatasetError(
                f"Answers cannot be copied: {len(inside)} of {len(train)} train targets stand in"
                f" their inputs, at least {100 * LEAST_SHARE:.0f} % must.",
                hint="Leave extractive_copy out of --builders.",
            )
        lengths = [len(tokens(sample.target)) for sample in inside]
        long = usual(lengths, 0.5) > LONGEST
        self._copies_sentences = long if self._unit == "auto" else self._unit == "sentence"
        self._longest = max(1, min(usual(lengths, NEARLY_ALL), LONGEST))
        inside.sort(key=lambda sample: (sample.input, sample.target))
        self._weights = self._learnt(inside[:: ceil(len(inside) / ENOUGH)])

    def predict(self, samples: Sequence[Sample]) -> list[Completion]:
        """The best piece of each sample; nothing of an input that holds no word."""
        began = time.perf_counter()
        return answered([self._copied(sample.input) for sample in samples], began)

    def _pieces(self, text: str) -> Iterator[Candidate]:
        return whole_sentences(text) if self._copies_sentences else word_spans(text, self._longest)

    def _copied(self, text: str) -> str:
        best, highest = "", float("-inf")
        for (start, end), features in self._pieces(text):
            score = sum(self._weights.get(feature, 0.0) for feature in features)
            if score > highest:
                best, highest = text[start:end], score
        return best

    def _learnt(self, inside: Sequence[Sample]) -> dict[str, float]:
        """How much more often each feature is seen with an answer, as a logarithm.

        Among many samples what was seen only once tells nothing.
        """
        seen = 2 if len(inside) >= MANY else 1
        with_answer: Counter[str] = Counter()
        with_other: Counter[str] = Counter()
        answers = others = 0.0
        for sample in inside:
            right, wrong = self._parted(sample)
            for piece in right:
                with_answer.update(piece.features)
            for piece in wrong:
                with_other.update(piece.features)
            answers += len(right)
            others += len(wrong)
        return {
            feature: log((with_answer[feature] + 0.1) / (answers + 0.2))
            - log((with_other[feature] + 0.1) / (others + 0.2))
            for feature in with_answer.keys() | with_other.keys()
            if with_answer[feature] + with_other[feature] >= seen
        }

    def _parted(self, sample: Sample) -> tuple[list[Candidate], list[Candidate]]:
        """The pieces of a train sample that are its answer, and some of the others."""
        place = found_in(sample.input, sample.target) or (0, 0)
        right: list[Candidate] = []
        wrong: list[Candidate] = []
        for piece in self._pieces(sample.input):
            start, end = piece.span
            touches = start < place[1] and end > place[0] and self._copies_sentences
            (right if touches or piece.span == place else wrong).append(piece)
        step = ceil(len(wrong) / OTHERS) or 1
        return right, wrong[::step]
