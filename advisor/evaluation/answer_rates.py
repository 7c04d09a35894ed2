"""What answers to the test part show beside their score: their form, refusals, made-up answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from advisor.contracts import Metric
from advisor.evaluation.asking import has_failed
from advisor.evaluation.declining import gives_no_answer
from advisor.evaluation.diagnosis_form import json_of
from advisor.evaluation.diagnosis_words import label_form
from advisor.evaluation.probing import ALLOWED_SHARE, Answered, compared, prompt_of
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Completion, Evaluation, Sample
from advisor.schema.labels import are_labels
from advisor.schema.probe import OF_TEST_PART, Probe, ProbeFinding, ProbeKind

SOURCE = OF_TEST_PART
MOST = 0.9
"""Share of the targets that must have a form for it to be the form of answers."""
_NUMBER = re.compile(r"[-+]?[$€£]?\s?\d[\d.,]*\s?%?")

Test = Callable[[Completion, Sample], bool | None]
"""Whether an answer has what is counted; None where it does not count."""


def answer_rates(
    baselines: Baselines,
    tuned: Evaluation,
    samples: Sequence[Sample],
    *,
    refusal: Metric,
    seed: int = 0,
) -> tuple[ProbeFinding, ...]:
    """How often answers keep to the form of the targets, decline, and make up what nobody knows.

    Of the best baseline that asks the model, where there is one, and of the tuned model; nothing is
    asked anew. `samples` are those of the run, all parts: the test part is found by its ids.
    """
    before = best_asked(baselines)

    def rate(name: str, kind: ProbeKind, test: Test, *, is_good: bool) -> ProbeFinding | None:
        return _rate(
            Probe(
                name=name,
                kind=kind,
                samples=tuple(samples),
                metric=name,
                allowed=ALLOWED_SHARE,
                higher_is_better=is_good,
                source=SOURCE,
            ),
            (before, tuned),
            test,
            seed=seed,
        )

    form, keeps = form_of([sample.target for sample in samples])

    def declines(completion: Completion, sample: Sample) -> bool | None:
        if sample.is_answerable is False:
            return None
        return bool(refusal.score(prompt_of(sample), completion, sample).value)

    def makes_up(completion: Completion, sample: Sample) -> bool | None:
        if sample.is_answerable is not False:
            return None
        is_same = label_form(completion.text) == label_form(sample.target)
        return not (is_same or gives_no_answer(completion.text))

    found = (  # what got no answer has no form; it neither declines nor makes anything up
        rate(f"form: {form}", "format", lambda answer, _: keeps(answer), is_good=True),
        rate("refusals", "refusal", declines, is_good=False),
        rate("made-up answers", "hallucination", makes_up, is_good=False),
    )
    return tuple(one for one in found if one is not None)


def best_asked(baselines: Baselines) -> Evaluation | None:
    """The best baseline that asks the model; None where only others were measured."""
    asked = [evaluation for evaluation in baselines.evaluations if evaluation.asks_model]
    return max(asked, key=lambda evaluation: evaluation.value, default=None)


def form_of(targets: Sequence[str]) -> tuple[str, Callable[[Completion], bool]]:
    """What form nine in ten targets have, in a word, and whether an answer has it.

    An answer that was cut at the longest length has none.
    """
    told = [target.strip() for target in targets if target.strip()]
    fewest = MOST * len(told)
    kinds = {type(value) for target in told if (value := json_of(target)) is not None}
    if told and sum(json_of(target) is not None for target in told) >= fewest:
        return "JSON", _whole(lambda text: type(json_of(text)) in kinds)
    counts = Counter(map(label_form, told))
    if are_labels(counts):
        return "a known label", _whole(lambda text: label_form(text) in counts)
    if told and sum(_NUMBER.fullmatch(target) is not None for target in told) >= fewest:
        return "a number", _whole(lambda text: _NUMBER.fullmatch(text) is not None)
    if told and sum("\n" not in target for target in told) >= fewest:
        return "one line", _whole(lambda text: "\n" not in text)
    return "a whole answer", _whole(bool)


def _whole(test: Callable[[str], bool]) -> Callable[[Completion], bool]:
    def has_form(completion: Completion) -> bool:
        text = completion.text.strip()
        return completion.finish == "stop" and bool(text) and test(text)

    return has_form


def _rate(
    probe: Probe,
    systems: tuple[Evaluation | None, Evaluation],
    test: Test,
    *,
    seed: int,
) -> ProbeFinding | None:
    """The rate before and after; None where no sample counts."""
    before, after = (None if one is None else _counted(probe, one, test) for one in systems)
    if after is None or len(after.unasked) == len(after.values):
        return None
    return compared(probe, before, after, seed=seed)


def _counted(probe: Probe, evaluation: Evaluation, test: Test) -> Answered:
    answers = {score.sample_id: score.completion for score in evaluation.scores}
    values: list[float | None] = []
    unasked = set()
    for at, sample in enumerate(probe.samples):
        completion = answers.get(sample.id)
        has_answer = completion is not None and not has_failed(completion)
        counts = test(completion, sample) if completion is not None and has_answer else None
        values.append(None if counts is None else float(counts))
        if completion is None or (counts is None and (has_answer or probe.kind != "format")):
            unasked.add(at)
    return Answered(tuple(values), unasked=frozenset(unasked))
