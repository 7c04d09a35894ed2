"""How sure a figure is: intervals by drawing sources, not rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.decisions.judge import Verdict
from benchmarks.decisions.votes import DIGITS, average, by_source, rounded

DRAWS = 2000
SEED = 0


def interval95(
    verdicts: Sequence[Verdict], key: str, *, seed: int = SEED, draws: int = DRAWS
) -> list[float] | None:
    """95 % interval of a figure by bootstrap over sources, drawn from a fixed seed."""
    own = by_source(verdicts, key)
    if not own:
        return None
    found = [
        average(own[s] for s in drawn if s in own) or 0.0 for drawn in _draws(verdicts, seed, draws)
    ]
    found.sort()
    return [round(found[int(0.025 * draws)], 3), round(found[int(0.975 * draws)], 3)]


@dataclass(frozen=True)
class _Pair:
    ours: Mapping[str, float]
    theirs: Mapping[str, float]

    def gain(self, sources: Iterable[str]) -> float | None:
        """Our mean minus theirs over the sources that both have."""
        both = [s for s in sources if s in self.ours and s in self.theirs]
        return average(self.ours[s] - self.theirs[s] for s in both)

    def closed(self, sources: Iterable[str]) -> float | None:
        """The share of their regret that ours is without."""
        both = [s for s in sources if s in self.ours and s in self.theirs]
        theirs = average(self.theirs[s] for s in both)
        ours = average(self.ours[s] for s in both)
        return None if not theirs or ours is None else (theirs - ours) / theirs


def paired(ours: Sequence[Verdict], theirs: Sequence[Verdict]) -> dict[str, Any]:
    """How much better one policy is than another on the same cases, with 90 % intervals.

    `acceptable_gain` and `closed_gap` (their regret minus ours, as a share of theirs), each with
    the share of draws above 0.
    """
    accepted = _Pair(by_source(ours, "acceptable"), by_source(theirs, "acceptable"))
    lost = _Pair(by_source(ours, "regret"), by_source(theirs, "regret"))
    return {
        **_compared("acceptable_gain", ours, accepted.gain),
        **_compared("closed_gap", ours, lost.closed),
    }


def _compared(
    name: str, verdicts: Sequence[Verdict], figure: Callable[[Iterable[str]], float | None]
) -> dict[str, Any]:
    sources = sorted({verdict.source for verdict in verdicts})
    drawn = [figure(draw) for draw in _draws(verdicts, SEED, DRAWS)]
    found = sorted(value for value in drawn if value is not None)
    return {
        name: rounded(figure(sources)),
        f"{name}_ci90": _between(found, 0.05, 0.95),
        f"{name}_above_0": rounded(average(float(value > 0) for value in found)),
    }


def _draws(verdicts: Sequence[Verdict], seed: int, draws: int) -> Iterable[list[str]]:
    """Sources drawn with repetition, as many as there are, from a fixed seed."""
    sources = sorted({verdict.source for verdict in verdicts})
    generator = random.Random(seed)  # noqa: S311 - a bootstrap keeps no secret
    return ([generator.choice(sources) for _ in sources] for _ in range(draws))


def _between(ordered: Sequence[float], low: float, high: float) -> list[float] | None:
    if not ordered:
        return None
    places = (int(share * len(ordered)) for share in (low, high))
    return [round(ordered[place], DIGITS) for place in places]
