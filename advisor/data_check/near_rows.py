"""Rows nearly equal to another one, in any number of rows: sketches first, then the texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from advisor.data_check.alike import Alike, Seen, asked, common_form, without
from advisor.data_check.lines import counted
from advisor.data_check.looks import SPLIT_NUMBERS, Found, Ledger, Look, Whole
from advisor.data_check.near import Unions
from advisor.data_check.normal import normalise
from advisor.data_check.shingles import COMMON_SHARE, common_runs, shingles
from advisor.schema.dataset import Repeats
from advisor.schema.evaluation import Sample

MOST_ROWS = 2_000_000
"""Rows sketched: 64 bytes each."""
MOST_CANDIDATES = 100_000
"""Rows whose texts are read a second time."""
TRAIN, TEST = SPLIT_NUMBERS["train"], SPLIT_NUMBERS["test"]


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
        self.is_complete = True
        """Whether all pairs worth it are compared; very many are not."""

    def see_all(self, looks: Sequence[Look]) -> None:
        """Take some rows; the first ones decide which runs belong to a common form."""
        left = max(0, MOST_ROWS - len(self._sketches))
        sets = [shingles(normalise(asked(look.sample))) for look in looks[:left]]
        if self._common is None:
            self._common = common_runs(sets)
        common = self._common
        self._sketches.add([without(runs, common) for runs in sets])

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
        self,
        pairs: Iterable[tuple[int, int]],
        samples: Mapping[int, Sample],
        whole: Whole,
        held: Sequence[Sample] | None,
    ) -> Near:
        """The pairs that are nearly equal by their texts.

        What belongs to a common form is asked of all rows where they are held, as the split does.
        """
        common = (self._common if held is None else common_form(held)) or frozenset()
        seen = {place: Seen(sample, common) for place, sample in samples.items()}
        rule = Alike(has_labels=whole.has_labels)
        ledger = whole.ledger
        joined: defaultdict[int, list[int]] = defaultdict(list)
        numbered = {place: n for n, place in enumerate(sorted(samples))}
        unions = Unions(len(numbered))
        for one, other in pairs:
            if one in seen and other in seen and rule.holds(seen[one], seen[other]):
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
