"""The model under test as plugins may ask it while they are fitted, within a number of calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from advisor.contracts import ModelUnderTest, Tools
from advisor.errors import BackendResponseError
from advisor.evaluation.also import signature, value_of
from advisor.evaluation.asking import Asker, has_failed
from advisor.evaluation.bench import MAX_FAILED_SHARE, Bench
from advisor.evaluation.judging import judge_scores
from advisor.evaluation.scoring import usage
from advisor.evaluation.shared_ground import ValueOf
from advisor.schema.evaluation import Completion, Prompt, Sample, Score, Usage

FEWEST_SEEN = 20
"""Answers that are waited for before their failures say that the service is down."""


class UnderTest:
    """A bench's model with a number of calls to spend.

    Calls count whether or not their answer is kept already, so that a search that is repeated takes
    the same way and costs nothing.
    """

    def __init__(self, bench: Bench, *, calls: int) -> None:
        self._bench = replace(bench, also=())
        self._completions: list[Completion] = []
        self.calls_left = calls

    @property
    def context_tokens(self) -> int | None:
        """Tokens that prompt and answer may have together; None where nobody knows."""
        return self._bench.context_tokens

    @property
    def max_new_tokens(self) -> int:
        """Longest answer of an evaluation."""
        return self._bench.settings.max_new_tokens

    @property
    def totals_value(self) -> ValueOf | None:
        """The metric of summed totals, where it is no mean of samples; None for the others."""
        return value_of(self._bench.metric)

    @property
    def metric_signature(self) -> str:
        """Everything that decides the scores."""
        return signature(self._bench.metric)

    @property
    def usage(self) -> Usage | None:
        """What was asked so far; None for nothing."""
        return usage(self._completions) if self._completions else None

    def ask(self, prompts: Sequence[Prompt]) -> list[Completion]:
        """Completions in order, as in an evaluation; fewer when calls or money have run out.

        Raises BackendResponseError when more than a fifth of all answers failed.
        """
        return self._ask(self._bench.asker, prompts)

    def reflect(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """The same of the model that reads failures and writes prompts, which may be another."""
        chosen = self._bench.reflector or self._bench.asker
        asker = Asker(
            chosen.session,
            chosen.conditions._replace(max_new_tokens=max_new_tokens, settings=()),
            cache=chosen.cache,
            purse=chosen.purse,
            batch_size=chosen.batch_size,
        )
        return self._ask(asker, prompts)

    def score(
        self,
        prompts: Sequence[Prompt],
        completions: Sequence[Completion],
        samples: Sequence[Sample],
    ) -> list[Score]:
        """What the run's metric makes of answers: as many as there are completions."""
        count = len(completions)
        found = judge_scores(self._bench, prompts[:count], completions, samples[:count])
        return found[self._bench.metric.info.id]

    def count_tokens(self, text: str) -> int:
        """Tokens of a text; opens the model where it has a tokenizer."""
        return self._bench.session.count_tokens(text)

    def _ask(self, asker: Asker, prompts: Sequence[Prompt]) -> list[Completion]:
        granted = self._granted(asker, prompts)
        found = dict(asker.ask(granted))
        answers: list[Completion] = []
        for at in range(len(granted)):
            if at not in found:
                break
            answers.append(found[at])
        self._completions += answers
        self._bench.progress.advance(len(answers))
        self._give_up_if_down()
        return answers

    def _granted(self, asker: Asker, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The first of the prompts, as many as there are calls for; those are then spent."""
        seen: set[str] = set()
        granted: list[Prompt] = []
        for prompt in prompts:
            key = asker.key(prompt)
            if key not in seen and len(seen) >= self.calls_left:
                break
            seen.add(key)
            granted.append(prompt)
        self.calls_left -= len(seen)
        return granted

    def _give_up_if_down(self) -> None:
        failed = [completion for completion in self._completions if has_failed(completion)]
        if len(self._completions) < FEWEST_SEEN:
            return
        if len(failed) > MAX_FAILED_SHARE * len(self._completions):
            raise BackendResponseError(
                f"{len(failed)} of {len(self._completions)} prompts asked while searching got no"
                f" answer; the first said: {failed[0].error}",
                hint="Mend the cause and run the same command again; answers are kept.",
            )


class _WithModel:
    """Tools with a model in them."""

    def __init__(self, tools: Tools, model: ModelUnderTest) -> None:
        self._tools = tools
        self.model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tools, name)


def with_model(tools: Tools, model: ModelUnderTest) -> Tools:
    """The same tools, with the model that a plugin may ask."""
    return cast("Tools", _WithModel(tools, model))
