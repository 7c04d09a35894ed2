"""One way of prompting with passages: what it finds, what it shows, what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from advisor.contracts import Arraying, Asymmetric, Retriever, Tools, Windowed
from advisor.schema.chat import earlier, opening
from advisor.schema.evaluation import Hit, Message, Passage, Prompt, Sample
from advisor.schema.relevance import Relevance
from rag_baseline.passage_text import searched_text, shown_text
from rag_baseline.prompting.library import Library, prepare
from rag_baseline.prompting.packing import SEPARATION, CountTokens, distinct, pack, widened
from rag_baseline.prompting.rag_options import RagOptions
from rag_baseline.prompting.shots import Shots
from rag_baseline.prompting.wording import CITE, FAR, declining, marked, user_turn

SPARE = 8
"""Passages found beyond those shown where some may be passed over."""
DEEPER = (SPARE, 8 * SPARE, 64 * SPARE)
"""The same where copies of one text stand among what is found."""
TURN = 8
"""Tokens that a chat template puts around a turn, at most for most."""
Shown = tuple[Sample, tuple[Message, ...]]
"""A shot and its turns."""
LEAST = 16
"""Tokens that passages get, however long the rest is."""


@dataclass(frozen=True)
class Prompter:
    """A search over the library's passages under options."""

    library: Library
    options: RagOptions
    tools: Tools
    retriever: Retriever
    shots: Shots | None = None
    right: Relevance | None = None
    """What is right for the shots, where they are to name passages."""
    threshold: float | None = None
    """Similarity below which the best passage may not fit; None: nothing is said of that."""
    decline: str = ""
    _count: CountTokens = field(init=False, repr=False, compare=False)
    _kept: dict[str, Shown | None] = field(default_factory=dict, repr=False, compare=False)
    """Shots as they are shown, by id."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_count", counter(self.tools))

    def prepare(self, samples: Sequence[Sample]) -> None:
        """Embed the questions of several samples at once; for speed alone."""
        asked = [sample.input for sample in samples]
        if self.shots is not None:
            self.shots.prepare(samples)
            shots = (shot for sample in samples for shot in self._shots_of(sample))
            asked += [shot.input for shot in shots if shot.id not in self._kept]
        prepare(self.retriever, asked)

    def hits(self, sample: Sample, k: int) -> list[Hit]:
        """What is found for a sample, best first, at most k."""
        return self.library.find(self.retriever, self.options, sample, k)

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample."""
        hits = self._shown(sample)
        texts = [self._text(hit.passage) for hit in hits]
        turn = user_turn(texts, sample.input, self._asked(sample, hits))
        own = (*earlier(sample), Message(role="user", content=turn), *sample.steps)
        head = opening(sample, self.tools.instruction)
        shots = self._solved(sample, sum(at_most(m.content) for m in (*head, *own)))
        return Prompt(
            sample_id=sample.id,
            messages=(*head, *(turn for _, turns in shots for turn in turns), *own),
            shots=tuple(shot.id for shot, _ in shots),
            passages=tuple(hit.passage.id for hit in hits),
            passage_texts=tuple(texts),
            cites=self.options.cite,
        )

    def similarity(self, sample: Sample, hits: Sequence[Hit]) -> float:
        """Cosine of the question and the passage nearest to it; -1 without a passage."""
        if not hits:
            return -1.0
        embedder = self.tools.embedder
        questions = (
            embedder.array_queries if isinstance(embedder, Asymmetric) else _embedding(embedder)
        )
        texts = [searched_text(hit.passage) for hit in hits]
        asked, shown = questions([sample.input])[0], _embedding(embedder)(texts)
        return max(float(sum(a * b for a, b in zip(asked, row, strict=True))) for row in shown)

    def _asked(self, sample: Sample, hits: Sequence[Hit]) -> list[str]:
        """What the turn asks of the answer beside the question."""
        asked = [CITE] if self.options.cite else []
        if self.decline:
            is_far = self.threshold is not None and self.similarity(sample, hits) < self.threshold
            asked += [FAR] if is_far else []
            asked.append(declining(self.decline))
        return asked

    def _shown(self, sample: Sample) -> list[Hit]:
        """The first of what is found; packed where tokens or neighbours make that necessary."""
        options = self.options
        plain = self._distinct(sample, options.passages)
        budget = self._budget(sample, plain)
        if budget is None and not options.neighbours:
            return plain
        if options.neighbours:
            found = self.hits(sample, options.passages + SPARE)
            found = [widened(hit, options.neighbours, self._order) for hit in found]
        else:
            found = self._distinct(sample, options.passages + SPARE)
        return pack(
            found, most=options.passages, budget=budget, count=self._count, shown=self._text
        )

    def _text(self, passage: Passage) -> str:
        """A passage as it is shown; one that is to be cited with its document."""
        return shown_text(passage, named=self.options.cite)

    def _distinct(self, sample: Sample, k: int) -> list[Hit]:
        """The first k hits that say different things; it is searched deeper where some do not."""
        for spare in (0, *DEEPER):
            found = self.hits(sample, k + spare)
            chosen = distinct(found, k)
            if len(chosen) == k or len(found) < k + spare:
                break
        return chosen

    def _budget(self, sample: Sample, hits: Sequence[Hit]) -> int | None:
        """Tokens for all passages; None where nothing limits them.

        The model is asked to count only where the prompt may not fit, so that one whose answers
        are all kept is not opened.
        """
        limits = [self.options.context_tokens] if self.options.context_tokens else []
        model = self.tools.model
        room = model.context_tokens if model is not None else None
        if model is not None and room is not None:
            rest = self._frame(sample)
            shown = sum(at_most(self._text(hit.passage)) + SEPARATION for hit in hits)
            room -= model.max_new_tokens + TURN * (len(sample.history) + 3)
            if self.options.neighbours or at_most(rest) + shown > room:
                limits.append(max(LEAST, room - self._count(rest)))
        return min(limits, default=None)

    def _frame(self, sample: Sample) -> str:
        """Everything of the prompt but passages and shots."""
        turns = (*opening(sample, self.tools.instruction), *earlier(sample), *sample.steps)
        asked = " ".join((*([CITE] if self.options.cite else []), FAR, declining(self.decline)))
        own = f"{asked if self.options.cite or self.decline else ''} {sample.input}"
        return "\n".join([*(turn.content for turn in turns), own])

    @cached_property
    def _order(self) -> dict[str, list[Passage]]:
        """The passages of each document in their order."""
        rows: dict[str, list[Passage]] = {}
        for passage in self.library.passages(self.options):
            rows.setdefault(passage.document, []).append(passage)
        return rows

    def _shots_of(self, sample: Sample) -> list[Sample]:
        return self.shots.of(sample, self.options.shots) if self.shots is not None else []

    def _solved(self, sample: Sample, tokens: int) -> list[Shown]:
        """Shots with passages of their own, the most similar last; as many as there is room for.

        `tokens`: those of the rest, at most.
        """
        found = [shown for shot in self._shots_of(sample) if (shown := self._turns_of(shot))]
        model = self.tools.model
        if model is None or model.context_tokens is None:
            return found[::-1]
        room = model.context_tokens - model.max_new_tokens - 3 * TURN - tokens
        texts = ["\n".join(turn.content for turn in turns) for _, turns in found]
        if sum(at_most(text) + 2 * TURN for text in texts) <= room:
            return found[::-1]
        fitting = 0
        for text in texts:
            room -= self._count(text) + 2 * TURN
            fitting += room >= 0
        return found[:fitting][::-1]

    def _turns_of(self, shot: Sample) -> Shown | None:
        """A solved sample in the very form of the question; None for one that shows nothing."""
        if shot.id not in self._kept:
            hits = self._distinct(shot, self.options.passages)
            answer = self._answer_of(shot, hits)
            texts = [self._text(hit.passage) for hit in hits]
            asked = Message(
                role="user", content=user_turn(texts, shot.input, self._asked(shot, hits))
            )
            answered = Message(role="assistant", content=answer)
            turns = (*earlier(shot), asked, *shot.steps, answered)
            self._kept[shot.id] = (shot, turns) if answer.strip() else None
        return self._kept[shot.id]

    def _answer_of(self, shot: Sample, hits: Sequence[Hit]) -> str:
        """The reference; with the passage it rests on where passages are to be named.

        Empty where no passage shown holds it, though one should be named.
        """
        if shot.is_answerable is False:
            return self.decline or shot.target
        if not self.options.cite:
            return shot.target
        rank = self.right.rank(shot, [hit.passage for hit in hits]) if self.right else None
        return marked(shot.target, rank) if rank else ""


def at_most(text: str) -> int:
    """Tokens of a text, from above: one to two bytes, where tokenizers take three or four."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // 2)


def counter(tools: Tools) -> CountTokens:
    """Counts tokens by the model's tokenizer, else the embedder's, else a third of characters."""
    if tools.model is not None:
        return tools.model.count_tokens
    embedder = tools.embedder
    if isinstance(embedder, Windowed):
        return lambda text: embedder.token_counts([text])[0]
    return lambda text: -(-len(text) // 3)


def _embedding(embedder: Any) -> Callable[[Sequence[str]], Any]:
    return embedder.array if isinstance(embedder, Arraying) else embedder.embed
