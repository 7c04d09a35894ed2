"""Candidates for a prompt, asked within a number of calls and scored on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from advisor.builtin.prompting.compared import Mark, Paired, ValueOf, lead, paired, whole
from advisor.builtin.prompting.near import without_copies
from advisor.builtin.prompting.reflection import Case
from advisor.builtin.prompting.similar import SimilarShots
from advisor.builtin.prompting.turns import Lead, prompt_of
from advisor.contracts import ModelUnderTest
from advisor.errors import DatasetError
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

TOP = 0.999
"""A score from which an answer is right."""
TURN_TOKENS = 5
"""What a chat template puts around a turn, about."""


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
    """A candidate with what the metric says of its answers to the first dev samples."""

    candidate: Candidate
    marks: list[Mark] = field(default_factory=list)
    value_of: ValueOf | None = None
    """For a metric that is no mean of samples: its value for their summed totals."""

    def value(self, count: int | None = None) -> float:
        """The metric on the first `count` samples; 0 without any."""
        return whole(self.marks[:count], self.value_of)

    def lead(self, other: Trial, count: int | None = None) -> tuple[int, float]:
        """On how many samples the other can be compared, and by how much it is better."""
        return lead(self.marks, other.marks[:count], self.value_of)

    def against(self, other: Trial) -> Paired:
        """The other one against this, with the chance that the lead is luck."""
        return paired(self.marks, other.marks, self.value_of)


class Desk:
    """Where a search asks: counts its calls, and notices when no more come back."""

    def __init__(self, model: ModelUnderTest, calls: int, similar: SimilarShots | None) -> None:
        self._model = model
        self._similar = similar
        self.calls = calls
        self.used = 0
        self.ran_out = False
        self.value_of: ValueOf | None = getattr(model, "totals_value", None)
        """For a metric that is no mean of samples: its value for summed totals."""

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

    def refuse_long(self, start: Candidate, samples: Sequence[Sample], builder: str) -> None:
        """Raises DatasetError when the start's prompts do not fit, as no other's would."""
        if self.fits(start, samples):
            return
        window, answer = self._model.context_tokens, self._model.max_new_tokens
        raise DatasetError(
            "Nothing was searched, as not even the zero-shot prompt fits: with the longest of"
            f" {len(samples)} samples and an answer of {answer} tokens it is over the model's"
            f" {window} tokens.",
            hint="Shorten the instruction or that sample, allow shorter answers with"
            f" --max-new-tokens, or leave {builder} out of --builders.",
        )

    def trial(self, candidate: Candidate) -> Trial:
        """A candidate that has answered nothing yet."""
        return Trial(candidate, value_of=self.value_of)

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
        wanted = [(trial, sample) for trial in trials for sample in dev[len(trial.marks) : size]]
        cases = self._cases([(trial.candidate, sample) for trial, sample in wanted])
        for (trial, _), case in zip(wanted, cases, strict=False):
            trial.marks.append(case.mark)

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
            Case(sample, done.text, _mark(score), score.note)
            for sample, done, score in zip(samples, completions, scores, strict=True)
        ]


def _mark(score: Score) -> Mark:
    return Mark(None if score.unscored else score.value, score.totals)
