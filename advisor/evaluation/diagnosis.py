"""Why a system's answers failed: each failure has one cause, and the causes point at a lever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from advisor.contracts import Metric
from advisor.evaluation.diagnosis_form import FENCE, declines, json_fault, json_of, wrapped
from advisor.evaluation.diagnosis_lever import Failure, Missed, lever_of
from advisor.evaluation.diagnosis_looking import Fact, Texts, fact_of
from advisor.evaluation.diagnosis_words import (
    figures,
    label_form,
    means_the_same,
    same_fields,
    same_label,
    same_words,
    words,
)
from advisor.schema.citing import without_citations
from advisor.schema.diagnosis import Cause, CauseCount, Diagnosis, FailedSample
from advisor.schema.evaluation import Document, Evaluation, Hit, Prompt, Sample, ScoredSample
from advisor.secrets import masked

EXAMPLES = 3
"""Of each cause."""
LONGEST = 160
"""Characters of a text in an example."""
SLACK = 1e-9
LABEL_METRICS = ("accuracy", "label_f1")
FEWEST_FOR_LABELS = 6
"""Samples from which targets that stand twice show that they are labels."""
LONGEST_LABEL = 6
"""Words of a label."""
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
    documents: Sequence[Document],
    metric: Metric,
    searched: Mapping[str, Sequence[Hit]] | None = None,
) -> Diagnosis | None:
    """The cause of every failure, counts, a few examples and the lever; None where none failed.

    A sample fails below the full score; one without a score is left out. `samples` and `prompts` by
    sample id, prompts with the texts of their passages; `searched` holds what a retriever finds
    beyond what is shown, None where the system does not retrieve. Pure: no model is asked, and
    documents are read once.

    In this order, the first that holds: there is no answer; the answer is right in other words; it
    is right in another form; it should have declined; a passage shown holds the fact (ignored, or
    declined), else a document does (not retrieved), else none (not in documents). What cannot be
    looked up, such as a label, is wrong.
    """
    scored = [s for s in evaluation.scores if not s.unscored and s.sample_id in samples]
    full = 1.0 if metric.info.higher_is_better else 0.0
    failed = [s for s in scored if abs(s.value - full) > SLACK]
    if not failed:
        return None
    bench = _Bench(
        labels=_labels(metric, list(samples.values())),
        wants_json=metric.info.id.startswith("json"),
        prompts=prompts,
        reads_all=evaluation.approach == LONG_CONTEXT,
    )
    found = bench.judged([(samples[s.sample_id], s) for s in failed], documents)
    missed = _missed(found, searched or {}, bench.texts)
    lever, sentence = lever_of(evaluation, found, missed, retrieves=searched is not None)
    return Diagnosis(
        failures=len(found),
        n=len(scored),
        causes=_counts(found),
        examples=tuple(_examples(found)),
        lever=lever,
        sentence=sentence,
    )


def _labels(metric: Metric, samples: Sequence[Sample]) -> frozenset[str]:
    """The labels there are, in their form; none where targets are free."""
    targets = [label_form(s.target) for s in samples if s.target and json_of(s.target) is None]
    kinds = Counter(targets)
    if not kinds or max(len(target.split()) for target in kinds) > LONGEST_LABEL:
        return frozenset()
    if metric.info.id in LABEL_METRICS:
        return frozenset(kinds)
    is_figure = sum(bool(figures(target.split())) for target in kinds) > len(kinds) / 2
    is_few = len(targets) >= FEWEST_FOR_LABELS and 3 * len(kinds) <= len(targets)
    return frozenset(kinds) if is_few and not is_figure else frozenset()


@dataclass(slots=True)
class _Bench:
    """What every failure is judged by."""

    labels: frozenset[str]
    wants_json: bool
    prompts: Mapping[str, Prompt]
    reads_all: bool
    """The prompt holds whole documents."""
    texts: Texts = field(default_factory=lambda: Texts(()))

    def judged(
        self, failed: Sequence[tuple[Sample, ScoredSample]], documents: Sequence[Document]
    ) -> list[Failure]:
        """One cause for each, in order."""
        told = [(sample, scored, self._by_answer(sample, scored)) for sample, scored in failed]
        facts = {sample.id: self._fact(sample) for sample, _, known in told if known is None}
        self.texts = Texts([fact for fact in facts.values() if fact.core])
        if any(fact.core for fact in facts.values()):
            self.texts.read((each.name, each.text) for each in documents)
        return [
            known
            or self._by_documents(sample, scored, facts[sample.id], has_documents=bool(documents))
            for sample, scored, known in told
        ]

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
        elif is_unanswerable(sample):
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
        if wanted is not None or self.wants_json:
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
        why = "" if labels or declines(answer) else means_the_same(answer, target)
        return ("other_wording", why) if why else ("", "")

    def _fact(self, sample: Sample) -> Fact:
        """What is looked up; nothing for a label, a judgement or JSON."""
        is_judgement = set(words(sample.target)) <= JUDGEMENTS
        if self.labels or is_judgement or json_of(sample.target) is not None:
            return Fact(())
        return fact_of(sample.input, sample.target)

    def _by_documents(
        self, sample: Sample, scored: ScoredSample, fact: Fact, *, has_documents: bool
    ) -> Failure:
        """The cause, from where the fact stands."""
        prompt = self.prompts.get(sample.id)
        refused = declines(self._answer(scored))
        if not fact.core:
            told = "it gives no answer where there is one" if refused else "the content differs"
            return _failure(sample, scored, "declined" if refused else "wrong", told)
        shown = self._shown(prompt)
        place = self.texts.shown(fact, shown) if shown else None
        if place is not None:
            name = prompt.passages[place] if prompt and place < len(prompt.passages) else ""
            what = "the prompt" if self.reads_all else f"passage {place + 1} of {len(shown)} shown"
            then = "the answer declines" if refused else "the answer does not say so"
            cause: Cause = "declined" if refused else "ignored"
            return _failure(sample, scored, cause, f"{what} holds the reference; {then}", name)
        if not has_documents:
            cause = "declined" if refused else "wrong"
            return _failure(sample, scored, cause, "there are no documents to look it up in")
        also = "; the answer declines" if refused else ""
        name = self.texts.where(fact, sample.document) or ""
        if name:
            why = "a document holds the reference, " + (
                f"none of the {len(shown)} passages shown does" if shown else "none was shown"
            )
            return _failure(sample, scored, "not_retrieved", why + also, name, fact)
        asked = set(words(sample.input))
        is_made_of_input = sum(w in asked for w in fact.core) >= FROM_INPUT * len(fact.core)
        if is_made_of_input or not self.texts.is_strange(fact):
            source = "the input" if is_made_of_input else "some document"
            why = f"{source} holds most words of the reference, and no document holds it whole"
            return _failure(sample, scored, "declined" if refused else "wrong", why)
        return _failure(
            sample, scored, "not_in_documents", f"no document holds the reference{also}"
        )

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
    found: Iterable[Failure], searched: Mapping[str, Sequence[Hit]], texts: Texts
) -> list[Missed]:
    """How deep the passages lie that were not shown, where it was searched deeper."""
    missed = []
    for each in found:
        hits = searched.get(each.sample.id, ())
        if each.cause == "not_retrieved" and each.fact is not None and hits:
            rank = texts.shown(each.fact, [hit.passage.text for hit in hits])
            has_document = any(hit.passage.document == each.where for hit in hits)
            missed.append(Missed(None if rank is None else rank + 1, has_document, len(hits)))
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
                got=_line(each.scored.completion.text),
                because=_line(each.because),
                where=each.where,
            )


def _line(text: str) -> str:
    """One line, secrets masked before it is cut."""
    line = " ".join(masked(text[: 40 * LONGEST]).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
