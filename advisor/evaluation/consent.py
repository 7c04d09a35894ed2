"""Consent to a bill: what is to be spent is told, and nothing is spent that nobody agreed to."""

from __future__ import annotations

from collections.abc import Callable

from advisor.errors import ConsentError
from advisor.schema.purse import Bill


def agreed(bill: Bill, model: str, *, may_spend: bool, say: Callable[[str], None]) -> None:
    """Tell what is to be spent; raise ConsentError where it is more than anybody agreed to.

    Nothing is said where nothing is to be asked or all of it is free.
    """
    expected = bill.expected_usd
    if not bill.calls_planned or (expected is not None and expected.high <= 0):
        return
    say(_before(bill, model))
    if not may_spend:
        _refuse(bill, model)


def dollars(usd: float) -> str:
    """An amount with as many decimals as it deserves."""
    return f"{usd:.2f} dollars" if usd >= 1 else f"{usd:.4f} dollars"


def _refuse(bill: Bill, model: str) -> None:
    calls = f"{bill.calls_planned} calls"
    if bill.expected_usd is None:
        raise ConsentError(
            f"A price is unknown, so {calls} for {model} may cost anything.",
            hint="Give prices with --prices FILE, or add --yes to agree to an unknown price.",
        )
    expected, cap = bill.expected_usd, bill.cap_usd
    words = f"{calls} for {model} will cost about {dollars(expected.likely)}"
    room = f"(at most {dollars(expected.high)})"
    if cap is None:
        raise ConsentError(
            f"{words} {room}; nobody agreed to that.",
            hint="Set a cap with --budget-usd, or add --yes.",
        )
    if expected.likely > cap:
        raise ConsentError(
            f"{words} {room}, more than --budget-usd {cap:g}.",
            hint="Raise --budget-usd, lower --limit, or add --yes to spend up to the cap and stop.",
        )


def _before(bill: Bill, model: str) -> str:
    """What is to be spent, and what the samples can show for it."""
    expected = bill.expected_usd
    told = f"{bill.calls_planned} calls for {model}: "
    if expected is None:
        told += "at an unknown price"
        if bill.cap_usd is not None:
            told += f", so that the cap of {bill.cap_usd:g} dollars cannot hold"
    else:
        told += f"about {dollars(expected.likely)}, at most {dollars(expected.high)}"
    if bill.detectable is None:
        return f"{told}."
    told += f"; the test samples show a gain from {100 * bill.detectable:.0f} points on"
    if bill.detectable_by_groups is None:
        return f"{told}."
    return (
        f"{told}, from {100 * bill.detectable_by_groups:.0f} at worst, since some share a document"
        " or group and may be alike."
    )
