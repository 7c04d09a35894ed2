"""Rows nearly equal to another one, in any number of rows: sketches first, then the texts."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from advisor.data_check.lines import counted
from advisor.data_check.looks import SPLIT_NUMBERS, Found, Ledger, Look, Whole
from advisor.data_check.near import Unions
from advisor.data_check.normal import normalise
from advisor.data_check.shingles import WORD, similarity
from advisor.patterns import patterns
from advisor.schema.dataset import Repeats
from advisor.schema.evaluation import Sample

LONG = 60
"""Words from which runs of words are compared instead of runs of letters."""
LETTERS = 4
FEWEST_LETTERS = 20
"""Letters below which one more or less changes too much."""
COMMON_SHARE = 0.1
COMMON_AT_LEAST = 20
MOST_ROWS = 2_000_000
"""Rows sketched: 64 bytes each."""
MOST_CANDIDATES = 100_000
"""Rows whose texts are read a second time."""
TRAIN, TEST = SPLIT_NUMBERS["train"], SPLIT_NUMBERS["test"]
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
LIKE_ENOUGH = 0.5
"""Similarity of what two texts do not have in common, sentence by sentence."""


def features(text: str) -> set[str]:
    """Runs of letters of a short normalised text, pairs of words of a long one."""
    words = WORD.findall(text)
    if len(words) >= LONG:
        return set(map(" ".join, pairwise(words)))
    joined = f" {' '.join(words)} "
    if len(joined) < FEWEST_LETTERS:
        return set()
    return {joined[n : n + LETTERS] for n in range(len(joined) - LETTERS + 1)}


def asked_text(sample: Sample) -> str:
    """What is compared, normalised."""
    return normalise(raw_text(sample))


def raw_text(sample: Sample) -> str:
    """Turns of the user and the input; of plain text the text."""
    turns = [turn.content for turn in sample.history if turn.role in ("user", "tool")]
    return "\n".join([*turns, sample.input]) if sample.input or turns else sample.target


@dataclass(frozen=True, slots=True)
class Near:
    """What was found: which later row is nearly which earlier one."""

    repeats: Repeats | None
    again: tuple[int, ...] = ()
    leaked: tuple[int, ...] = ()


class NearRows:
    """Sketches every row; pairs whose sketches agree are compared at the end."""

    def __init__(self) -> None:
        from advisor.data_check._minhash import Sketches  # noqa: PLC0415 - numpy and rensa

        self._sketches = Sketches()
        self._common: frozenset[str] | None = None
        self._figures = patterns("thresholds").figures
        self.is_complete = True
        """Whether all pairs worth it are compared; very many are not."""

    def see_all(self, looks: Sequence[Look]) -> None:
        """Take some rows; the first ones decide which runs belong to a common form."""
        texts = [
            asked_text(look.sample) for look in looks[: max(0, MOST_ROWS - len(self._sketches))]
        ]
        sets = [features(text) for text in texts]
        if self._common is None:
            spread = Counter(run for found in sets for run in found)
            limit = max(COMMON_AT_LEAST, COMMON_SHARE * len(sets))
            self._common = frozenset(run for run, count in spread.items() if count >= limit)
        common = self._common
        self._sketches.add([found - common if common else found for found in sets])

    @property
    def rows(self) -> int:
        """Rows sketched."""
        return len(self._sketches)

    def candidates(self, ledger: Ledger) -> list[tuple[int, int]]:
        """Pairs of rows worth comparing, without those that ask exactly the same."""
        keys = ledger.keys
        pairs: list[tuple[int, int]] = []
        self.is_complete = True
        places: set[int] = set()
        for one, other in self._sketches.pairs():
            if keys[one] == keys[other]:
                continue
            pairs.append((one, other))
            places.update((one, other))
            if len(places) >= MOST_CANDIDATES:
                self.is_complete = False
                break
        return pairs

    def compare(
        self, pairs: Iterable[tuple[int, int]], samples: Mapping[int, Sample], whole: Whole
    ) -> Near:
        """The pairs that are nearly equal by their texts."""
        sets: dict[int, set[str]] = {}
        numbers: dict[int, list[str]] = {}
        common = self._common or frozenset()
        for place, sample in samples.items():
            text = asked_text(sample)
            found = features(text)
            sets[place] = found - common or found
            numbers[place] = numbers_of(text)
        ledger = whole.ledger
        joined: defaultdict[int, list[int]] = defaultdict(list)
        numbered = {place: n for n, place in enumerate(sorted(samples))}
        unions = Unions(len(numbered))
        for one, other in pairs:
            if one not in sets or other not in sets or numbers[one] != numbers[other]:
                continue
            if self._is_near(sets[one], sets[other], (samples[one], samples[other]), whole):
                unions.join(numbered[one], numbered[other])
                joined[one].append(other)
                joined[other].append(one)
        ordered = sorted(numbered)
        groups = [tuple(ordered[n] for n in g) for g in unions.groups() if len(g) > 1]
        again = tuple(sorted(place for group in groups for place in group[1:]))
        leaked = tuple(
            sorted(
                place
                for place, others in joined.items()
                if ledger.splits[place] == TEST
                and any(ledger.splits[other] == TRAIN for other in others)
            )
        )
        share = len(again) / whole.rows if whole.rows else 0.0
        return Near(Repeats(rows=len(again), share=share, groups=len(groups)), again, leaked)

    def _is_near(
        self, one: set[str], other: set[str], samples: tuple[Sample, Sample], whole: Whole
    ) -> bool:
        if similarity(one, other) < self._figures["near_similarity"]:
            return False
        first, second = (normalise(sample.target) for sample in samples)
        if first != second:
            if whole.has_labels or numbers_of(first) != numbers_of(second):
                return False
            if similarity(_grams(first), _grams(second)) < self._figures["similar_targets"]:
                return False
        return _differ_little(*(raw_text(sample) for sample in samples))


def numbers_of(text: str) -> list[str]:
    """The numbers in a text, in order of their digits: texts that differ in one are different."""
    return sorted(_NUMBER.findall(text))


def _differ_little(one: str, other: str) -> bool:
    """Whether the sentences that only one of two texts has are alike, so that the same was asked.

    Two questions on one long passage are not.
    """
    first, second = (
        dict.fromkeys(normalise(part) for part in _SENTENCE.split(text) if part.strip())
        for text in (one, other)
    )
    mine = " ".join(part for part in first if part not in second)
    yours = " ".join(part for part in second if part not in first)
    return not mine or not yours or similarity(_grams(mine), _grams(yours)) >= LIKE_ENOUGH


def _grams(text: str) -> set[str]:
    joined = f" {text} "
    return {joined[n : n + 3] for n in range(len(joined) - 2)}


def told(near: Near, rows: int) -> Iterator[Found]:
    """The problems to show for nearly equal rows."""
    if near.again:
        share = len(near.again) / max(rows, 1)
        yield Found(
            "near_duplicates",
            "warning" if share >= COMMON_SHARE else "note",
            near.again,
            f"{counted(len(near.again), 'row')} of {rows} nearly equal to an earlier row: the same"
            " but for a few letters or words.",
            "They stay together in one split; keep one of each where they teach nothing new.",
        )
    if near.leaked:
        yield Found(
            "near_leakage",
            "warning",
            near.leaked,
            f"{counted(len(near.leaked), 'test row')} nearly equal to a train row.",
            "Remove them from one of the two splits: a score on them is too good.",
        )
