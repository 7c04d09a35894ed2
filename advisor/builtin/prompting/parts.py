"""What a search learns from and what it is judged on; where there is no dev part, one is made."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from advisor.builtin.prompting.labels import labels_to_list
from advisor.builtin.prompting.turns import Lead, own_turns
from advisor.schema.evaluation import Sample

FEWEST_DEV = 8
"""Dev samples below which some are taken from the train part."""
ASIDE = 3
"""One in so many train samples is taken."""
MOST_ASIDE = 60
FEWEST_CALLS = 12
"""Calls below which no two prompts can be told apart."""
FEWEST_JUDGED = 4
JUDGED_SHARE = 6
"""One in so many calls goes into judging the start; each rival that lasts takes as many."""
MOST_JUDGED = 100
RIVALS = 24
"""Prompts that are worth being tried, at most, were each judged on all samples."""


@dataclass(frozen=True)
class Parts:
    """The two parts, in an order that the seed decides."""

    pool: tuple[Sample, ...]
    """Shots and failures come from these."""
    dev: tuple[Sample, ...]
    aside: int = 0
    """How many of `dev` were taken from the train part."""


def parts_of(train: Sequence[Sample], dev: Sequence[Sample], seed: int) -> Parts:
    """The parts of a search; of samples that belong together none is on either side."""
    judged, pool = _mixed(dev, seed), _mixed(train, seed)
    if len(judged) >= FEWEST_DEV:
        return Parts(tuple(pool), tuple(judged))
    aside = _some_groups(pool, min(MOST_ASIDE, len(pool) // ASIDE))
    taken = {sample.id for sample in aside}
    kept = tuple(sample for sample in pool if sample.id not in taken)
    return Parts(kept, (*judged, *aside), len(aside))


def _some_groups(pool: Sequence[Sample], count: int) -> list[Sample]:
    """About `count` samples, whole groups of them; a group that is too large is passed over."""
    groups: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in pool:
        groups[sample.group or sample.document or sample.id].append(sample)
    found: list[Sample] = []
    for members in groups.values():
        if len(found) < count and len(found) + len(members) <= 2 * count:
            found += members
    return found


def calls_worth(
    train: Sequence[Sample], dev: Sequence[Sample], calls: int, *, seed: int = 0
) -> int:
    """How many of the calls a search can make use of; 0 where it cannot tell prompts apart."""
    if not train or calls < FEWEST_CALLS:
        return 0
    count = len(parts_of(train, dev, seed).dev)
    if count < FEWEST_JUDGED:
        return 0
    return min(calls, RIVALS * judged_on(calls, count))


def judged_on(calls: int, dev_count: int) -> int:
    """Dev samples on which the start and every rival that lasts are judged."""
    return min(dev_count, MOST_JUDGED, max(FEWEST_JUDGED, calls // JUDGED_SHARE))


def starting_lead(samples: Sequence[Sample], instruction: str, choice: str) -> Lead:
    """What zero-shot would say: a system turn that all rows share is what is to be improved."""
    labels = labels_to_list(samples, choice)
    own = {own_turns(sample) for sample in samples}
    if len(own) == 1:
        turns = next(iter(own))
        if len(turns) == 1 and turns[0].role == "system":
            return Lead(turns[0].content, labels, own="replace")
    return Lead(instruction, labels)


def with_instruction(lead: Lead, instruction: str, samples: Sequence[Sample]) -> Lead:
    """The same with another instruction; rows with system turns of their own hear both."""
    if lead.own == "keep" and any(map(own_turns, samples)):
        return replace(lead, instruction=instruction, own="extend")
    return replace(lead, instruction=instruction)


def _mixed(samples: Sequence[Sample], seed: int) -> list[Sample]:
    order = sorted(samples, key=lambda sample: sample.id)
    random.Random(seed).shuffle(order)  # noqa: S311 - repeatable order, no secret
    return order
