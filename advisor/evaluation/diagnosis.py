"""Why a system's answers failed: each failure has one cause, and the causes point at a lever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.contracts import Metric
from advisor.evaluation.diagnosis_form import FENCE, declines, json_fault, json_of, wrapped
from advisor.evaluation.diagnosis_labels import NO_LABEL, labels_of, names_no_label
from advisor.evaluation.diagnosis_lever import Failure, Missed, lever_of
from advisor.evaluation.diagnosis_looking import Fact
from advisor.evaluation.diagnosis_reading import Reading
from advisor.evaluation.diagnosis_words import (
    means_the_same,
    same_fields,
    same_label,
    same_words,
    words,
)
from advisor.schema.citing import without_citations
from advisor.schema.diagnosis import Cause, CauseCount, Diagnosis, FailedSample
from advisor.schema.evaluation import Document, Evaluation, Hit, Prompt, Sample, ScoredSample
from advisor.schema.relevance import names_document
from advisor.secrets import masked

EXAMPLES = 3
"""Of each cause."""
LONGEST = 160
"""Characters of a text in an example."""
SLACK = 1e-9
HALF = 0.5
"""Score below which a sample fails by a metric of degrees."""
_FORGIVING = (
    "normalised_match contains semantic_similarity judge token_f1 rouge1 rouge2 rougeL numeric"
)
FORGIVING = frozenset(_FORGIVING.split())
"""Metrics that forgive wording: what they score low is not right in other words."""
NOTHING = "(nothing)"
"""What an example shows for an empty answer."""
FROM_INPUT = 0.5
"""Share of a target's content words in the input from which it is made of that, not looked up."""
LONG_CONTEXT = "long_context"
JUDGEMENTS = frozenset({"yes", "no", "true", "false", "ja", "nein", "oui", "non"})
"""Answers that stand in no document."""


def diagnose(
    evaluation: Evaluation,
    *,
    samples: Mapping[str, Sample],
    prompts: Mapping[str, Prompt],
    documents: Sequence[Document] | Reading,
    metric: Metric,
    searched: Mapping[str, Sequence[Hit]] | None = None,
) -> Diagnosis | None:
    """The cause of every failure, counts, a few examples and the lever; None where none failed.

    A sample fails below the full score, by a metric of degrees below half of it; one without a
    score is left out. `documents` may be a reading that other systems share. `samples` and
    `prompts` by sample id, prompts with the texts of their passages; `searched` holds what a
    retriever finds beyond what is shown, None where the system does not retrieve. Pure: no model
    is asked, and documents are read once.

    In this order, the first that holds: there is no answer; the answer is right in other words; it
    is right in another form; it should have declined; a passage shown holds the fact (ignored, or
    declined), else a document does (not retrieved), else none (not in documents). What cannot be
    looked up is wrong; a label is never looked up, and what is no label has the wrong format.
    """
    scored = [s for s in evaluation.scores if not s.unscored and s.sample_id in samples]
    failed = [s for s in scored if _fails(s.value, metric)]
    if not failed:
        return None
    everything = list(samples.values())
    reading = documents if isinstance(documents, Reading) else Reading(everything, documents)
    bench = _Bench(
        labels=labels_of(metric, everything, reading.documents),
        metric=metric.info.id,
        prompts=prompts,
        reading=reading,
        searched=searched or {},
        approach=evaluation.approach,
        asks_model=evaluation.asks_model,
    )
    found = [bench.judged(samples[s.sample_id], s) for s in failed]
    missed = _missed(found, searched or {}, reading)
    lever, sentence = lever_of(evaluation, found, missed, retrieves=searched is not None)
    return Diagnosis(
        failures=len(found),
        n=len(scored),
        causes=_counts(found),
        examples=tuple(_examples(found)),
        lever=lever,
        sentence=sentence,
    )


def _fails(value: float, metric: Metric) -> bool:
    """Below the full score where there is only right and wrong, else below half."""
    loss = 1 - value if metric.info.higher_is_better else value
    return loss > (SLACK if metric.info.binary else HALF)


