"""Tries ways of searching, cutting and showing on the dev part; keeps what clearly does better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from advisor.contracts import Embedder, ModelUnderTest, Tools
from advisor.schema.evaluation import Passage, Prompt, Sample
from advisor.schema.relevance import Relevance
from rag_baseline.predicting.labelled import in_order
from rag_baseline.prompting.comparing import best
from rag_baseline.prompting.label_length import label_tokens
from rag_baseline.prompting.library import Library, prepare
from rag_baseline.prompting.rag_options import FULL, OFF, WAYS, RagOptions

FEWEST = 20
"""Dev samples below which nothing is tried: chance would choose."""
MOST_JUDGED = 200
"""Dev samples on which retrieval is compared."""
MOST_RERANKED = 40
"""The same where every search is put into order by a model."""
MOST_ASKED = 40
"""Dev samples on which answers are compared."""
CONFIGURATIONS = 3
"""Numbers of passages whose answers are compared, the one to begin with included."""
DEPTH = 10
SIZES = (100, 250)
"""Tokens of a passage that are tried beside those to begin with."""
COUNTS = (1, 2, 5, 10)
"""Passages shown that are tried beside those to begin with."""
BLIND = (1, 5, 2, 10)
"""Their order where nothing is known of what is found."""
ENOUGH = 0.01
"""How much of the recall at ten may be given up for fewer passages."""
CHARACTERS = 150_000
"""Length of a corpus up to which `auto` cuts and embeds it in other sizes too."""

Ask = Callable[[RagOptions, Sequence[Sample]], list[Prompt]]
"""The prompts of some samples under options."""


@dataclass(frozen=True)
class Outcome:
    """What was chosen, and the sentences that say why."""

    options: RagOptions
    story: tuple[str, ...] = ()
    tried: int = 0
    """Ways that were compared with the one to begin with."""
    asked: int = 0
    """Prompts that were asked of the model."""


def calls_wanted(options: RagOptions, dev: Sequence[Sample]) -> int:
    """Prompts that a sweep asks at most."""
    if options.sweep == OFF or len(dev) < FEWEST or "passages" in options.given:
        return 0
    if options.sweep_calls is not None:
        return options.sweep_calls
    return CONFIGURATIONS * min(MOST_ASKED, len(dev))


class _Plan(NamedTuple):
    """What a sweep compares with what it begins with."""

    ways: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    counts: int = 0
    """Further numbers of passages, at most."""

    @property
    def tried(self) -> int:
        """All of them: each could look better by chance."""
        return len(self.ways) + len(self.sizes) + self.counts


class _Ground(NamedTuple):
    """What retrieval is compared on."""

    library: Library
    samples: Sequence[Sample]
    relevance: Relevance
    embedder: Embedder

    def ranks(self, options: RagOptions) -> list[int | None]:
        """Place of the first right passage of each sample among the first ten."""
        retriever = self.library.retriever(options)
        prepare(retriever, [sample.input for sample in self.samples])
        return [
            self.relevance.rank(
                sample,
                (hit.passage for hit in self.library.find(retriever, options, sample, DEPTH)),
            )
            for sample in self.samples
        ]

    def length(self, options: RagOptions) -> float:
        """Tokens of a passage as it is shown, at most but for its headings, which are averaged."""
        passages = self.library.passages(options)
        return options.tokens + label_tokens(passages, self.embedder, named=options.cite)


def sweep(
    library: Library,
    options: RagOptions,
    dev: Sequence[Sample],
    tools: Tools,
    ask: Ask,
) -> Outcome:
    """The options with the search, the passage size and the number of passages that dev supports.

    First by retrieval alone, which asks no model: the reciprocal rank of the first right passage
    decides how to search, what is found among equally many tokens how long passages are. Then by
    the run's metric how many are shown. What the user set is left; another way is taken only where
    a paired comparison puts it beyond chance, all that is tried in the sweep being counted.
    """
    if options.sweep == OFF or len(dev) < FEWEST:
        return Outcome(options)
    drawn = in_order(dev, tools.seed)
    relevance = Relevance(drawn, library.corpus)
    most = MOST_RERANKED if options.rerank else MOST_JUDGED
    judged = [sample for sample in drawn if relevance.by(sample)][:most]
    is_judged = len(judged) >= FEWEST
    calls = min(calls_wanted(options, dev), tools.model.calls_left) if tools.model else 0
    few = drawn[: min(MOST_ASKED, calls // 2)]
    counts = min(calls // len(few) - 1, len(COUNTS)) if len(few) >= FEWEST else 0
    plan = _plan(library, options, counts) if is_judged else _Plan(counts=counts)
    ground = _Ground(library, judged, relevance, tools.embedder)
    found = Outcome(options)
    if is_judged:
        found = _by_search(ground, found, plan)
        found = _by_size(ground, found, plan)
    if tools.model is None or not counts:
        return found
    ranks = ground.ranks(found.options) if is_judged else []
    shown = _counts(found.options, ranks)[:counts]
    return _by_answers(found, shown, few, tools.model, ask, tried=plan.tried)


def _plan(library: Library, options: RagOptions, counts: int) -> _Plan:
    """Ways and sizes that the user left open; sizes that cut in the same places are one."""
    if not library.is_own:
        return _Plan(counts=counts)
    ways = () if "search" in options.given else tuple(w for w in WAYS if w != options.search)
    sizes: list[int] = []
    if not {"tokens", "overlap"} & options.given and _is_small(library, options):
        spans = _spans(library.passages(options))
        sizes = [
            size
            for size in SIZES
            if size != options.tokens
            and _spans(library.passages(options.chosen(tokens=size))) != spans
        ]
    return _Plan(ways, tuple(sizes), counts)


def _by_search(ground: _Ground, so_far: Outcome, plan: _Plan) -> Outcome:
    """How passages are searched, by the reciprocal rank of the first right one."""
    options = so_far.options
    if not plan.ways:
        return so_far
    values = {
        way: [1 / rank if rank else 0.0 for rank in ground.ranks(one)]
        for way in (options.search, *plan.ways)
        if (one := options.chosen(search=way))
    }
    taken = best(values, options.search, tried=plan.tried)
    told = ", ".join(f"{way} {fmean(row):.3f}" for way, row in values.items())
    story = f"Mean reciprocal rank on {len(ground.samples)} dev samples: {told}; taken: {taken}."
    return _step(so_far, options.chosen(search=taken), story, len(values) - 1)


def _by_size(ground: _Ground, so_far: Outcome, plan: _Plan) -> Outcome:
    """How long passages are, by what is found among as many tokens as are shown to begin with."""
    options = so_far.options
    if not plan.sizes:
        return so_far
    values: dict[int, list[float]] = {}
    for tokens in (options.tokens, *plan.sizes):
        shown = _as_many(ground, options, tokens)
        ranks = ground.ranks(options.chosen(tokens=tokens))
        values[tokens] = [float(rank is not None and rank <= shown) for rank in ranks]
    taken = best(values, options.tokens, tried=plan.tried)
    told = ", ".join(f"{size} tokens {fmean(row):.3f}" for size, row in values.items())
    budget = round(options.passages * ground.length(options))
    story = f"Right passage among the first {budget} tokens: {told}; taken: {taken}."
    return _step(so_far, _of_size(ground, options, taken), story, len(values) - 1)


def _as_many(ground: _Ground, options: RagOptions, tokens: int) -> int:
    """Passages of this length that take as many tokens as those to begin with."""
    budget = options.passages * ground.length(options)
    return max(1, round(budget / ground.length(options.chosen(tokens=tokens))))


def _of_size(ground: _Ground, options: RagOptions, tokens: int) -> RagOptions:
    """Passages of another length, and about as many tokens shown as before."""
    if tokens == options.tokens:
        return options
    passages = options.passages
    if "passages" not in options.given:
        passages = _as_many(ground, options, tokens)
    return options.chosen(tokens=tokens, passages=passages)


def _by_answers(
    so_far: Outcome,
    counts: Sequence[int],
    dev: Sequence[Sample],
    model: ModelUnderTest,
    ask: Ask,
    *,
    tried: int,
) -> Outcome:
    """How many passages are shown, by the run's metric of the answers."""
    begun = so_far.options
    values: dict[int, list[float]] = {}
    for count in (begun.passages, *counts):
        prompts = ask(begun.chosen(passages=count), dev)
        answers = model.ask(prompts)
        scores = model.score(prompts, answers, dev)
        if len(scores) < len(dev):
            break
        values[count] = [0.0 if score.unscored else score.value for score in scores]
        if fmean(values[begun.passages]) == 1:
            break
    if len(values) < 2:
        return so_far
    taken = best(values, begun.passages, tried=tried)
    told = ", ".join(f"{count} {fmean(row):.3f}" for count, row in sorted(values.items()))
    story = f"Score by passages shown, {len(dev)} dev samples: {told}; taken: {taken}."
    done = _step(so_far, begun.chosen(passages=taken), story, len(values) - 1)
    return Outcome(done.options, done.story, done.tried, len(values) * len(dev))


