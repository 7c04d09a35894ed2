"""A model's opinion of an answer, by a rubric; check it against people with `advisor judge`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from advisor.builtin.metrics.judge_wording import (
    PAIRWISE_LINE,
    RUBRICS,
    Scale,
    instruction,
    pointwise_line,
    preference,
    scale_of,
    tagged,
)
from advisor.builtin.metrics.options import one_of, read_options, some_text, yes_no
from advisor.builtin.metrics.signing import digest, signed
from advisor.contracts import MetricInfo
from advisor.errors import InputError
from advisor.schema.evaluation import Completion, Message, Prompt, Sample, Score

FIRST, SECOND = "shown_first", "shown_second"
"""Keys of a pairwise score's totals: what the answer got in each of the two orders."""
CHANGED = "the verdict changed with the order of the answers"
UNREADABLE = "the judge's answer holds no verdict that can be read"


def _rubric(text: str) -> tuple[str, str]:
    """(name, wording) of a built-in rubric, a file, or the text itself."""
    if text in RUBRICS:
        return text, RUBRICS[text]
    if len(text) < 1000 and "\n" not in text and Path(text).suffix in {".txt", ".md"}:
        try:
            return "own", some_text(Path(text).read_text(encoding="utf-8-sig")).strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "") or "it is no UTF-8 text"
            msg = f"the file cannot be read, {reason}"
            raise ValueError(msg) from error
    if " " not in text.strip():
        msg = f"it must be {', '.join(RUBRICS)}, a .txt or .md file, or sentences"
        raise ValueError(msg)
    return "own", text.strip()


OPTIONS = {
    "rubric": _rubric,
    "scale": scale_of,
    "mode": one_of("single", "pairwise", "pairwise-rejected"),
    "reference": yes_no,
    "passages": yes_no,
    "model": some_text,
}


class JudgeMetric:
    """A judge's verdict from 0 to 1; pairwise, whether it prefers the answer in both orders."""

    info = MetricInfo(
        id="judge",
        label="a model's verdict",
        options=tuple(OPTIONS),
        needs=("judge",),
    )

    def __init__(
        self,
        *,
        rubric: tuple[str, str] = ("correct", RUBRICS["correct"]),
        scale: Scale = Scale(),  # noqa: B008 - a value
        mode: str = "single",
        reference: bool = True,
        passages: bool | None = None,
        model: str = "",
    ) -> None:
        self.rubric_name, self.rubric = rubric
        self.scale = scale
        self.mode = mode
        """Pairwise compares with the target, or with the row's rejected answer."""
        self.reference = reference and self.rubric_name != "grounded"
        self.passages = self.rubric_name == "grounded" if passages is None else passages
        self.model = model

    @property
    def signature(self) -> str:
        """Mode, scale, rubric and wording by digest, and the judge's model."""
        line = PAIRWISE_LINE if self.mode != "single" else pointwise_line(self.scale)
        return signed(
            "judge",
            mode=self.mode,
            scale=self.scale.name if self.mode == "single" else "win-tie-loss",
            rubric=self.rubric_name,
            prompt=digest(instruction(self.rubric, line)),
            reference=self.reference,
            passages=self.passages,
            model=self.model or "unnamed",
            v=1,
        )

    def configured(self, options: Mapping[str, str]) -> Self:
        """With rubric, scale, mode, reference, passages and model (see the guide)."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """0 for no answer; anything else must be asked, so it raises InputError."""
        if not completion.text.strip():
            return Score(sample_id=sample.id, value=0.0, note="no answer")
        raise InputError(
            "The metric judge must ask a model.",
            hint="Name one with --judge-model.",
            where="metric judge",
        )

    def questions(
        self, prompt: Prompt, completion: Completion, sample: Sample
    ) -> tuple[Prompt, ...]:
        """One question, or two with the answers in either order; none for an empty answer."""
        answer = completion.text.strip()
        if not answer:
            return ()
        if self.mode == "single":
            parts = [*self._given(prompt, sample), tagged("answer", answer)]
            return (self._asked(sample, parts, pointwise_line(self.scale)),)
        other = self._other(sample)
        given = self._given(prompt, sample)
        orders = ((answer, other), (other, answer))
        return tuple(
            self._asked(
                sample,
                [*given, tagged("first-answer", first), tagged("second-answer", second)],
                PAIRWISE_LINE,
            )
            for first, second in orders
        )

    def judged(
        self, answers: Sequence[Completion], completion: Completion, sample: Sample
    ) -> Score:
        """The score; unscored where the judge's words cannot be read.

        Pairwise: 1 or 0 where both orders agree, else 0.5. The totals hold both orders' verdicts.
        """
        if not completion.text.strip():
            return Score(sample_id=sample.id, value=0.0, note="no answer")
        if self.mode == "single":
            value = self.scale.read(answers[0].text) if answers else None
            if value is None:
                return self._unread(sample, answers)
            return Score(sample_id=sample.id, value=value)
        return self._both_orders(answers, sample)

    def _both_orders(self, answers: Sequence[Completion], sample: Sample) -> Score:
        read = [preference(answer.text) for answer in answers]
        if len(read) > 1 and read[1] is not None:
            read[1] = 1 - read[1]  # there the answer stood second
        totals = {
            key: value
            for key, value in zip((FIRST, SECOND), read, strict=False)
            if value is not None
        }
        if len(totals) < 2:
            return self._unread(sample, answers).model_copy(update={"totals": totals})
        agree = totals[FIRST] == totals[SECOND]
        value = totals[FIRST] if agree else 0.5
        note = "" if agree else CHANGED
        return Score(sample_id=sample.id, value=value, totals=totals, note=note)

    @staticmethod
    def _unread(sample: Sample, answers: Sequence[Completion]) -> Score:
        errors = [answer.error for answer in answers if answer.error]
        note = f"the judge did not answer: {errors[0][:120]}" if errors else UNREADABLE
        return Score(sample_id=sample.id, value=0.0, unscored=True, note=note)

    def _other(self, sample: Sample) -> str:
        name = "target" if self.mode == "pairwise" else "rejected answer"
        other = sample.target if self.mode == "pairwise" else sample.rejected
        if not other:
            raise InputError(
                f"Sample '{sample.id}' has no {name} to compare the answer with.",
                hint="Pairwise judging needs a second answer for every sample.",
                where="metric judge",
            )
        return other.strip()

    def _given(self, prompt: Prompt, sample: Sample) -> list[str]:
        """What the judge sees beside the answers; the reference not where it is one of them."""
        parts = []
        if sample.history:
            turns = (f"{turn.role}: {turn.content}" for turn in sample.history)
            parts.append(tagged("earlier-turns", "\n".join(turns)))
        if sample.input.strip():
            parts.append(tagged("question", sample.input.strip()))
        if self.reference and self.mode != "pairwise" and sample.target.strip():
            parts.append(tagged("reference", sample.target.strip()))
        if self.passages and prompt.passage_texts:
            parts.append(tagged("passages", "\n\n".join(prompt.passage_texts)))
        return parts

    def _asked(self, sample: Sample, parts: Sequence[str], last_line: str) -> Prompt:
        turns = (
            Message(role="system", content=instruction(self.rubric, last_line)),
            Message(role="user", content="\n\n".join(parts)),
        )
        return Prompt(sample_id=sample.id, messages=turns)
