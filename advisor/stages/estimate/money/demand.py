"""What the callers of a model ask for: tokens of a call by approach, calls, months."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from advisor.schema.base import Figure
from advisor.schema.estimate import EstimateRequest
from advisor.schema.money import Money
from advisor.schema.spending import ServedApproach
from advisor.stages.estimate.money.decoding import Call

_WORDS = {
    "instruction_tokens": "instruction",
    "input_tokens": "input",
    "answer_tokens": "answer",
    "shots_tokens": "solved examples",
    "passages_tokens": "passages",
}
_FROM_DATA = {"input_tokens", "answer_tokens"}


@dataclass(frozen=True)
class Demand:
    """A workload without gaps."""

    instruction_tokens: float
    input_tokens: float
    answer_tokens: float
    shots_tokens: float
    passages_tokens: float
    calls_per_month: float | None
    months: float
    concurrent_calls: float
    evaluation_samples: float
    bits: Literal[4, 8, 16]
    assumptions: tuple[str, ...]
    spreads: tuple[tuple[str, float, float], ...] = ()
    """Tokens that nobody stated, with their low and their high end."""

    @cached_property
    def ends(self) -> tuple[tuple[str, Demand, Demand], ...]:
        """The demand with one kind of tokens at its low and at its high end."""
        return tuple(
            (name, self._with(name, low), self._with(name, high))
            for name, low, high in self.spreads
        )

    def _with(self, name: str, tokens: float) -> Demand:
        change: dict[str, Any] = {name: tokens}
        return replace(self, **change)

    def assumed_call(self) -> str:
        """What of a call nobody stated, with its ends; nothing where all is known."""
        return ", ".join(
            f"{getattr(self, name):g} of {_WORDS[name]} ({low:g}-{high:g})"
            for name, low, high in self.spreads
        )

    def call(self, approach: ServedApproach) -> Call:
        """A tuned model needs the input alone; the others are told more, every time.

        Instruction and solved examples are the same in every call, passages are not.
        """
        told = self.instruction_tokens + self.input_tokens
        prompt = {
            "prompting": told,
            "few_shot": told + self.shots_tokens,
            "rag": told + self.passages_tokens,
            "fine_tuning": self.input_tokens,
        }[approach]
        shared = {
            "prompting": self.instruction_tokens,
            "few_shot": self.instruction_tokens + self.shots_tokens,
            "rag": self.instruction_tokens,
            "fine_tuning": 0.0,
        }[approach]
        return Call(prompt=prompt, answer=self.answer_tokens, shared=shared)


def demand(request: EstimateRequest, money: Money) -> Demand:
    """The request's workload, its gaps filled from the data's lengths and the catalog's figures.

    Data tells the tokens of input and answer together; an answer is taken to be no more than half.
    """
    given = request.workload
    assumed: list[str] = []
    spreads: list[tuple[str, float, float]] = []
    tokens: dict[str, float] = {}
    whole = request.lengths.mean.likely if request.lengths is not None else None
    for name, word in _WORDS.items():
        figure: Figure = getattr(money, name)
        stated: float | None = getattr(given, name)
        tokens[name] = figure.interval.likely if stated is None else stated
        if stated is None and (whole is None or name not in _FROM_DATA):
            assumed.append(f"{tokens[name]:g} of {word}")
            spreads.append((name, figure.interval.low, figure.interval.high))
    if whole is not None:
        if given.answer_tokens is None:
            tokens["answer_tokens"] = min(tokens["answer_tokens"], whole / 2)
        if given.input_tokens is None:
            tokens["input_tokens"] = max(0.0, whole - tokens["answer_tokens"])
    sentences = [f"Tokens of a call assumed: {', '.join(assumed)}."] if assumed else []
    if whole is not None and None in {given.answer_tokens, given.input_tokens}:
        sentences.append(
            f"A call is taken from the data: {tokens['input_tokens']:.0f} tokens of input, "
            f"{tokens['answer_tokens']:.0f} of answer."
        )
    months = given.months or money.months.interval.likely
    if given.months is None:
        sentences.append(f"The tuned model is assumed to serve for {months:g} months.")
    return Demand(
        calls_per_month=request.calls_per_month,
        months=months,
        concurrent_calls=given.concurrent_calls or money.concurrent_calls.interval.likely,
        evaluation_samples=given.evaluation_samples or money.evaluation_samples.interval.likely,
        bits=given.bits,
        assumptions=tuple(sentences),
        spreads=tuple(spreads),
        **tokens,
    )
