"""Which metric suits the reference answers, and whether the chosen one does."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Literal, NamedTuple

from advisor.schema.evaluation import Sample
from advisor.schema.labels import are_labels

TargetKind = Literal["labels", "json", "numbers", "spans", "text"]
MOSTLY = 0.9
"""Share of the targets that must have a form for it to be the data's form."""
LONGEST_SPAN = 8
"""Words up to which a target is a span rather than a text."""
SKEWED = 0.6
"""Share of the commonest label above which guessing it looks like skill."""
NUMBER = re.compile(r"\W{0,3}\d[\d\s,.'_]*(?:[eE][-+]?\d+)?\s?(?:%|\W|[^\W\d_]{1,4}\W?)?")
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]{1,2}|[^\W_]+")
"""Chinese and Japanese characters go in twos, about a word."""
FITTING: dict[TargetKind, frozenset[str]] = {
    "labels": frozenset(
        {"accuracy", "macro_f1", "micro_f1", "exact_match", "normalised_match", "contains"}
    ),
    "json": frozenset({"json_fields"}),
    "numbers": frozenset({"numeric", "exact_match", "normalised_match", "contains", "accuracy"}),
    "spans": frozenset(
        {"token_f1", "exact_match", "normalised_match", "contains", "rouge1", "rougeL"}
        | {"accuracy", "semantic_similarity", "chrf"}
    ),
    "text": frozenset(
        {"rouge1", "rouge2", "rougeL", "bleu", "chrf", "token_f1", "semantic_similarity"}
    ),
}
"""Metrics of ours that can tell good from bad on each kind of target; those that do not look at the
target (groundedness, json_valid, regex, python) suit every kind, and so does a judge."""
OURS = frozenset().union(*FITTING.values())
WHAT: dict[TargetKind, str] = {
    "labels": "the targets are labels",
    "json": "the targets are JSON",
    "numbers": "the targets are numbers",
    "spans": "the targets are a few words",
    "text": "the targets are free text",
}


class Suggestion(NamedTuple):
    """A metric, why, and the options it should have."""

    metric: str
    reason: str
    options: Mapping[str, str]


def target_kind(samples: Sequence[Sample]) -> TargetKind:
    """What the targets are, by what nine of ten of them look like."""
    targets = [sample.target.strip() for sample in samples if sample.target.strip()]
    if _share(targets, _is_json) >= MOSTLY:
        return "json"
    if are_labels(Counter(" ".join(target.casefold().split()) for target in targets)):
        return "labels"
    if _share(targets, lambda target: NUMBER.fullmatch(target) is not None) >= MOSTLY:
        return "numbers"
    return "spans" if _usual_words(targets) <= LONGEST_SPAN else "text"


def suggest_metric(samples: Sequence[Sample]) -> Suggestion:
    """The metric for these samples' targets, with the reason as a sentence.

    Labels come with the option `labels`, so that a label is found inside a phrase too.
    """
    kind = target_kind(samples)
    targets = [sample.target.strip() for sample in samples if sample.target.strip()]
    if kind == "labels":
        return _for_labels(targets)
    if kind == "json":
        return Suggestion("json_fields", "The targets are JSON, so fields are compared.", {})
    if kind == "numbers":
        return Suggestion(
            "numeric", "The targets are numbers, so the number in the answer is compared.", {}
        )
    if kind == "spans":
        reason = "The targets are a few words, so shared words are counted."
        return Suggestion("token_f1", reason, {})
    reason = (
        f"The targets are free text (about {_usual_words(targets)} words), so shared runs of words "
        "are measured; add --also semantic_similarity, or a judge, for meaning."
    )
    return Suggestion("rougeL", reason, {})


def misfit(metric: str, samples: Sequence[Sample]) -> str:
    """A sentence on why the metric cannot tell good from bad on these targets; empty if it can.

    Of a metric that is not ours nothing is said, nor where there is no target.
    """
    if metric not in OURS or not any(sample.target.strip() for sample in samples):
        return ""
    kind = target_kind(samples)
    if metric in FITTING[kind]:
        return ""
    better = suggest_metric(samples).metric
    return f"{metric} does not suit this data: {WHAT[kind]}. {better} does: --metric {better}."


def _for_labels(targets: Sequence[str]) -> Suggestion:
    counts = Counter(targets)
    options = {"labels": json.dumps(sorted(counts), ensure_ascii=False)}
    commonest = counts.most_common(1)[0][1] / len(targets)
    what = f"The targets are {len(counts)} labels"
    if commonest >= SKEWED and len(counts) > 1:
        reason = (
            f"{what}, and {commonest:.0%} of them the same one, so that guessing it would look "
            "good; F1 is averaged over labels."
        )
        return Suggestion("macro_f1", reason, options)
    return Suggestion("accuracy", f"{what}, so right and wrong are counted.", options)


def _is_json(target: str) -> bool:
    if target[:1] not in ("{", "["):
        return False
    try:
        return isinstance(json.loads(target), (dict, list))
    except (ValueError, RecursionError):
        return False


def _share(targets: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, targets)) / len(targets) if targets else 0.0


def _usual_words(targets: Sequence[str]) -> int:
    return round(median([len(WORD.findall(target)) for target in targets])) if targets else 0
