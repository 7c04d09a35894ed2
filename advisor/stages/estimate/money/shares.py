"""The parts of what a plan costs, each with its formula, or why it is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from advisor.schema.base import Figure, Interval, Provenance, UsdInterval
from advisor.schema.catalog import Gpu, ModelCard, Offer
from advisor.schema.estimate import Option
from advisor.schema.money import Money
from advisor.schema.spending import ServedApproach, Serving, Share
from advisor.stages.estimate.money.cost import cost
from advisor.stages.estimate.money.decoding import Server, shares
from advisor.stages.estimate.money.demand import Demand
from advisor.units import gb_from_bytes, hours_from_seconds, round_usd

_ASKED: tuple[ServedApproach, ...] = ("prompting", "few_shot", "rag")
_TOGETHER = 8.0
"""Samples that an evaluation generates at once where it does well."""
_SAVED_BYTES = 2.0
"""A saved weight, in 16 bits."""
_RESUMED_BYTES = 8.0
"""Optimizer states per trained weight in a checkpoint from which training goes on."""
_KEPT = 256


FREE = UsdInterval(low=Decimal(0), likely=Decimal(0), high=Decimal(0))


@dataclass(frozen=True)
class Spent:
    """What the shares of one option are computed from."""

    option: Option
    model: ModelCard
    gpu: Gpu
    wish: Demand
    money: Money


def is_own(spent: Spent) -> bool:
    """Whether the plan runs on the user's own machine, whose time and disk are not billed."""
    return spent.option.offer is not None and spent.option.offer.kind == "own"


def _dollars(low: float, likely: float, high: float, price: Figure | None = None) -> UsdInterval:
    factor = price.interval if price is not None else Interval(low=1, likely=1, high=1)
    return UsdInterval(
        low=round_usd(Decimal(repr(low * factor.low))),
        likely=round_usd(Decimal(repr(likely * factor.likely))),
        high=round_usd(Decimal(repr(high * factor.high))),
    )


def _to_the_cent(usd: UsdInterval) -> UsdInterval:
    return UsdInterval(
        low=round_usd(usd.low), likely=round_usd(usd.likely), high=round_usd(usd.high)
    )


def _served_bits(spent: Spent) -> int:
    return min(16, spent.option.plan.base_bits)


def _answering_hours(spent: Spent, approaches: Sequence[ServedApproach]) -> Interval | None:
    """Hours in which the plan's GPU answers every held-out sample once per approach.

    Likely eight at once, at worst one by one on a slow server, at best as many as find room.
    """
    bits = _served_bits(spent)
    server = Server(model=spent.model, gpu=spent.gpu, gpus=spent.option.gpus, bits=bits)
    if not server.is_known:
        return None
    slow, likely, fast = shares(spent.money)
    seconds = [0.0, 0.0, 0.0]
    for approach in approaches:
        call = replace(spent.wish.call(approach), shared=0.0)
        many = max(_TOGETHER, server.concurrent(call, spent.money, likely))
        for i, (count, reached) in enumerate(((many, fast), (_TOGETHER, likely), (1.0, slow))):
            seconds[i] += spent.wish.evaluation_samples * server.seconds(call, count, reached)
    low, middle, high = sorted(hours_from_seconds(s) for s in seconds)
    return Interval(low=low, likely=middle, high=high)


def _answering(
    spent: Spent, approaches: Sequence[ServedApproach]
) -> tuple[UsdInterval | None, str]:
    """Dollars of answering the held-out samples, or why they are unknown."""
    if is_own(spent):
        return FREE, ""
    hours = _answering_hours(spent, approaches)
    if hours is None:
        return None, f"The speed of {spent.gpu.name} is not in the catalog."
    usd = cost(spent.option.offer, hours, spent.option.gpus)
    if usd is None:
        return None, f"No price of {spent.gpu.id} is known."
    return _to_the_cent(usd), ""


def _share(
    name: str, usd: UsdInterval | None, formula: str, provenance: Provenance, because: str = ""
) -> Share:
    return Share.model_validate(
        {
            "name": name,
            "usd": usd,
            "formula": formula,
            "provenance": provenance,
            "because": because,
        }
    )


def _baselines(spent: Spent) -> Share:
    usd, because = _answering(spent, _ASKED)
    samples = spent.wish.evaluation_samples
    prompts = " + ".join(f"{spent.wish.call(a).prompt:g}" for a in _ASKED)
    return _share(
        "baselines",
        usd,
        f"{samples:g} samples x ({prompts} prompt tokens and 3 answers of "
        f"{spent.wish.answer_tokens:g}) on {spent.gpu.id} x its price",
        Provenance(kind="computed", source="roofline of compute and bandwidth"),
        because,
    )


