"""Stage 4: measure everything that needs no training, all on the same test samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from advisor.contracts import Tools
from advisor.data_check.near import near_leaks
from advisor.data_check.normal import input_key
from advisor.errors import BackendResponseError, DatasetError
from advisor.evaluation.also import value_of
from advisor.evaluation.bench import Bench
from advisor.evaluation.compare import compare_all
from advisor.evaluation.detectable import by_groups, detectable_gain
from advisor.evaluation.findings import unprepared, with_findings
from advisor.evaluation.fitting import REFLECTION_TOKENS, Fitting, Parts, Ready, System, stand_ins
from advisor.evaluation.judging import judging_bill
from advisor.evaluation.predicting import predicted, unasked
from advisor.evaluation.purse import summed
from advisor.evaluation.remarks import remarks
from advisor.evaluation.runner import measure
from advisor.evaluation.scoring import clusters_of
from advisor.evaluation.shared_ground import best_of, independent_samples
from advisor.schema.base import Interval
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Document, Evaluation, Manifest, Sample
from advisor.schema.purse import Bill

FEW_SAMPLES = 100
WIDEST = 1.645 * 0.5
"""Half the width of a 90 % interval around a share of one half, times the root of n."""


def pay_nothing(bill: Bill) -> None:
    """Agree to any bill."""


def may_always(name: str) -> bool:  # noqa: ARG001 - the shape of the question
    """Let any builder search."""
    return True


def baseline(  # noqa: PLR0913 - what is measured, with what, and who pays
    samples: Sequence[Sample],
    *,
    builders: Mapping[str, System],
    corpus: Sequence[Document],
    bench: Bench,
    tools: Tools,
    target: float | None = None,
    agree: Callable[[Bill], None] = pay_nothing,
    may_search: Callable[[str], bool] = may_always,
) -> Baselines:
    """Scores of every system on the test samples that do not also stand in the train split.

    All prompts are made before the first is asked, but for those of builders that search: these ask
    the model on other parts of the data first, where `may_search` lets them. `agree` sees what all
    of it is to cost and raises ConsentError where nobody agreed to that.

    Systems learn from the train and dev parts and never see a test sample. One that lacks what it
    needs (shots, documents), or whose prompts too often get no answer (too long for the model), is
    left out with a warning. Best is the highest value, on samples that all have answered where the
    cap ended one; equal values go to the system with the lower `cost_rank`.

    Raises DatasetError when no test sample is left or no system can work, and what `evaluate`
    raises: BackendResponseError only when no builder got its answers.
    """
    _refuse_plain_text(samples)
    by_split = {name: [s for s in samples if s.split == name] for name in ("train", "dev", "test")}
    test, leaked = _asked(by_split)
    near = len(near_leaks(test, by_split["train"]))
    warnings = _sample_warnings(len(test), leaked, near)
    dev, known = without_leaks(by_split["dev"], by_split["test"])
    if known:
        warnings.append(
            f"{known} dev samples also stand in the test split and were left out: what is chosen on"
            " the dev part must not be chosen on the test part."
        )
    parts = Parts(by_split["train"], dev, test, corpus)
    fitting = Fitting(bench, tools, parts, warnings, may_search=may_search)
    ready = fitting.prepared(builders)
    bill = _bill(bench, ready, parts)
    agree(bill)
    evaluations, refusals = _all_measured(bench, fitting, ready, parts)
    warnings += [f"{name} was left out: {error.message}" for name, error in refusals.items()]
    warnings += [sentence for e in evaluations for sentence in remarks(e)]
    ranks = {evaluation.builder: evaluation.cost_rank for evaluation in evaluations}
    best, remark = best_of(evaluations, ranks, value_of(bench.metric))
    warnings += [remark] if remark else []
    return Baselines(
        evaluations=tuple(evaluations),
        best=best,
        comparisons=tuple(compare_all(evaluations, value_of=value_of(bench.metric))),
        manifest=_shared(evaluations),
        target=target,
        leaked_samples=leaked,
        near_leaked_samples=near,
        detectable=_detectable(next(e for e in evaluations if e.builder == best)),
        unsettled=_unsettled(evaluations, refusals),
        warnings=tuple(warnings),
        bill=bench.purse.settled(bill),
    )


def _asked(by_split: Mapping[str, Sequence[Sample]]) -> tuple[list[Sample], int]:
    """The test samples to measure on, and how many more also stand in the train split."""
    test, leaked = without_leaks(by_split["test"], by_split["train"])
    if not test:
        raise DatasetError(
            f"No test sample is left to measure on: {len(by_split['test'])} in the test split, "
            f"{leaked} of them also in the train split.",
            hint="Add samples, or remove the copies of test samples from the train split.",
        )
    return test, leaked


def _all_measured(
    bench: Bench, fitting: Fitting, ready: Ready, parts: Parts
) -> tuple[list[Evaluation], dict[str, BackendResponseError]]:
    """Every system's evaluation in the order asked for, and why some got no answers.

    What needs no search goes first, so that a search can never take the money for it.
    """
    plain = [name for name in ready.names if name not in ready.searching]
    found, refusals = _measured(plain, lambda name: _one(bench, ready, parts, name))
    if ready.searching:
        done = fitting.searched(ready)
        searched = [name for name in done.names if name in done.searching]
        more, refused = _measured(searched, lambda name: _one(bench, done, parts, name))
        found, refusals = [*found, *more], refusals | dict(done.refusals) | refused
    if not found:
        raise next(iter(refusals.values()))
    return sorted(found, key=lambda e: ready.names.index(e.builder)), refusals


def _one(bench: Bench, ready: Ready, parts: Parts, name: str) -> Evaluation:
    """One system's scores, what its search took, and what its failures show."""
    predictor = ready.predictors.get(name)
    if predictor is not None:
        found = predicted(bench, name, predictor, parts.test)
        system = unprepared(name, parts.test, predictor)
    else:
        system = ready.prepared[name]
        found = measure(bench, system).model_copy(update={"fitting": ready.usage.get(name)})
    return with_findings(found, system, parts.corpus, bench.metric)


