"""Appends what was fetched to the user's series and says what is new, dearer, cheaper or gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from advisor.catalog.hosted import hosted
from advisor.catalog.prices import catalog_series, newest
from advisor.catalog.refresh.quotes import GpuQuote, Haul, TokenQuote
from advisor.catalog.series import on_day
from advisor.schema.refresh import PriceChange

Plain = dict[str, Any]
Key = tuple[Any, ...]
Change = Literal["added", "dearer", "cheaper", "gone"]
_SIDES = (
    ("million input tokens", "usd_per_million_input_tokens"),
    ("million output tokens", "usd_per_million_output_tokens"),
)


@dataclass
class Merger:
    """One source's quotes against everything known before."""

    fetched_from: str
    """Id of the way of fetching."""
    source: str
    """Id of the source, as prices cite it."""
    as_of: str
    changes: list[PriceChange] = field(default_factory=list)
    same: int = 0

    def offers(self, series: list[Plain], haul: Haul) -> list[Plain]:
        """The series with this source's offers appended."""
        quotes = {quote.key: quote for quote in haul.cheapest()}
        before = _cheapest(newest([*catalog_series(), *series], self.as_of))
        ours = {_offer_key(s): s for s in series if s["fetched_from"] == self.fetched_from}
        for key, quote in quotes.items():
            told = {
                "usd_per_gpu_hour": str(quote.usd_per_gpu_hour),
                "region": quote.region,
                "instance": quote.instance,
            }
            head: Plain = {"gpu": quote.gpu, "provider": quote.provider, "kind": quote.kind}
            head |= {"gpus": quote.gpus, "is_gpu_only": False, "note": ""}
            self._append(ours.setdefault(key, self._new(head)), told, quote.checked)
            self._compare_offer(quote, before.get(key))
        for key, one in ours.items():
            if key not in quotes and one["provider"] in haul.providers and _ends_now(one):
                last = self._end(one)
                usd = Decimal(last["usd_per_gpu_hour"])
                self._add("gone", one, "GPU-hour", (usd, None), last)
        return [s for s in series if s["fetched_from"] != self.fetched_from] + list(ours.values())

    def inference(self, series: list[Plain], haul: Haul) -> list[Plain]:
        """The series with this source's prices per token appended."""
        quotes = {_token_key(vars(quote)): quote for quote in haul.token_quotes}
        known = [s for s in hosted() if s["part"] == "inference" and not s["is_tuned"]]
        told_before = [on_day(s, self.as_of) for s in (*known, *series)]
        before = {_token_key(told): told for told in told_before if told}
        ours = {_token_key(s): s for s in series if s["fetched_from"] == self.fetched_from}
        for key, quote in quotes.items():
            told = {name: str(getattr(quote, name)) for _, name in _SIDES}
            if quote.usd_per_million_cached_tokens is not None:
                told["usd_per_million_cached_tokens"] = str(quote.usd_per_million_cached_tokens)
            head: Plain = {"provider": quote.provider, "model": quote.model, "note": ""}
            head["is_tuned"] = False
            head["above_prompt_tokens"] = quote.above_prompt_tokens
            self._append(ours.setdefault(key, self._new(head)), told, quote.checked)
            self._compare_tokens(quote, before.get(key))
        for key, one in ours.items():
            if key not in quotes and one["provider"] in haul.providers and _ends_now(one):
                last = self._end(one)
                unit, name = _SIDES[0]
                self._add("gone", one, unit, (Decimal(last[name]), None), last)
        return [s for s in series if s["fetched_from"] != self.fetched_from] + list(ours.values())

    def _new(self, head: Plain) -> Plain:
        return head | {"fetched_from": self.fetched_from, "prices": []}

    def _append(self, series: Plain, told: Plain, checked: str) -> None:
        """A new price at the end; a price seen again is only checked anew."""
        prices = series["prices"]
        last = prices[-1] if prices else {}
        money = {key: value for key, value in told.items() if key.startswith("usd")}
        if last and not last.get("gone") and all(last.get(k) == v for k, v in money.items()):
            last |= told | {"checked": max(checked, last["checked"])}
            return
        if last and last["valid_from"] >= checked:  # a second look at the same day corrects it
            checked = last["valid_from"]
            prices.pop()
        dates = {"valid_from": checked, "checked": checked}
        prices.append(told | dates | {"source": self.source, "is_dated": True})

    def _end(self, series: Plain) -> Plain:
        """End a series; the last price it had."""
        last: Plain = series["prices"][-1]
        day = max(self.as_of, last["valid_from"])
        if last["valid_from"] == day:
            series["prices"].pop()
        gone = {"valid_from": day, "checked": day, "source": self.source, "gone": True}
        series["prices"].append(gone)
        return last

    def _compare_offer(self, quote: GpuQuote, before: Plain | None) -> None:
        usd = Decimal(before["usd_per_gpu_hour"]) if before else None
        head = {"provider": quote.provider, "gpu": quote.gpu, "kind": quote.kind}
        self._compare(
            head | {"gpus": quote.gpus}, "GPU-hour", (usd, quote.usd_per_gpu_hour), before
        )

    def _compare_tokens(self, quote: TokenQuote, before: Plain | None) -> None:
        sides = _SIDES if before else _SIDES[:1]
        for unit, name in sides:
            usd = Decimal(before[name]) if before else None
            self._compare(vars(quote), unit, (usd, getattr(quote, name)), before)

    def _compare(
        self, head: Plain, unit: Any, usd: tuple[Decimal | None, Decimal], before: Plain | None
    ) -> None:
        old, new = usd
        if old is not None and old == new:
            self.same += 1
            return
        kind: Change = "added" if old is None else "dearer" if new > old else "cheaper"
        self._add(kind, head, unit, (old, new), before or {})

    def _add(
        self,
        change: Change,
        head: Plain,
        unit: Any,
        usd: tuple[Decimal | None, Decimal | None],
        before: Plain,
    ) -> None:
        old, new = usd
        percent = None if old is None or new is None else round(float((new / old - 1) * 100), 1)
        self.changes.append(
            PriceChange(
                change=change,
                part="offers" if "gpu" in head else "inference",
                source=self.source,
                provider=head["provider"],
                item=head.get("gpu") or head["model"],
                kind=head.get("kind", ""),
                gpus=head.get("gpus", 1),
                unit=unit,
                usd_before=old,
                usd_now=new,
                percent=percent,
                before_checked=before.get("checked", ""),
                before_source=before.get("source", ""),
            )
        )


def _ends_now(series: Plain) -> bool:
    return bool(series["prices"]) and not series["prices"][-1].get("gone")


def _offer_key(told: Plain) -> Key:
    return (told["provider"], told["gpu"], told["kind"], told["gpus"])


def _token_key(told: Plain) -> Key:
    return (told["provider"], told["model"], told["above_prompt_tokens"])


def _cheapest(told: Iterable[Plain]) -> dict[Key, Plain]:
    best: dict[Key, Plain] = {}
    for one in told:
        known = best.get(_offer_key(one))
        usd = Decimal(one["usd_per_gpu_hour"])
        if known is None or usd < Decimal(known["usd_per_gpu_hour"]):
            best[_offer_key(one)] = one
    return best
