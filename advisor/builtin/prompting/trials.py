"""Candidates for a prompt, asked within a number of calls and scored on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import comb
from statistics import fmean

from advisor.builtin.prompting.near import without_copies
from advisor.builtin.prompting.reflection import Case
from advisor.builtin.prompting.similar import SimilarShots
from advisor.builtin.prompting.turns import Lead, prompt_of
from advisor.contracts import ModelUnderTest
from advisor.schema.evaluation import Completion, Prompt, Sample

TOP = 0.999
"""A score from which an answer is right."""
TURN_TOKENS = 5
"""What a chat template puts around a turn, about."""
MAY_BE_CHANCE = 0.1
"""Chance, at most, that a prompt no better than the start would do so well against it."""


@dataclass(frozen=True)
class Candidate:
    """One way to ask."""

    lead: Lead
    fixed: tuple[Sample, ...] = ()
    similar: int = 0
    """Shots chosen for each sample."""
    origin: str = ""
    """Where it comes from, for the story."""

    @property
    def key(self) -> tuple[Lead, tuple[str, ...], int]:
        """Equal for candidates that ask alike."""
        return self.lead, tuple(shot.id for shot in self.fixed), self.similar

    @property
    def has_shots(self) -> bool:
        """Whether solved samples are shown."""
        return bool(self.fixed or self.similar)

    def shots(self, sample: Sample, similar: SimilarShots | None) -> list[Sample]:
        """The shots of a sample, the most similar one last."""
        if self.similar and similar is not None:
            return similar.chosen(sample, self.similar)[::-1]
        return without_copies(sample, self.fixed)

    def prompt(self, sample: Sample, similar: SimilarShots | None) -> Prompt:
        """The prompt of a sample."""
        return prompt_of(sample, self.lead, self.shots(sample, similar))


@dataclass
class Trial:
    """A candidate with its scores on the first dev samples; None where no score could be given."""

    candidate: Candidate
    scores: list[float | None] = field(default_factory=list)

    def mean(self, count: int | None = None) -> float:
        """Mean of the first `count` scores; 0 without any."""
        known = [value for value in self.scores[:count] if value is not None]
        return fmean(known) if known else 0.0


@dataclass(frozen=True)
class Paired:
    """Two trials on the samples that both have scores for."""

    n: int
    difference: float
    wins: int
    losses: int

    @property
    def chance(self) -> float:
        """Chance of so many wins or more among the samples that differ, were both as good.

        One-sided sign test (exact).
        """
        differ = self.wins + self.losses
        return float(sum(comb(differ, k) for k in range(self.wins, differ + 1)) / 2**differ)

    @property
    def is_better(self) -> bool:
        """Whether the second is better than chance would often make it."""
        return self.difference > 0 and self.chance <= MAY_BE_CHANCE


def paired(start: Sequence[float | None], other: Sequence[float | None]) -> Paired:
    """The second list of scores minus the first, sample by sample."""
    both = [
        (one, two)
        for one, two in zip(start, other, strict=False)
        if one is not None and two is not None
    ]
    return Paired(
        n=len(both),
        difference=fmean(two - one for one, two in both) if both else 0.0,
        wins=sum(two > one for one, two in both),
        losses=sum(two < one for one, two in both),
    )


class Desk:
    """Where a search asks: counts its calls, and notices when no more come back."""

    def __init__(self, model: ModelUnderTest, calls: int, similar: SimilarShots | None) -> None:
        self._model = model
        self._similar = similar
        self.calls = calls
        self.used = 0
        self.ran_out = False

    @property
    def left(self) -> int:
        """Calls that may still be made."""
        return 0 if self.ran_out else self.calls - self.used

    def fits(self, candidate: Candidate, samples: Sequence[Sample]) -> bool:
        """Whether the longest of some prompts leaves room for the answer, as far as is known."""
        window = self._model.context_tokens
        if window is None or not samples:
            return True
        turns = [candidate.prompt(sample, self._similar).messages for sample in samples]
        longest = max(turns, key=lambda some: sum(len(turn.content) for turn in some))
        tokens = self._model.count_tokens("\n".join(turn.content for turn in longest))
        return tokens + TURN_TOKENS * len(longest) + self._model.max_new_tokens <= window

    def reflect(self, prompt: Prompt, max_new_tokens: int) -> Completion | None:
        """What the writing model says; None where it may not be asked any more."""
        if self.left < 1:
            return None
        found = self._model.reflect([prompt], max_new_tokens=max_new_tokens)
        self.used += len(found)
        self.ran_out = not found
        return found[0] if found else None

    def cases(self, candidate: Candidate, samples: Sequence[Sample]) -> list[Case]:
        """How the candidate does on samples, as far as there are calls left."""
        return self._cases([(candidate, sample) for sample in samples])

    def extend(self, trials: Sequence[Trial], dev: Sequence[Sample], size: int) -> None:
        """Score the trials on dev samples up to `size`, all asked together."""
        wanted = [(trial, sample) for trial in trials for sample in dev[len(trial.scores) : size]]
        cases = self._cases([(trial.candidate, sample) for trial, sample in wanted])
        for (trial, _), case in zip(wanted, cases, strict=False):
            trial.scores.append(case.value)

    def _cases(self, wanted: Sequence[tuple[Candidate, Sample]]) -> list[Case]:
        granted = wanted[: max(0, self.left)]
        if not granted:
            return []
        prompts = [candidate.prompt(sample, self._similar) for candidate, sample in granted]
        completions = self._model.ask(prompts)
        count = len(completions)
        self.used += count
        self.ran_out = count < len(prompts)
        samples = [sample for _, sample in granted[:count]]
        scores = self._model.score(prompts[:count], completions, samples)
        return [
            Case(sample, done.text, None if score.unscored else score.value, score.note)
            for sample, done, score in zip(samples, completions, scores, strict=True)
        ]
