"""F1 of each label: whether a label's own samples were won or lost by answering it everywhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from advisor.schema.evaluation import ScoredSample


def f1_by_label(scores: Iterable[ScoredSample], targets: Mapping[str, str]) -> dict[str, float]:
    """F1 of every label among the targets, by label.

    `targets` are labels by sample id. A right answer (its value, 0 to 1) counts for its label; a
    wrong one against its label, and against the label it names where it is one, letter case,
    spaces and closing marks aside. An answer that names a label inside a sentence counts against
    its own label alone.
    """
    known = {_plain(label): label for label in targets.values()}
    hits: dict[str, float] = defaultdict(float)
    wrongs: dict[str, float] = defaultdict(float)
    for one in scores:
        if one.sample_id not in targets:
            continue
        label, value = targets[one.sample_id], min(1.0, max(0.0, one.value))
        hits[label] += value
        wrongs[label] += 1 - value
        named = known.get(_plain(one.completion.text))
        if named is not None and named != label:
            wrongs[named] += 1 - value
    return {
        label: 2 * hits[label] / (2 * hits[label] + wrongs[label])
        for label in wrongs
        if hits[label] or wrongs[label]
    }


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!?\"'`*")