def _counts(options: RagOptions, ranks: Sequence[int | None]) -> list[int]:
    """Numbers of passages to try, the most promising first.

    That is the smallest number that holds nearly all that ten hold, then one passage, which
    distracts least, then more. Without ranks to go by, fewer and more in turn.
    """
    others = [count for count in COUNTS if count != options.passages]
    if not ranks:
        return sorted(others, key=BLIND.index)
    recall = {k: fmean(rank is not None and rank <= k for rank in ranks) for k in range(1, 11)}
    begun = recall[min(options.passages, DEPTH)]
    enough = next(k for k in recall if recall[k] >= recall[DEPTH] - ENOUGH)
    worth = [k for k in others if k < options.passages or recall[k] > begun + ENOUGH]
    if enough != options.passages and enough not in worth:
        worth.append(enough)
    return sorted(worth, key=lambda count: (count != enough, count != 1, count))


def _step(so_far: Outcome, options: RagOptions, story: str, tried: int) -> Outcome:
    return Outcome(options, (*so_far.story, story), so_far.tried + tried, so_far.asked)


def _is_small(library: Library, options: RagOptions) -> bool:
    if options.sweep == FULL:
        return True
    total = 0
    for document in library.corpus:
        total += len(document.text)
        if total > CHARACTERS:
            return False
    return True


def _spans(passages: Sequence[Passage]) -> list[tuple[str, int, int]]:
    return [(one.document, one.start, one.end) for one in passages]