@dataclass(slots=True)
class _Bench:
    """What every failure is judged by."""

    labels: frozenset[str]
    metric: str
    prompts: Mapping[str, Prompt]
    reading: Reading
    searched: Mapping[str, Sequence[Hit]]
    approach: str
    asks_model: bool

    @property
    def reads_all(self) -> bool:
        """The prompt holds whole documents."""
        return self.approach == LONG_CONTEXT

    def judged(self, sample: Sample, scored: ScoredSample) -> Failure:
        """Its one cause."""
        known = self._by_answer(sample, scored)
        if known is not None and (known.cause != "other_wording" or self.metric not in FORGIVING):
            return known
        if known is not None:
            why = f"{known.because}, yet the metric, which forgives wording, scores it low"
            return _failure(sample, scored, "wrong", why)
        if self.labels:
            return _failure(sample, scored, "wrong", "another label than the reference")
        return self._by_documents(sample, scored, self._fact(sample))

    def _answer(self, scored: ScoredSample) -> str:
        """The answer without the numbers of passages that the prompt asked for."""
        prompt = self.prompts.get(scored.sample_id)
        text = scored.completion.text
        return without_citations(text) if prompt is not None and prompt.cites else text

    def _by_answer(self, sample: Sample, scored: ScoredSample) -> Failure | None:
        """The cause, where answer and reference alone show it."""
        answer, completion = self._answer(scored), scored.completion
        cause: Cause | str = ""
        if completion.error or completion.finish == "error":
            cause, why = "no_answer", f"the model gave no answer: {completion.error or 'an error'}"
        elif not answer.strip():
            cause, why = "no_answer", "the answer is empty"
        elif not self.labels and is_unanswerable(sample):
            if declines(answer):
                cause, why = "other_wording", "it declines, as it should, in other words"
            else:
                cause, why = "should_have_declined", "there is no answer, and one was given"
        else:
            cause, why = self._by_text(sample, scored)
        return _failure(sample, scored, cause, why) if cause else None

    def _by_text(self, sample: Sample, scored: ScoredSample) -> tuple[str, str]:
        answer, target = self._answer(scored), sample.target
        wanted, was_cut = json_of(target), scored.completion.finish == "length"
        if wanted is not None or self.metric.startswith("json"):
            return json_fault(answer, wanted, was_cut=was_cut)
        labels = self.labels
        is_bare = FENCE.search(answer) is None
        if is_bare and same_fields(answer, target):
            return "wrong_format", "the same words in another order or between other marks"
        if is_bare and _is_same(answer, target, labels):
            return "other_wording", "answer and reference differ in spelling only"
        way = wrapped(answer, target, labels)
        if way:
            return "wrong_format", way
        if labels:
            prompt = self.prompts.get(sample.id)
            is_none = self.asks_model and names_no_label(answer, sample, prompt, labels)
            return ("wrong_format", NO_LABEL) if is_none else ("", "")
        why = "" if declines(answer) else means_the_same(answer, target, sample.input)
        return ("other_wording", why) if why else ("", "")

    def _declines(self, sample: Sample, scored: ScoredSample) -> bool:
        """Whether the answer is a refusal; a question said again is none."""
        answer = self._answer(scored)
        return declines(answer) and " ".join(answer.split()) not in " ".join(sample.input.split())

    def _fact(self, sample: Sample) -> Fact:
        """What is looked up; nothing for a judgement or JSON."""
        is_judgement = set(words(sample.target)) <= JUDGEMENTS
        return Fact(()) if is_judgement else self.reading.fact(sample)

    def _by_documents(self, sample: Sample, scored: ScoredSample, fact: Fact) -> Failure:
        """The cause, from where the fact stands."""
        prompt = self.prompts.get(sample.id)
        refused = self._declines(sample, scored)
        if not fact.core:
            told = "it gives no answer where there is one" if refused else "the content differs"
            return _failure(sample, scored, "declined" if refused else "wrong", told)
        shown = self._shown(prompt)
        place = self._place(sample, fact, shown)
        if place is not None:
            name = prompt.passages[place] if prompt and place < len(prompt.passages) else ""
            what = "the prompt" if self.reads_all else f"passage {place + 1} of {len(shown)} shown"
            then = "the answer declines" if refused else "the answer does not say so"
            cause: Cause = "declined" if refused else "ignored"
            return _failure(sample, scored, cause, f"{what} holds the reference; {then}", name)
        if not self.reading.documents:
            cause = "declined" if refused else "wrong"
            return _failure(sample, scored, cause, "there are no documents to look it up in")
        also = "; the answer declines" if refused else ""
        there = self.reading.where(sample, fact)
        if there is not None:
            why = "a document holds the reference, " + (
                f"none of the {len(shown)} passages shown does" if shown else "none was shown"
            )
            return _failure(sample, scored, "not_retrieved", why + also, there, fact)
        asked = set(words(sample.input))
        is_made_of_input = sum(w in asked for w in fact.core) >= FROM_INPUT * len(fact.core)
        if is_made_of_input or not self.reading.texts.is_strange(fact):
            source = "the input" if is_made_of_input else "some document"
            why = f"{source} holds most words of the reference, and no document holds it whole"
            return _failure(sample, scored, "declined" if refused else "wrong", why)
        return _failure(
            sample, scored, "not_in_documents", f"no document holds the reference{also}"
        )

    def _place(self, sample: Sample, fact: Fact, shown: Sequence[str]) -> int | None:
        """Place of the first passage shown that is right."""
        prompt = self.prompts.get(sample.id)
        if not shown or prompt is None:
            return None
        if not prompt.passage_texts:
            return self.reading.texts.shown(fact, shown)
        return self.reading.shown(sample, fact, prompt, self.searched.get(sample.id, ()))

    def _shown(self, prompt: Prompt | None) -> tuple[str, ...]:
        if prompt is None:
            return ()
        if prompt.passage_texts or not self.reads_all:
            return prompt.passage_texts
        return ("\n".join(message.content for message in prompt.messages),)


