"""The prompt found by trying: instructions rewritten from failures, shots, labels listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from advisor.builtin.metrics.options import whole_from, yes_no
from advisor.builtin.prompting.labels import list_labels
from advisor.builtin.prompting.options import read_options
from advisor.builtin.prompting.parts import Parts, calls_worth, parts_of, starting_lead
from advisor.builtin.prompting.search import Search
from advisor.builtin.prompting.shots import refuse_no_shots, told
from advisor.builtin.prompting.similar import SimilarShots
from advisor.builtin.prompting.telling import CALLS, aside, row, story, why_not
from advisor.builtin.prompting.trials import Candidate, Desk
from advisor.builtin.prompting.turns import short_digest
from advisor.contracts import PluginInfo, Tools
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Document, Prompt, Sample, TriedPrompt

OPTIONS = {"calls": whole_from(0, 100_000), "shots": yes_no, "list_labels": list_labels}


class PromptOptimisationBuilder:
    """Starts from the zero-shot prompt; keeps it unless another is better on the dev part."""

    info = PluginInfo(
        id="prompt_optimisation",
        label="prompt found by trying",
        cost_rank=2,
        approach="prompt_optimisation",
        needs=("shots",),
        options=tuple(OPTIONS),
    )

    def __init__(
        self, calls: int = CALLS, *, shots: bool = True, list_labels: str = "auto"
    ) -> None:
        self._calls = calls
        self._may_show = shots
        self._list_labels = list_labels
        self._chosen = Candidate(starting_lead((), "", "no"))
        self._similar: SimilarShots | None = None
        self._seed = 0
        self.story: tuple[str, ...] = ()
        """How the prompt was found, as sentences."""
        self.trace: tuple[TriedPrompt, ...] = ()
        """Every prompt that was tried: where it comes from, its instruction, its dev score."""

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `calls=N`, `shots=yes|no`, `list_labels=auto|yes|no`; raises InputError."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the prompts, for the manifest."""
        chosen = self._chosen
        return {
            "instruction": short_digest(chosen.lead.instruction),
            "labels_listed": len(chosen.lead.labels),
            "shots": chosen.similar or len(chosen.fixed),
            "similar": bool(chosen.similar),
            "shown": short_digest(told(self._similar.pool if self._similar else chosen.fixed)),
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
        """Search. Raises DatasetError when there is no train sample."""
        refuse_no_shots(train, self.info.id)
        self._seed = tools.seed
        self._similar, self.trace = None, ()
        start = Candidate(
            starting_lead(train, tools.instruction, self._list_labels), origin="the start"
        )
        self._chosen = start
        calls = calls_worth(train, dev, self._calls, seed=tools.seed)
        reason = why_not(tools, calls, self.info.id)
        if reason or tools.model is None:
            self.story = (f"Nothing was searched, the zero-shot prompt stands: {reason}.",)
            return
        parts = parts_of(train, dev, tools.seed)
        plain = Desk(tools.model, calls, None)
        plain.refuse_long(start, (*parts.dev[:calls], *parts.pool[:calls]), self.info.id)
        similar, remark = self._neighbours(parts, tools)
        desk = Desk(tools.model, calls, similar)
        search = Search(start, desk, parts, similar, seed=tools.seed, may_show=self._may_show)
        found = search.run(tools.should_stop)
        self._chosen = found.chosen.candidate
        self._similar = similar if self._chosen.similar else None
        self.story = (*story(found, calls), *remark, *aside(parts))
        self.trace = tuple(row(trial) for trial in found.trials)

    def prepare(self, samples: Sequence[Sample]) -> None:
        """Embed the questions of several samples at once; optional, for speed alone."""
        if self._similar is not None:
            self._similar.prepare(samples)

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample."""
        return self._chosen.prompt(sample, self._similar)

    def _neighbours(
        self, parts: Parts, tools: Tools
    ) -> tuple[SimilarShots | None, tuple[str, ...]]:
        if not self._may_show:
            return None, ()
        try:
            similar = SimilarShots(parts.pool, tools.embedder)
        except MissingExtraError as error:
            return None, (f"Similar shots were not tried: {error.message}",)
        similar.prepare(parts.dev)
        return similar, ()