def _evaluation(spent: Spent) -> Share:
    usd, because = _answering(spent, ("prompting", "fine_tuning"))
    return _share(
        "evaluation",
        usd,
        f"{spent.wish.evaluation_samples:g} held-out samples answered before and after tuning on "
        f"{spent.gpu.id} x its price",
        Provenance(kind="computed", source="roofline of compute and bandwidth"),
        because,
    )


def training_share(spent: Spent) -> Share:
    """What the hours of training cost."""
    option = spent.option
    missing = "No price is known." if option.offer is None else "The training time is unknown."
    usd = option.cost_usd
    return _share(
        "training",
        None if usd is None else _to_the_cent(usd),
        f"hours x price of {option.gpus} x {option.gpu}",
        Provenance(
            kind="computed",
            source=option.offer.source if option.offer else "",
            as_of=option.offer.checked if option.offer else "",
        ),
        missing if usd is None else "",
    )


def _storage(spent: Spent) -> Share:
    """Result and base weights for all months, checkpoints for one."""
    trained, kept = spent.option.trainable_parameters, spent.money.checkpoints_kept.interval
    is_whole = trained >= spent.model.parameters
    result = gb_from_bytes(_SAVED_BYTES * trained)
    base = 0.0 if is_whole else gb_from_bytes(_SAVED_BYTES * spent.model.parameters)
    checkpoint = gb_from_bytes((_SAVED_BYTES + _RESUMED_BYTES) * trained)
    price, months = spent.money.storage_usd_per_gb_month, spent.wish.months
    low, likely, high = (
        (result + base) * months + checkpoint * count
        for count in (kept.low, kept.likely, kept.high)
    )
    return _share(
        "storage",
        FREE if is_own(spent) else _dollars(low, likely, high, price),
        f"({result:.3g} GB of result + {base:.3g} GB of base) x {months:g} months + "
        f"{kept.likely:g} checkpoints of {checkpoint:.3g} GB x 1 month, x "
        f"${price.interval.likely:g} per GB and month",
        price.provenance,
    )


def serving_share(spent: Spent, serving: Serving | None) -> Share:
    """What answering with the tuned model costs over all months."""
    months, calls = spent.wish.months, spent.wish.calls_per_month
    if calls is None:
        because = "Nobody said how many calls a month the model serves."
    elif serving is None and is_own(spent):
        because = "What your own machines cost to answer on is unknown."
    elif serving is None:
        because = "No priced GPU is known on which the tuned model can be served."
    else:
        because = ""
    per_month = serving.usd_per_month if serving is not None else None
    if calls == 0:
        per_month, because = FREE, ""
    usd = None
    if per_month is not None:
        time = Decimal(str(months))
        usd = _to_the_cent(
            UsdInterval(
                low=per_month.low * time, likely=per_month.likely * time, high=per_month.high * time
            )
        )
    where = "" if serving is None else f" on {serving.gpus} x {serving.gpu}"
    if serving is not None and serving.is_hosted:
        where = f" at {serving.provider}"
    return _share(
        "serving",
        usd,
        f"{months:g} months x the dearer of paid hours and calls{where}",
        Provenance(kind="computed", source="roofline of compute and bandwidth"),
        because,
    )


class _Fixed(NamedTuple):
    """Shares that do not depend on how long training takes, and what they were computed for."""

    model: ModelCard
    gpu: Gpu
    offer: Offer | None
    money: Money
    baselines: Share
    evaluation: Share
    storage: Share


_fixed: dict[tuple[object, ...], _Fixed] = {}


def fixed_shares(spent: Spent) -> _Fixed:
    """They are remembered for the last machines and sizes asked for."""
    option = spent.option
    things = (spent.model, spent.gpu, option.offer, spent.money)
    sizes = (option.gpus, _served_bits(spent), option.trainable_parameters)
    key = (*map(id, things), *sizes, spent.wish)
    kept = _fixed.get(key)  # it holds the things, so that their ids are theirs alone
    if kept is None:
        if len(_fixed) >= _KEPT:
            _fixed.clear()
        shares = _baselines(spent), _evaluation(spent), _storage(spent)
        _fixed[key] = kept = _Fixed(*things, *shares)
    return kept