def _is_same(answer: str, target: str, labels: frozenset[str]) -> bool:
    return same_label(answer, target, labels) if labels else same_words(answer, target)


def is_unanswerable(sample: Sample) -> bool:
    """Whether the right answer is that there is none."""
    if sample.is_answerable is not None:
        return not sample.is_answerable
    return declines(sample.target)


def _failure(
    sample: Sample,
    scored: ScoredSample,
    cause: Any,
    because: str,
    where: str = "",
    fact: Fact | None = None,
) -> Failure:
    return Failure(sample, scored, cause, because, where, fact)


def _missed(
    found: Iterable[Failure], searched: Mapping[str, Sequence[Hit]], reading: Reading
) -> list[Missed]:
    """How deep the passages lie that were not shown, where it was searched deeper."""
    missed = []
    for each in found:
        hits = searched.get(each.sample.id, ())
        if each.cause == "not_retrieved" and each.fact is not None and hits:
            rank = reading.rank(each.sample, each.fact, hits)
            has_document = any(names_document(each.where, h.passage.document) for h in hits)
            missed.append(Missed(rank, has_document, len(hits)))
    return missed


def _counts(found: Sequence[Failure]) -> tuple[CauseCount, ...]:
    counts = Counter(each.cause for each in found)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(
        CauseCount(cause=cause, count=count, share=count / len(found)) for cause, count in ordered
    )


def _examples(found: Sequence[Failure]) -> Iterable[FailedSample]:
    for cause in (each.cause for each in _counts(found)):
        for each in [one for one in found if one.cause == cause][:EXAMPLES]:
            yield FailedSample(
                sample_id=each.sample.id,
                cause=each.cause,
                input=_line(each.sample.input),
                expected=_line(each.sample.target),
                got=_line(each.scored.completion.text) or NOTHING,
                because=_line(each.because),
                where=each.where,
            )


def _line(text: str) -> str:
    """One line, secrets masked before it is cut."""
    line = " ".join(masked(text[: 40 * LONGEST]).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
