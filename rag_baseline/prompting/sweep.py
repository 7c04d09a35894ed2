"""Tries ways of searching, cutting and showing on the dev part; keeps what clearly does better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import TypeVar

from advisor.contracts import ModelUnderTest
from advisor.schema.evaluation import Passage, Prompt, Sample
from advisor.schema.relevance import Relevance
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
NOISE = 1.28
"""Standard errors of a paired difference from which it counts: one in ten by chance alone."""
CHARACTERS = 150_000
"""Length of a corpus up to which `auto` cuts and embeds it in other sizes too."""

Key = TypeVar("Key", str, int)
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


def sweep(
    library: Library,
    options: RagOptions,
    dev: Sequence[Sample],
    model: ModelUnderTest | None,
    ask: Ask,
) -> Outcome:
    """The options with the search, the passage size and the number of passages that dev supports.

    First by retrieval alone, which asks no model: the reciprocal rank of the first right passage
    decides how to search, what is found among equally many tokens how long passages are. Then by
    the run's metric how many are shown. What the user set is left; another way is taken only where
    a paired comparison puts it beyond noise.
    """
    if options.sweep == OFF or len(dev) < FEWEST:
        return Outcome(options)
    relevance = Relevance(dev, library.corpus)
    most = MOST_RERANKED if options.rerank else MOST_JUDGED
    judged = [sample for sample in dev if relevance.by(sample)][:most]
    found = Outcome(options)
    if len(judged) >= FEWEST:
        found = _by_search(library, found, judged, relevance)
        found = _by_size(library, found, judged, relevance)
    wanted = calls_wanted(options, dev)
    if model is None or min(wanted, model.calls_left) < 2:
        return found
    few = dev[: min(MOST_ASKED, len(dev), min(wanted, model.calls_left) // 2)]
    if len(few) < FEWEST:
        return found
    ranks = _ranks(library, found.options, judged, relevance) if len(judged) >= FEWEST else []
    configurations = min(wanted, model.calls_left) // len(few)
    counts = _counts(found.options, ranks)[: configurations - 1]
    return _by_answers(found, counts, few, model, ask)


def _by_search(
    library: Library, so_far: Outcome, judged: Sequence[Sample], relevance: Relevance
) -> Outcome:
    """How passages are searched, by the reciprocal rank of the first right one."""
    options = so_far.options
    if "search" in options.given or not library.is_own:
        return so_far
    values = {
        way: [1 / rank if rank else 0.0 for rank in _ranks(library, one, judged, relevance)]
        for way in (options.search, *(w for w in WAYS if w != options.search))
        if (one := options.chosen(search=way))
    }
    best = _best(values, options.search)
    told = ", ".join(f"{way} {fmean(row):.3f}" for way, row in values.items())
    story = f"Mean reciprocal rank on {len(judged)} dev samples: {told}; taken: {best}."
    return _step(so_far, options.chosen(search=best), story, len(values) - 1)


def _by_size(
    library: Library, so_far: Outcome, judged: Sequence[Sample], relevance: Relevance
) -> Outcome:
    """How long passages are, by what is found among as many tokens as are shown to begin with."""
    options = so_far.options
    if (
        {"tokens", "overlap"} & options.given
        or not library.is_own
        or not _is_small(library, options)
    ):
        return so_far
    budget = options.passages * options.tokens
    spans = _spans(library.passages(options))
    values: dict[int, list[float]] = {}
    for tokens in (options.tokens, *(size for size in SIZES if size != options.tokens)):
        one = _of_size(options, tokens)
        if tokens != options.tokens and _spans(library.passages(one)) == spans:
            continue
        shown = max(1, round(budget / tokens))
        ranks = _ranks(library, one, judged, relevance)
        values[tokens] = [float(rank is not None and rank <= shown) for rank in ranks]
    if len(values) < 2:
        return so_far
    best = _best(values, options.tokens)
    told = ", ".join(f"{size} tokens {fmean(row):.3f}" for size, row in values.items())
    story = f"Right passage among the first {budget} tokens: {told}; taken: {best}."
    return _step(so_far, _of_size(options, best), story, len(values) - 1)


def _of_size(options: RagOptions, tokens: int) -> RagOptions:
    """Passages of another length, and about as many tokens shown as before."""
    if tokens == options.tokens:
        return options
    passages = options.passages
    if "passages" not in options.given:
        passages = max(1, round(passages * options.tokens / tokens))
    return options.chosen(tokens=tokens, passages=passages)


def _by_answers(
    so_far: Outcome,
    counts: Sequence[int],
    dev: Sequence[Sample],
    model: ModelUnderTest,
    ask: Ask,
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
    best = _best(values, begun.passages)
    told = ", ".join(f"{count} {fmean(row):.3f}" for count, row in sorted(values.items()))
    story = f"Score by passages shown, {len(dev)} dev samples: {told}; taken: {best}."
    done = _step(so_far, begun.chosen(passages=best), story, len(values) - 1)
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


def _ranks(
    library: Library, options: RagOptions, samples: Sequence[Sample], relevance: Relevance
) -> list[int | None]:
    """Place of the first right passage of each sample among the first ten."""
    retriever = library.retriever(options)
    prepare(retriever, [sample.input for sample in samples])
    return [
        relevance.rank(
            sample, (hit.passage for hit in library.find(retriever, options, sample, DEPTH))
        )
        for sample in samples
    ]


def _best(values: dict[Key, list[float]], begun: Key) -> Key:
    """The key with the highest mean, unless the one to begin with is as good within noise."""
    best = max(values, key=lambda key: (fmean(values[key]), key == begun))
    return best if is_better(values[best], values[begun]) else begun


def is_better(values: Sequence[float], than: Sequence[float]) -> bool:
    """Whether paired values are higher by more than chance explains."""
    differences = [a - b for a, b in zip(values, than, strict=True)]
    if len(differences) < 2:
        return False
    error = stdev(differences) / sqrt(len(differences))
    return fmean(differences) > NOISE * error


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
