"""Targets that are labels: how often each stands, and which are written in several ways."""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from statistics import median

from advisor.data_check.empties import PLACEHOLDERS
from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.data_check.normal import normalise
from advisor.patterns import patterns
from advisor.schema.labels import LONG_SHARE, LONGEST_LABEL, are_labels
from advisor.secrets import masked

GIVEN_UP = 2_000
"""Different spellings after which targets are no labels, however many rows follow."""
_APART = re.compile(r"[\W_]+")
SHOWN = 5


class Labels:
    """Counts targets for as long as they may be labels."""

    def __init__(self) -> None:
        self._places: dict[str, array[int]] = {}
        self._rows = 0
        self._is_open = True

    def see(self, look: Look) -> None:
        """Take one row."""
        self._rows += 1
        if not self._is_open:
            return
        target = look.sample.target
        held = self._places.get(target)
        if held is None:
            if len(self._places) >= GIVEN_UP or len(target) > LONGEST_LABEL or not target.strip():
                self._is_open = len(self._places) < GIVEN_UP and self._long_ones(target)
                return
            held = self._places[target] = array("L")
        held.append(look.place)

    def _long_ones(self, target: str) -> bool:
        """A few long targets among labels are slips; many are no labels."""
        long = self._places.setdefault("", array("L"))
        long.append(len(target))
        return len(long) <= max(20, LONG_SHARE * self._rows)

    def counts(self) -> dict[str, int] | None:
        """Rows by label, the most frequent first; None where targets are free text."""
        if not self._is_open:
            return None
        named: Counter[str] = Counter()
        for target, places in self._places.items():
            if target:
                named[shown_label(target)] += len(places)
        is_short = len(self._places.get("", ())) <= LONG_SHARE * self._rows
        return dict(named.most_common()) if is_short and are_labels(named) else None

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problems to show for labels; none where targets are free text."""
        if not whole.has_labels:
            return
        yield from self._imbalance()
        yield from self._rare()
        yield from self._variants()

    def _imbalance(self) -> Iterator[Found]:
        counts = self.counts() or {}
        figures = patterns("thresholds").figures
        label, most = next(iter(counts.items()))
        share = most / sum(counts.values())
        if len(counts) > 1 and share >= figures["majority_share"]:
            yield Found(
                "label_imbalance",
                "warning",
                (),
                f"{share:.0%} of the rows have the label '{label}'; always giving it would score"
                f" {share:.0%}.",
                "Collect more of the others, or judge by macro F1.",
            )
        elif len(counts) == 1 and most >= figures["rows_to_judge_labels"]:
            yield Found(
                "label_imbalance",
                "warning",
                (),
                f"Every row has the same label '{label}'.",
                "Nothing can be learnt from one label; collect others.",
            )

    def _rare(self) -> Iterator[Found]:
        figures = patterns("thresholds").figures
        counts = self.counts() or {}
        usual = median(counts.values())
        least = min(figures["rare_label_rows"], figures["rare_label_share"] * usual)
        rare = [
            label for label, count in counts.items() if count < least and label not in PLACEHOLDERS
        ]
        if not rare:
            return
        places = [
            place
            for target, held in self._places.items()
            if target and shown_label(target) in set(rare)
            for place in held
        ]
        named = ", ".join(f"'{label}' ({counts[label]})" for label in rare[:SHOWN])
        more = f" and {len(rare) - SHOWN} more" if len(rare) > SHOWN else ""
        yield Found(
            "rare_labels",
            "warning",
            places,
            f"{counted(len(rare), 'label')} with hardly any row: {named}{more}; the median label"
            f" has {usual:g}.",
            "Collect more of them, join them with others, or look whether they are misspelt.",
        )

    def _variants(self) -> Iterator[Found]:
        spelt: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for target, places in self._places.items():
            if target:
                spelt[bare(target)][target] = len(places)
        others_places: list[int] = []
        named: list[str] = []
        for spellings in spelt.values():
            if len(spellings) < 2:
                continue
            usual, *others = sorted(spellings, key=lambda text: (-spellings[text], text))
            named.append(f"{', '.join(map(repr, others))} beside {usual!r}")
            others_places += [place for text in others for place in self._places[text]]
        if named:
            yield Found(
                "label_variants",
                "warning",
                others_places,
                f"{counted(len(named), 'label')} written in several ways: {'; '.join(named[:3])}.",
                "Write each label in one way; to a metric and to a model they are different.",
            )


@lru_cache(maxsize=GIVEN_UP)
def shown_label(target: str) -> str:
    """A label as it is counted and shown: normalised, and masked where it holds a secret.

    Masked first: a key in small letters is not recognised any more.
    """
    return normalise(target) if (safe := masked(target)) == target else safe


def bare(target: str) -> str:
    """A label without what spellings differ in: case, space and marks; marks alone stay."""
    text = normalise(target)
    return _APART.sub("", text) or text
