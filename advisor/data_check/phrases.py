"""The same words at the beginning or the end of many targets, and phrases of chat models."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole, fingerprint
from advisor.patterns import patterns

RUN = 6
"""Words of a beginning or an end that are compared."""
SHORTEST = 24
"""Letters below which such words say little."""
MOST_PHRASES = 3
"""More different ones are the parts that answers are made of, not something around them."""
APART = 2
"""Times a phrase is more frequent than the next one that is none."""
A_FORM = 0.9
"""Share of targets with a phrase above which it is the form of the answers."""
TOGETHER = 0.5
KEPT = 50_000
"""Different phrases counted at a time; beyond it those seen once are dropped."""


class Phrases:
    """Looks for what many targets have in common around their answers."""

    def __init__(self) -> None:
        self._patterns = patterns("boilerplate")
        self._marked = array("L")
        self._first = ""
        self._begins = _Edge()
        self._ends = _Edge()

    def see(self, look: Look) -> None:
        """Take one row."""
        found = self._patterns.first(look.sample.target)
        if found is not None:
            self._first = self._first or " ".join(found[1].group().split())[:60]
            self._marked.append(look.place)
        words = look.target.split()
        is_long = len(words) >= RUN + 2
        self._begins.see(" ".join(words[:RUN]) if is_long else "")
        self._ends.see(" ".join(words[-RUN:]) if is_long else "")

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for phrases around answers; none where targets are labels."""
        if whole.has_labels:
            return
        figures = self._patterns.figures
        least = max(figures["fewest_rows"], figures["share_of_targets"] * whole.rows)
        common = {**self._begins.standing_out(least), **self._ends.standing_out(least)}
        places = {*self._marked, *self._begins.places(common), *self._ends.places(common)}
        if not places:
            return
        shown = max(common, key=common.__getitem__) if common else self._first
        is_form = not self._marked and len(places) >= A_FORM * whole.rows
        yield Found(
            "boilerplate",
            "note" if is_form else "warning",
            sorted(places),
            f"{counted(len(places), 'target')} with the same words around the answer, such as"
            f" '{shown[:80]}' ({common.get(shown, len(self._marked))}).",
            "Cut them and keep the answer; every repeated token is paid for and learnt.",
        )


class _Edge:
    """The beginnings, or the ends, of all targets."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._prints = array("Q")

    def see(self, text: str) -> None:
        """Take one, or an empty text where there is none."""
        if len(text) < SHORTEST:
            self._prints.append(0)
            return
        self._prints.append(fingerprint(text))
        self._counts[text] += 1
        if len(self._counts) > KEPT:
            self._counts = Counter({text: n for text, n in self._counts.items() if n > 1})

    def standing_out(self, least: float) -> dict[str, int]:
        """Up to three that are frequent and far more frequent than any other."""
        ranked = [*self._counts.most_common(MOST_PHRASES + 1), ("", 0)]
        for number in range(min(MOST_PHRASES, len(ranked) - 1), 0, -1):
            common = dict(ranked[:number])
            smallest = ranked[number - 1][1]
            together = sum(common.values()) / max(len(self._prints), 1)
            if smallest >= max(least, APART * ranked[number][1]) and (
                number == 1 or together <= TOGETHER
            ):
                return common
        return {}

    def places(self, common: dict[str, int]) -> list[int]:
        """Rows that have one of them."""
        prints = {fingerprint(text) for text in common}
        return [place for place, key in enumerate(self._prints) if key in prints] if prints else []
