"""Text from data, models and files made harmless before any renderer shows it."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING

from advisor.approaches import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.schema.profile import Profile

UNKNOWN = "unknown"
ELLIPSIS = "…"

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\x9c|$)"  # OSC and its kin: titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"  # the short ones
    r"|\x9b[0-?]*[ -/]*[@-~]",  # CSI as one byte
    re.DOTALL,
)
_SPACES = re.compile(r"\s+")
_READ_BEYOND = 1_000
"""Letters read beyond twice those shown, for what is taken out; the rest is not worth cleaning."""
_MAX_SHOWN = 8_000
"""No text on any page is longer: a line of a megabyte is not read, and would hide what is."""
_MARKS_IN_A_ROW = 8
"""Combining marks on one letter; no language has more, and a storm of them covers other lines."""


def safe_text(text: object, limit: int | None = None) -> str:
    """One line without control characters, escape sequences, bidi marks or lone surrogates.

    Line breaks and tabs become single spaces. Longer than `limit` characters (8,000 where none is
    given) is cut, with an ellipsis as the last one. The result is not escaped for any markup:
    HTML, Markdown and rich each escape in their own way.
    """
    most = _MAX_SHOWN if limit is None else limit
    raw = str(text)[: 2 * most + _READ_BEYOND]
    flat = _SPACES.sub(" ", _ESCAPES.sub("", raw))
    kept = (flat if flat.isascii() and flat.isprintable() else "".join(_harmless(flat))).strip()
    if len(kept) > most:
        return kept[: max(most - 1, 0)].rstrip() + ELLIPSIS
    return kept


def _harmless(text: str) -> Iterator[str]:
    """Its letters, of a run of combining marks only the first few.

    Left out are control, format (bidi, zero width), surrogate, private and unassigned characters.
    """
    marks = 0
    for letter in text:
        kind = unicodedata.category(letter)
        marks = marks + 1 if kind.startswith("M") else 0
        if marks <= _MARKS_IN_A_ROW and not kind.startswith(("C", "Zl", "Zp")):
            yield letter


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as a percentage, '64.5 %'; 'unknown' for None and for what is no number."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    return f"{100 * share:.{digits}f} %"


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign; nothing is '0.0', from whichever side it comes."""
    told = f"{value:+.{digits}f}"
    return told if told.strip("+-0.") else told[1:]


def percent_range(low: float, high: float, digits: int = 1) -> str:
    """Two shares as one range, '58.7-70.1 %' with an en dash."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return UNKNOWN
    return f"{100 * low:.{digits}f}–{100 * high:.{digits}f} %"  # noqa: RUF001 - a range


def amount(value: float | None, unit: str = "", digits: int = 2) -> str:
    """A number with its unit, thousands apart; 'unknown' for None and for what is no number."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:,.{digits}f} {unit}".rstrip()


def words(identifier: str | None) -> str:
    """An identifier as people read it: few_shot -> few-shot, None -> 'unknown'."""
    if identifier is None:
        return UNKNOWN
    return _SPOKEN.get(identifier, safe_text(identifier).replace("_", " "))


_SPOKEN: dict[str, str] = {
    **{str(approach): name for approach, name in NAMES.items()},
    "zero_shot": "zero-shot",
    "few_shot_similar": "similar few-shot",
    "few_shot_random": "random few-shot",
    "rag_few_shot": "RAG + few-shot",
    "gepa": "GEPA",
    "lora": "LoRA",
    "qlora": "QLoRA",
    "dora": "DoRA",
    "ia3": "IA3",
    "vera": "VeRA",
    "loha": "LoHa",
    "lokr": "LoKr",
    "oft": "OFT",
    "boft": "BOFT",
    "galore": "GaLore",
    "lisa": "LISA",
    "llama_pro": "LLaMA-Pro",
    "p_tuning": "p-tuning",
}


def profile_facts(profile: Profile) -> dict[str, str | None]:
    """Every fact of the profile by its id as text, in order of declaration; None is unknown.

    What the baselines and the gate measure later is listed only once it is known.
    """
    facts: dict[str, str | None] = {}
    for group, members in profile.model_dump().items():
        for name, value in members.items() if isinstance(members, dict) else ():
            if group != "provenance" and (value is not None or group != "measured"):
                facts[f"{group}.{name}"] = None if value is None else fact_text(value)
    return facts


def fact_text(value: object) -> str:
    """A fact's value as people read it: yes and no, thousands apart, 'unknown' for None."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return safe_text(value)
