"""Tables of what comes beyond training: hosted tuning, serving, the whole bill, break-even."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import Grid, usd_short, usd_span
from advisor.render.safe import UNKNOWN, words
from advisor.schema.base import UsdInterval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.schema.catalog import HostedTuning
    from advisor.schema.spending import BreakEven, Serving, Share, Spending, Volumes

NONE = "-"
_ROUNDED_FROM = 1000
_FEW = 100
"""Calls a month that are hardly worth counting."""


def hosted_grid(hosted: Sequence[HostedTuning]) -> Grid:
    """Hosted tuning of the same tokens, cheapest first."""
    rows = tuple(
        (
            price.provider,
            price.model,
            ", ".join(map(words, price.methods)) or "its own",
            usd_short(float(price.training_usd)) if price.training_usd is not None else UNKNOWN,
            _hosting(price),
            price.checked,
        )
        for price in hosted
    )
    headers = ("Provider", "Model", "Method", "Training", "Calls", "Checked")
    return Grid(headers, rows, right=(3,))


def _hosting(price: HostedTuning) -> str:
    """How calls of the tuned model are billed."""
    if price.hosting_usd_per_hour is not None:
        return f"{usd_short(float(price.hosting_usd_per_hour))} an hour"
    into, out = price.usd_per_million_input_tokens, price.usd_per_million_output_tokens
    if into is None or out is None:
        return UNKNOWN
    return f"{usd_short(float(into))} + {usd_short(float(out))} per 1M"


def approach_name(serving: Serving) -> str:
    """'tuned', 'prompting', 'few-shot', 'RAG'."""
    return "tuned" if serving.approach == "fine_tuning" else words(serving.approach)


def place_of(serving: Serving) -> str:
    """The provider, or the GPUs."""
    if serving.is_hosted or serving.gpu is None:
        return serving.provider or UNKNOWN
    count = f"{serving.gpus} x " if serving.gpus > 1 else ""
    return f"{count}{serving.gpu}"


def serving_grid(found: Sequence[Serving]) -> Grid:
    """Ways of answering: tokens of a call, dollars per thousand calls and per month."""
    rows = tuple(
        (
            approach_name(serving),
            serving.model,
            place_of(serving),
            f"{serving.prompt_tokens:,.0f}+{serving.answer_tokens:,.0f}",
            usd_span(serving.usd_per_thousand_calls),
            usd_span(serving.usd_per_month or serving.minimum_usd_per_month),
        )
        for serving in found
    )
    month = "Month" if any(s.usd_per_month for s in found) else "Month, at least"
    headers = ("Answers", "Model", "Where", "Tokens", "1,000 calls", month)
    return Grid(headers, rows, right=(3, 4, 5))


def break_even_grid(found: Sequence[BreakEven]) -> Grid:
    """From which volume tuning pays back, against each other way of answering."""
    rows = tuple(
        (
            item.against,
            item.tuned or NONE,
            pays_back(item),
            gain_words(item.gain_usd_per_month) if item.gain_usd_per_month else NONE,
            item.because,
        )
        for item in found
    )
    headers = ("Tuning against", "Tuned model", "Pays back", "At your volume", "Because")
    return Grid(headers, rows)


def pays_back(item: BreakEven) -> str:
    """'from 143 calls a month (100-900)', or 'never', as far as is known."""
    volumes = item.calls_per_month
    if volumes is None or (item.never and volumes.low is None):
        return "never"
    if item.never or volumes.likely is None:
        return f"likely never (at best from {_calls(volumes.low)} calls a month)"
    if volumes.likely == 0 and volumes.high == 0:
        start = "at any volume"
    elif volumes.high is not None and volumes.high < _FEW:
        start = f"from fewer than {_FEW} calls a month"
    else:
        start = f"from {_calls(volumes.likely)} calls a month{_spread(volumes)}"
    if item.until_calls_per_month is not None:
        start += f", up to {_calls(item.until_calls_per_month)}"
    return start


def gain_words(gain: UsdInterval) -> str:
    """'saves $26 a month', 'costs $1,503-2,457 more a month', or both ends where they differ."""
    if gain.high < 0:
        more = UsdInterval(low=-gain.high, likely=-gain.likely, high=-gain.low)
        return f"costs {usd_span(more)} more a month"
    return f"saves {usd_span(gain)} a month"


def _spread(volumes: Volumes) -> str:
    if volumes.low == volumes.likely == volumes.high:
        return ""
    high = "never" if volumes.high is None else _calls(volumes.high)
    return f" ({_calls(volumes.low)} to {high})"


def _calls(count: float | None) -> str:
    if count is None:
        return UNKNOWN
    if count >= _ROUNDED_FROM:  # a volume that is assumed is not known to more than two digits
        count = float(f"{count:.1e}")
    return f"{count:,.0f}"


def spending_grid(spending: Spending) -> Grid:
    """Parts of the whole plan with formula and source, then what is known of the total."""
    rows = [
        (
            words(share.name),
            usd_span(share.usd),
            share.because
            or f"{share.formula} [{share.provenance.kind}: {share.provenance.source}]",
        )
        for share in spending.shares
    ]
    total = spending.total_usd or spending.known_usd
    name = "total" if spending.total_usd else "total of what is known"
    rows.append((name, usd_span(total), f"over {spending.months:g} months"))
    return Grid(("Part", "Cost", "Formula [source]"), tuple(rows), right=(1,))


def _source(share: Share) -> str:
    return f"{share.provenance.kind}: {share.provenance.source}"


def spending_words(spending: Spending) -> str:
    """The whole plan in one line: its total, its parts, and what is unknown."""
    total = spending.total_usd or spending.known_usd
    parts = ", ".join(f"{s.name} {usd_span(s.usd)}" for s in spending.shares if s.usd)
    unknown = [s for s in spending.shares if s.usd is None]
    told = f"{usd_span(total)} in {spending.months:g} months: {parts}"
    return f"{told}; unknown: {', '.join(s.name for s in unknown)}" if unknown else told
