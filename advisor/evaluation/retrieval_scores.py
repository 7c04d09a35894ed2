"""How well passages are found, whatever is answered from them: recall, reciprocal rank, nDCG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log2
from statistics import fmean
from typing import Literal

from advisor.evaluation.diagnosis_reading import in_prompt
from advisor.evaluation.intervals import clustered_interval, mean_interval, shared_groups
from advisor.schema.base import ConfidenceInterval
from advisor.schema.diagnosis import RetrievalScores
from advisor.schema.evaluation import Document, Hit, Passage, Prompt, Sample
from advisor.schema.relevance import Relevance

DEPTHS = (1, 3, 5, 10)
NDCG_DEPTH = 10


def right_passages(
    sample: Sample, passages: Iterable[Passage], relevance: Relevance
) -> list[Passage]:
    """Those of the passages that are right for the sample, in their order."""
    return [passage for passage in passages if relevance.is_right(sample, passage)]


def retrieval_scores(
    samples: Sequence[Sample],
    hits: Mapping[str, Sequence[Hit]],
    *,
    shown: int,
    corpus: Sequence[Document] | None = None,
    relevance: Relevance | None = None,
    prompts: Mapping[str, Prompt] | None = None,
) -> RetrievalScores | None:
    """Recall by depth, mean reciprocal rank and nDCG at 10 over samples that can be judged.

    `hits` are by sample id, best first. A passage is right when it holds the sample's answer, or
    lies in the document that the sample names (`Relevance`). Samples without an answer, and those
    whose answer stands in no document or in too many, are left out and counted; so are, without a
    `corpus` to look the answer up in, those for which nothing right was found. None where no
    sample can be judged. `relevance` is that of a corpus that was read already.

    `prompts`, by sample id, say what was shown: fewer passages than `shown` where there was no
    room. The recall at `shown`, then the mean number, is of the passages in the prompts.
    """
    if relevance is None:
        relevance = Relevance(samples, _found(hits) if corpus is None else corpus)
    judged = [sample for sample in samples if relevance.by(sample)]
    if not judged:
        return None
    rights = [
        [relevance.is_right(sample, hit.passage) for hit in hits.get(sample.id, ())]
        for sample in judged
    ]
    recall = {k: _within(rights, k) for k in sorted({*DEPTHS, shown})}
    told = [prompts[sample.id] for sample in judged if sample.id in prompts] if prompts else []
    if len(told) == len(judged):
        shown = max(1, round(fmean(len(prompt.passages) for prompt in told)))
        recall[shown] = [
            float(any(in_prompt(sample, prompt, _known(hits, sample), relevance)))
            for sample, prompt in zip(judged, told, strict=True)
        ]
    return RetrievalScores(
        n=len(judged),
        without=len(samples) - len(judged),
        judged_by=_judged_by(relevance, judged),
        shown=shown,
        recall={k: fmean(recall[k]) for k in sorted(recall)},
        recall_interval=_interval(recall[shown], judged),
        mrr=fmean(map(reciprocal_rank, rights)),
        ndcg=fmean(map(ndcg, rights)),
    )


def _known(hits: Mapping[str, Sequence[Hit]], sample: Sample) -> dict[str, Passage]:
    return {hit.passage.id: hit.passage for hit in hits.get(sample.id, ())}


def reciprocal_rank(rights: Sequence[bool]) -> float:
    """1 / place of the first right one, 0 where there is none."""
    return next((1 / at for at, right in enumerate(rights, start=1) if right), 0.0)


def ndcg(rights: Sequence[bool], *, depth: int = NDCG_DEPTH) -> float:
    """Discounted gain of the first `depth` over that of the same passages in the best order.

    Gain 1 for a right passage, discounted by log2(place + 1) (Järvelin and Kekäläinen, ACM TOIS
    20, 2002). What lies beyond those searched is not known to be right and not asked for.
    """
    ideal = _gain(sorted(rights, reverse=True)[:depth])
    return _gain(rights[:depth]) / ideal if ideal else 0.0


def _gain(rights: Sequence[bool]) -> float:
    return sum(1 / log2(at + 1) for at, right in enumerate(rights, start=1) if right)


def _within(rights: Sequence[Sequence[bool]], depth: int) -> list[float]:
    """For each sample 1 where a right passage is among the first so many, else 0."""
    return [float(any(some[:depth])) for some in rights]


def _interval(values: Sequence[float], samples: Sequence[Sample]) -> ConfidenceInterval:
    """Of a share; samples of one group or document are no independent witnesses."""
    named = [sample.group or sample.document for sample in samples]
    labels = shared_groups(named)
    if labels is None:
        return mean_interval(values, is_binary=True)[1]
    apart = [name or f"\0{sample.id}" for name, sample in zip(named, samples, strict=True)]
    return clustered_interval(values, apart, is_binary=True)[1]


def _judged_by(
    relevance: Relevance, samples: Sequence[Sample]
) -> Literal["document", "answer", "mixed"]:
    ways = {relevance.by(sample) for sample in samples}
    if ways == {"document"}:
        return "document"
    return "answer" if ways == {"answer"} else "mixed"


def _found(hits: Mapping[str, Sequence[Hit]]) -> list[Document]:
    """The passages that were found, as documents: what can be judged without the corpus."""
    passages = {hit.passage.id: hit.passage for some in hits.values() for hit in some}
    return [Document(name=one.document, text=one.text) for one in passages.values()]