def _refuse_plain_text(samples: Sequence[Sample]) -> None:
    """Raises DatasetError for texts that ask nothing: there is no answer to score."""
    texts = sum(not sample.input.strip() for sample in samples)
    if texts:
        raise DatasetError(
            f"{texts} of {len(samples)} samples are plain text: without a question there is no"
            " answer to measure.",
            hint="Give rows with an input and a target to measure on; plain text serves continued"
            " pre-training (`advisor estimate --objective cpt`).",
        )


def _bill(bench: Bench, ready: Ready, parts: Parts) -> Bill:
    """What all systems and their judge are to cost, before the first prompt is asked."""
    systems = list(ready.prepared.values())
    targets = [len(sample.target) for sample in parts.test]
    answer = fmean(targets)
    bill = bench.purse.bill(
        bench.asker.distinct(prompt for system in systems for prompt in system.missing),
        cached=sum(len(system.known) for system in systems),
        answer_characters=answer,
        max_new_tokens=bench.settings.max_new_tokens,
    )
    for name in ready.searching:
        bill = summed(bill, _searching_bill(bench, ready, parts, name))
    for system in systems:
        bill = summed(bill, judging_bill(bench, system.prompts, system.samples))
    for _ in ready.predictors:
        bill = summed(bill, judging_bill(bench, unasked(parts.test), parts.test))
    shown = {
        "detectable": detectable_gain(len(parts.test)),
        "detectable_by_groups": by_groups(clusters_of(parts.test)),
    }
    return bill.model_copy(update=shown)


