"""The ways of combining adapters: what PEFT calls them, and how much of each change is kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from advisor.schema.combine import CombineJob
from trainers.combining.parts import Part

PEFT_NAMES = {
    "linear": "linear",
    "svd": "svd",
    "cat": "cat",
    "ties": "ties",
    "dare": "dare_linear",
    "dare_ties": "dare_ties",
    "magnitude_prune": "magnitude_prune",
}
"""Ours -> PEFT's."""
EXACT = ("svd", "cat")
"""Ways that add the changes themselves; the others work on the factors where ranks allow."""
DARE = "assumed; the paper on DARE, arXiv 2311.03099, drops as much as 90 % of large models'"
DENSITIES = {
    "ties": (0.2, "the share that the paper on TIES keeps unless tuned, arXiv 2306.01708"),
    "dare": (0.5, DARE),
    "dare_ties": (0.5, DARE),
    "magnitude_prune": (0.5, "assumed: half of each change"),
}
"""Way that prunes -> share of each change it keeps unless told, and where that is from."""


class Way(NamedTuple):
    """One way, as it will be done."""

    name: str
    """What PEFT calls it."""
    density: float | None
    rank: int | None
    """Of the result, where the way may choose it."""
    notes: tuple[str, ...]


def why_not_asked_so(job: CombineJob, ways: Collection[str], what: str) -> str:
    """Why a job contradicts itself or names a way that is not known, as a sentence; else empty."""
    if job.how not in ways:
        return f"{what} are not combined by '{job.how}': {', '.join(ways)}."
    if len(job.weights) != len(job.models):
        return f"There are {len(job.models)} models and {len(job.weights)} weights."
    if job.density is not None and job.how not in DENSITIES:
        return f"'{job.how}' prunes nothing, so a density of {job.density:g} says nothing."
    return ""


def density_of(job: CombineJob) -> tuple[float | None, str]:
    """The share of each change that is kept, and a sentence on it where nobody asked for it."""
    if job.how not in DENSITIES:
        return None, ""
    if job.density is not None:
        return job.density, ""
    share, source = DENSITIES[job.how]
    return share, f"{share:.0%} of each change is kept ({source}); --density sets another share."


def way_of(job: CombineJob, parts: tuple[Part, ...]) -> Way:
    """How the job is done: as asked, or the nearest way that takes different ranks."""
    name = PEFT_NAMES[job.how]
    density, told = density_of(job)
    notes = [told] if told else []
    ranks = sorted(frozenset().union(*(part.ranks for part in parts)))
    is_even = len(ranks) == 1
    if job.how in EXACT or (is_even and job.rank is None):
        return Way(name, density, job.rank, tuple(notes))
    if not is_even:
        seen = " and ".join(map(str, ranks))
        cause = f"the adapters have the ranks {seen}, and '{name}' needs equal ones"
    else:
        cause = f"rank {job.rank} is asked for, and '{name}' keeps that of its parts"
    exact = "cat" if job.rank is None else "svd"
    other = exact if job.how == "linear" else f"{name}_svd"
    notes.insert(0, f"Combined by '{other}': {cause}.")
    return Way(other, density, job.rank, tuple(notes))
