"""The prompt builders that retrieve: the passages that fit the question stand before it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from advisor.contracts import PluginInfo, Tools
from advisor.errors import CorpusError
from advisor.schema.evaluation import Document, Hit, Prompt, Sample
from advisor.schema.relevance import Relevance
from rag_baseline.combined.rerank import reranker
from rag_baseline.prompting.abstaining import dividing
from rag_baseline.prompting.choice import Choices
from rag_baseline.prompting.library import Library
from rag_baseline.prompting.prompter import Prompter
from rag_baseline.prompting.rag_options import AUTO, FULL, OFF, RagOptions, read_rag_options
from rag_baseline.prompting.shots import Shots
from rag_baseline.prompting.sweep import Outcome, calls_wanted, sweep

Setting = str | int | float | bool


class RagBuilder:
    """System turn with the instruction, then one user turn with passages and question."""

    info = PluginInfo(
        id="rag",
        label="instruction and retrieved passages",
        extra="rag",
        cost_rank=3,
        approach="rag",
        needs=("documents",),
    )
    shows_shots: ClassVar[bool] = False

    def __init__(self, options: RagOptions | None = None) -> None:
        self._options = options or RagOptions()
        self._prompter: Prompter | None = None
        self._outcome = Outcome(self._options)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With these options (`RagOptions`); raises InputError for an unknown or wrong one."""
        return type(self)(read_rag_options(self.info.id, options, shots=self.shows_shots))

    @property
    def settings(self) -> dict[str, Setting]:
        """What decides the prompts, for the manifest."""
        chosen, prompter = self._outcome.options, self._prompter
        told: dict[str, Setting] = {
            "passages": chosen.passages,
            "tokens": chosen.tokens,
            "overlap": chosen.overlap,
            "search": chosen.search,
            "sweep": chosen.sweep,
            "sweep_tried": self._outcome.tried,
            "sweep_asked": self._outcome.asked,
        }
        told |= {name: value for name, value in _set(chosen).items() if name not in told}
        if prompter is None:
            return told
        retriever: Any = prompter.retriever
        if not prompter.library.is_own:
            told["search"] = retriever.info.id
        told["index"] = str(getattr(retriever, "digest", ""))
        told["instruction"] = _short(prompter.tools.instruction)
        if prompter.decline:
            is_own = chosen.decline == prompter.decline
            told["decline"] = prompter.decline if is_own else f"{AUTO} {_short(prompter.decline)}"
        if prompter.threshold is not None:
            told["decline_below"] = round(prompter.threshold, 4)
        return told

    @property
    def story(self) -> tuple[str, ...]:
        """What was tried on the dev part and what was chosen, and what befell the index."""
        retriever = self._prompter.retriever if self._prompter is not None else None
        notes: tuple[str, ...] = getattr(retriever, "notes", ())
        return (*self._outcome.story, *(f"{note[:1].upper()}{note[1:]}." for note in notes))

    @property
    def shown(self) -> int:
        """Passages that a prompt shows at most."""
        return self._outcome.options.passages

    def calls_wanted(self, train: Sequence[Sample], dev: Sequence[Sample]) -> int:  # noqa: ARG002
        """Prompts that the sweep asks at most."""
        return calls_wanted(self._options, dev)

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],
        corpus: Sequence[Document],
        tools: Tools,
    ) -> None:
        """Index the corpus and choose how to search and show it on the dev part.

        Raises CorpusError when there is none, DatasetError for shots without a train sample,
        InputError, MissingExtraError, StorageError.
        """
        if not corpus:
            raise CorpusError(
                "Retrieval needs documents, got none.",
                hint=f"Point --docs at a file or folder of documents, or leave {self.info.id} out.",
            )
        library = Library(corpus, tools)
        base = self._first(library, train, dev, tools)
        choices = Choices(self.info.id, base, train, dev)

        def ask(options: RagOptions, samples: Sequence[Sample]) -> list[Prompt]:
            prompter = _under(base, options)
            prompter.prepare(samples)
            return [prompter.build(sample) for sample in samples]

        self._outcome = choices.kept() or sweep(library, self._options, dev, tools, ask)
        choices.keep(self._outcome)
        prompter = _under(base, self._outcome.options)
        library.keep_only(prompter.retriever)
        self._prompter = replace(prompter, threshold=_threshold(prompter, dev))

    def prepare(self, samples: Sequence[Sample]) -> None:
        """Embed the questions of several samples at once; optional, for speed alone."""
        if self._prompter is not None:
            self._prompter.prepare(samples)

    def hits(self, sample: Sample, k: int) -> list[Hit]:
        """What is found for a sample, best first, at most k."""
        return self._prompter.hits(sample, k) if self._prompter is not None else []

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample; raises CorpusError before `fit`."""
        if self._prompter is None:
            raise CorpusError("Nothing has been indexed yet.", hint="Call fit first.")
        return self._prompter.build(sample)

    def _first(
        self, library: Library, train: Sequence[Sample], dev: Sequence[Sample], tools: Tools
    ) -> Prompter:
        """The way of prompting to begin with."""
        options = self._options
        shots = (
            Shots(train, tools, similar=options.choose == "similar") if self.shows_shots else None
        )
        right = Relevance(train, library.corpus) if shots is not None and options.cite else None
        return Prompter(
            library,
            options,
            tools,
            library.retriever(options),
            shots=shots,
            right=right,
            decline=_decline(options, [*train, *dev]),
        )


class RagFewShotBuilder(RagBuilder):
    """The same with solved samples before the question, each with its own passages.

    How passages are searched and cut is chosen by retrieval alone, unless sweep=full or sweep_calls
    lets the model be asked how many to show.
    """

    info = PluginInfo(
        id="rag_few_shot",
        label="retrieved passages and shots",
        extra="rag",
        cost_rank=4,
        approach="rag",
        needs=("documents", "shots"),
    )
    shows_shots: ClassVar[bool] = True

    def __init__(self, options: RagOptions | None = None) -> None:
        options = options or RagOptions()
        if options.sweep_calls is None and options.sweep != FULL:
            options = options.chosen(sweep_calls=0)  # its prompts are long
        super().__init__(options)


def _under(base: Prompter, options: RagOptions) -> Prompter:
    """The same way of prompting under other options."""
    if options == base.options:
        return base
    retriever = base.library.retriever(options)
    return replace(base, options=options, retriever=retriever, _kept={})


def _decline(options: RagOptions, samples: Sequence[Sample]) -> str:
    """What to answer where there is no answer: what the user said, else what the data says.

    That is the one target which most samples without an answer have; empty where there is none.
    """
    if options.decline not in (AUTO, OFF):
        return options.decline
    without = Counter(s.target.strip() for s in samples if s.is_answerable is False)
    if options.decline == OFF or not without:
        return ""
    text, count = without.most_common(1)[0]
    return text if 2 * count > without.total() else ""


def _threshold(prompter: Prompter, dev: Sequence[Sample]) -> float | None:
    """Similarity below which a prompt says that its passages may not fit."""
    below = prompter.options.decline_below
    if not prompter.decline or below == OFF:
        return None
    if isinstance(below, float):
        return below
    if all(sample.is_answerable is not False for sample in dev):
        return None
    prompter.prepare(dev)
    shown = prompter.options.passages
    near = [
        (prompter.similarity(s, prompter.hits(s, shown)), s.is_answerable is not False) for s in dev
    ]
    return dividing(
        [similarity for similarity, has_answer in near if has_answer],
        [similarity for similarity, has_answer in near if not has_answer],
    )


def _set(options: RagOptions) -> dict[str, Setting]:
    """Options that the user set, and filters."""
    chosen: dict[str, Setting] = {name: getattr(options, name) for name in sorted(options.given)}
    if options.rerank:
        chosen["rerank"] = reranker(options.rerank).told
    return chosen | {f"where.{name}": value for name, value in options.where.items()}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