def _searching_bill(bench: Bench, ready: Ready, parts: Parts, name: str) -> Bill:
    """What a search and the evaluation of what it finds are to cost.

    Its prompts are not known beforehand: stand-ins of their length are priced, its texts at their
    longest. What another model writes for it may be any share of its calls.
    """
    answer = fmean(len(sample.target) for sample in parts.test)
    bill = Bill(price=bench.purse.price, calls_planned=0, calls_cached=0)
    longest, calls = bench.settings.max_new_tokens, ready.calls[name]
    if bench.reflector is not None:
        asked = stand_ins(parts, calls, ready, name)
        written = bench.reflector.purse.bill(
            asked,
            cached=0,
            answer_characters=4 * REFLECTION_TOKENS,
            max_new_tokens=REFLECTION_TOKENS,
        )
        bill = summed(bill, _some(written))
    for count, tokens in ((calls, max(longest, REFLECTION_TOKENS)), (len(parts.test), longest)):
        asked = stand_ins(parts, count, ready, name)
        samples = [parts.test[at % len(parts.test)] for at in range(count)]
        own = bench.purse.bill(asked, cached=0, answer_characters=answer, max_new_tokens=tokens)
        bill = summed(summed(bill, own), judging_bill(bench, asked, samples))
    return bill


def _some(bill: Bill) -> Bill:
    """A bill for calls of which none, a fifth or all may be made; they are counted elsewhere."""
    expected = bill.expected_usd
    if expected is None:
        return bill
    some = Interval(low=0.0, likely=expected.likely / 5, high=expected.high)
    return bill.model_copy(update={"expected_usd": some, "calls_planned": 0})


def _measured(
    names: Iterable[str], measure: Callable[[str], Evaluation]
) -> tuple[list[Evaluation], dict[str, BackendResponseError]]:
    """Evaluations of the builders whose prompts were answered, and why the others' were not."""
    found: list[Evaluation] = []
    refusals: dict[str, BackendResponseError] = {}
    for name in names:
        try:
            found.append(measure(name))
        except BackendResponseError as error:
            refusals[name] = error
    return found, refusals


def without_leaks(test: Sequence[Sample], train: Sequence[Sample]) -> tuple[list[Sample], int]:
    """Test samples whose input is in no train sample, and how many were taken out.

    Inputs are the same when `advisor data check` and the split take them for the same.
    """
    seen = {input_key(sample) for sample in train}
    kept = [sample for sample in test if input_key(sample) not in seen]
    return kept, len(test) - len(kept)


def _sample_warnings(count: int, leaked: int, near: int) -> list[str]:
    found = []
    if near:
        found.append(
            f"{near} test samples are nearly equal to a train sample and were left in: their scores"
            " may show memory. `advisor data check` lists them."
        )
    if leaked:
        found.append(
            f"{leaked} test samples also stand in the train split and were left out; their scores "
            "would have shown memory, not skill."
        )
    if count < FEW_SAMPLES:
        found.append(
            f"Only {count} test samples: a score is known to about "
            f"{100 * WIDEST / count**0.5:.0f} points up or down."
        )
    return found


def _unsettled(
    evaluations: Sequence[Evaluation], refusals: Mapping[str, BackendResponseError]
) -> tuple[str, ...]:
    """Builders that asking again, or more money, may give answers that they lack."""
    return (
        *(e.builder for e in evaluations if e.may_pass or e.ended == "budget"),
        *(name for name, error in refusals.items() if error.may_pass),
    )


def _detectable(best: Evaluation) -> float:
    """Smallest gain over the best system that the samples a proof can pair would show."""
    return detectable_gain(independent_samples(best), baseline=best.value)


def _shared(evaluations: Sequence[Evaluation]) -> Manifest:
    """What all evaluations have in common: the manifest without any system's own settings."""
    first = next((e for e in evaluations if e.asks_model), evaluations[0]).manifest
    common = {
        key: value
        for key, value in first.settings.items()
        if all(e.manifest.settings.get(key) == value for e in evaluations)
    }
    return first.model_copy(update={"settings": common})
