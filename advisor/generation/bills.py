"""The price of growing data before the first call."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from advisor.evaluation.asking import Asker
from advisor.evaluation.purse import summed
from advisor.generation.grow import Grower
from advisor.generation.shots import NearestShots
from advisor.schema.evaluation import Prompt, Sample
from advisor.schema.purse import Bill

ROW_MARKS = 30
"""Characters of names, quotes and braces around a written sample."""


def bill_of_growing(grower: Grower, wanted: int) -> Bill:
    """What the expected calls cost: requests with long replies, answers with short ones."""
    seeds = grower.sources.seeds
    target = fmean(len(seed.target) for seed in seeds)
    row = fmean(len(seed.input) for seed in seeds) + target + ROW_MARKS
    writing, answering = grower.planned(wanted)
    size = len(writing) and wanted / len(writing)
    return summed(
        _bill_of(grower.writer, writing, size * row), _bill_of(grower.answerer, answering, target)
    )


def _bill_of(asker: Asker, prompts: Sequence[Prompt], characters: float) -> Bill:
    known = asker.known(prompts)
    return asker.purse.bill(
        [prompt for place, prompt in enumerate(prompts) if place not in known],
        cached=len(known),
        answer_characters=characters,
        max_new_tokens=asker.conditions.max_new_tokens,
    )


def bill_of_gain(grower: Grower, meter: NearestShots, dev: Sequence[Sample], *, times: int) -> Bill:
    """What the dev samples cost, asked so many times."""
    seeds = grower.sources.seeds
    prompts = meter.prompts(seeds, dev) * times
    return _bill_of(grower.answerer, prompts, fmean(len(seed.target) for seed in seeds))
