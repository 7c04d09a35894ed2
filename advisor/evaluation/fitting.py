"""Systems made ready to be measured: fitted on train and dev, those that search last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from advisor.contracts import Predictor, PromptBuilder, Retrieving, Searching, Tools
from advisor.errors import (
    AdvisorError,
    BackendResponseError,
    CorpusError,
    DatasetError,
    MissingExtraError,
)
from advisor.evaluation.bench import Bench
from advisor.evaluation.runner import Prepared, prepare
from advisor.evaluation.under_test import UnderTest, with_model
from advisor.schema.chat import earlier, opening
from advisor.schema.evaluation import Document, Message, Prompt, Sample, Usage

System = PromptBuilder | Predictor
SHOTS_ASSUMED = 8
"""Shots in the prompts of a search, for its price."""
PASSAGES_ASSUMED = 3500
"""Characters of the passages in a prompt that retrieves, for its price: five of 150 tokens."""
SEARCHES = "prompt_optimisation"
"""The approach of builders that are nothing without their search."""
REFLECTION_TOKENS = 1024
"""Longest text a search may have written, for its price."""


class Parts(NamedTuple):
    """What systems learn from, and what they are measured on."""

    train: Sequence[Sample]
    dev: Sequence[Sample]
    test: Sequence[Sample]
    corpus: Sequence[Document]


@dataclass(frozen=True)
class Ready:
    """Systems that found what they need."""

    names: tuple[str, ...]
    """In the order they were asked for."""
    instruction: str
    prepared: Mapping[str, Prepared] = field(default_factory=dict)
    predictors: Mapping[str, Predictor] = field(default_factory=dict)
    searching: Mapping[str, PromptBuilder] = field(default_factory=dict)
    """Not fitted yet: they ask the model for that."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """Prompts that each of these may ask while searching."""
    usage: Mapping[str, Usage] = field(default_factory=dict)
    """What searching took."""
    refusals: Mapping[str, BackendResponseError] = field(default_factory=dict)
    """Why the model gave a search no answers."""


class Fitting:
    """Fits systems; what one lacks becomes a warning, and that one is left out."""

    def __init__(
        self,
        bench: Bench,
        tools: Tools,
        parts: Parts,
        warnings: list[str],
        *,
        may_search: Callable[[str], bool],
    ) -> None:
        self._bench = bench
        self._tools = tools
        self._parts = parts
        self._warnings = warnings
        self._may_search = may_search
        self._missing: MissingExtraError | None = None

    def prepared(self, systems: Mapping[str, System]) -> Ready:
        """Everything that asks no model to be fitted, and what the rest will ask.

        Raises DatasetError when no system is left.
        """
        prepared: dict[str, Prepared] = {}
        predictors: dict[str, Predictor] = {}
        searching: dict[str, PromptBuilder] = {}
        calls: dict[str, int] = {}
        for name, system in systems.items():
            if not isinstance(system, PromptBuilder):
                if self._learnt(name, system):
                    predictors[name] = system
                continue
            calls[name] = self._calls(name, system)
            if not calls[name] and self._is_nothing_without(name, system):
                continue
            if calls[name]:
                searching[name] = system
            elif self._fitted(name, system, UnderTest(self._bench, calls=0)):
                prepared[name] = prepare(self._bench, name, system, self._parts.test)
        names = tuple(n for n in systems if n in prepared or n in predictors or n in searching)
        self._refuse_none(names)
        return Ready(
            names,
            self._tools.instruction,
            prepared,
            predictors,
            searching,
            {name: calls[name] for name in searching},
        )

    def searched(self, ready: Ready) -> Ready:
        """The same with the searches done; one that got no answers is left out.

        Raises DatasetError when no system is left and none was refused.
        """
        prepared, usage = dict(ready.prepared), {}
        refusals: dict[str, BackendResponseError] = {}
        for name, builder in ready.searching.items():
            model = UnderTest(self._bench, calls=ready.calls[name])
            self._bench.progress.start(f"{name}: searching", ready.calls[name])
            try:
                if not self._fitted(name, builder, model):
                    continue
            except BackendResponseError as error:
                refusals[name] = error
                continue
            finally:
                self._bench.progress.finish()
            prepared[name] = prepare(self._bench, name, builder, self._parts.test)
            if model.usage is not None:
                usage[name] = model.usage
        names = tuple(name for name in ready.names if name in prepared or name in ready.predictors)
        if not refusals:
            self._refuse_none(names)
        return replace(ready, names=names, prepared=prepared, usage=usage, refusals=refusals)

    def _calls(self, name: str, builder: PromptBuilder) -> int:
        if not isinstance(builder, Searching) or not self._may_search(name):
            return 0
        return builder.calls_wanted(self._parts.train, self._parts.dev)

    def _is_nothing_without(self, name: str, builder: PromptBuilder) -> bool:
        """Whether it may not search, and would be the plain prompt under another name."""
        if builder.info.approach != SEARCHES or self._may_search(name):
            return False
        self._warnings.append(
            f"{name} was left out: its search asks prompts that cost money, so it takes place only"
            " where it is named (--builders)."
        )
        return True

    def _fitted(self, name: str, builder: PromptBuilder, model: UnderTest) -> bool:
        tools, parts = with_model(self._tools, model), self._parts
        try:
            builder.fit(parts.train, parts.dev, parts.corpus, tools)
        except (DatasetError, CorpusError, MissingExtraError) as error:
            self._leave_out(name, error)
            return False
        return True

    def _learnt(self, name: str, predictor: Predictor) -> bool:
        """Whether it could be fitted; without its library it is left out like one without data."""
        try:
            predictor.fit(self._parts.train, self._parts.dev, self._tools)
        except (DatasetError, MissingExtraError) as error:
            self._leave_out(name, error)
            return False
        return True

    def _leave_out(self, name: str, error: AdvisorError) -> None:
        hint = ""
        if isinstance(error, MissingExtraError):
            self._missing, hint = error, f" {error.hint}"
        self._warnings.append(f"{name} was left out: {error.message}{hint}")

    def _refuse_none(self, names: Sequence[str]) -> None:
        """Raise where no system is left: for want of a library, if that is why."""
        if not names and self._missing is not None:
            raise self._missing
        if not names:
            raise DatasetError(
                f"No baseline can be measured. {' '.join(self._warnings)}",
                hint="Add zero_shot to --builders; it needs neither shots nor documents.",
            )


def stand_ins(parts: Parts, count: int, ready: Ready, name: str) -> list[Prompt]:
    """So many prompts of the length that a search's may have: its own are not known beforehand."""
    retrieves = isinstance(ready.searching[name], Retrieving)
    passages = "x" * PASSAGES_ASSUMED if retrieves else ""
    shown = [
        turn
        for shot in parts.train[:SHOTS_ASSUMED]
        for turn in (
            Message(role="user", content=shot.input),
            Message(role="assistant", content=shot.target),
        )
    ]
    asked = parts.dev or parts.train or parts.test
    prompts = [
        Prompt(
            sample_id=sample.id,
            messages=(
                *opening(sample, ready.instruction),
                *shown,
                *earlier(sample),
                Message(role="user", content=passages + sample.input),
            ),
        )
        for sample in asked
    ]
    return [prompts[at % len(prompts)] for at in range(count)]
