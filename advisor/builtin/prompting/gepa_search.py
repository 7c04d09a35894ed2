"""The instruction that the package gepa finds: reflective search with a Pareto front of prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Self

from advisor.builtin.metrics.options import whole_from
from advisor.builtin.prompting.labels import list_labels
from advisor.builtin.prompting.options import read_options
from advisor.builtin.prompting.parts import calls_worth, judged_on, parts_of, starting_lead
from advisor.builtin.prompting.search import Outcome
from advisor.builtin.prompting.shots import refuse_no_shots
from advisor.builtin.prompting.telling import CALLS, aside, row, story, why_not
from advisor.builtin.prompting.trials import Candidate, Desk
from advisor.builtin.prompting.turns import short_digest
from advisor.contracts import PluginInfo, Tools
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Document, Prompt, Sample, TriedPrompt

TOO_LONG = "{} of the instructions it wrote made prompts that do not fit the model's window."
OPTIONS = {"calls": whole_from(0, 100_000), "list_labels": list_labels}


def _back_room() -> ModuleType:
    try:
        from advisor.builtin.prompting import _gepa  # noqa: PLC0415 - gepa
    except ImportError as error:
        raise MissingExtraError("The prompt builder gepa", "prompts") from error
    return _gepa


class GepaBuilder:
    """Zero-shot with the instruction that gepa found, if it is better on the dev part."""

    info = PluginInfo(
        id="gepa",
        label="instruction found by gepa",
        extra="prompts",
        cost_rank=2,
        approach="prompt_optimisation",
        needs=("shots",),
        options=tuple(OPTIONS),
    )

    def __init__(self, calls: int = CALLS, *, list_labels: str = "auto") -> None:
        self._calls = calls
        self._list_labels = list_labels
        self._chosen = Candidate(starting_lead((), "", "no"))
        self._seed = 0
        self.story: tuple[str, ...] = ()
        """How the prompt was found, as sentences."""
        self.trace: tuple[TriedPrompt, ...] = ()
        """Every prompt that was judged: where it comes from, its instruction, its dev score."""

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `calls=N`, `list_labels=auto|yes|no`; raises InputError."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the prompts, for the manifest."""
        return {
            "instruction": short_digest(self._chosen.lead.instruction),
            "labels_listed": len(self._chosen.lead.labels),
            "calls": self._calls,
            "seed": self._seed,
        }

    @property
    def instruction(self) -> str:
        """The instruction that was chosen."""
        return self._chosen.lead.instruction

    def calls_wanted(self, train: Sequence[Sample], dev: Sequence[Sample]) -> int:
        """The calls given, or fewer where the samples cannot make use of them."""
        return calls_worth(train, dev, self._calls)

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],
        corpus: Sequence[Document],  # noqa: ARG002 - the contract's name; prompts alone are searched
        tools: Tools,
    ) -> None:
        """Search. Raises DatasetError when there is no train sample, MissingExtraError."""
        refuse_no_shots(train, self.info.id)
        room = _back_room()
        lead = starting_lead(train, tools.instruction, self._list_labels)
        start = self._chosen = Candidate(lead, origin="the start")
        self._seed, self.trace = tools.seed, ()
        calls = calls_worth(train, dev, self._calls, seed=tools.seed)
        reason = why_not(tools, calls, self.info.id)
        if reason or tools.model is None:
            self.story = (f"Nothing was searched, the zero-shot prompt stands: {reason}.",)
            return
        parts = parts_of(train, dev, tools.seed)
        desk = Desk(tools.model, calls, None)
        desk.refuse_long(start, (*parts.dev, *parts.pool), self.info.id)
        judged = parts.dev[: judged_on(calls, len(parts.dev))]
        found = room.optimised(start, desk, (parts.pool, judged), seed=tools.seed)
        outcome = Outcome(
            start=found.trials[0],
            best=found.best,
            trials=found.trials,
            judged=found.trials[0].against(found.best),
            used=desk.used,
            written=len(found.trials) - 1,
            remarks=(
                f"The model was asked {found.written} times for an instruction.",
                *([TOO_LONG.format(found.long)] if found.long else ()),
            ),
        )
        self._chosen = outcome.chosen.candidate
        self.story = (*story(outcome, calls), *aside(parts))
        self.trace = tuple(row(trial) for trial in found.trials)

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample."""
        return self._chosen.prompt(sample, None)
