"""Text from data, models and files made harmless before any renderer shows it."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING

from advisor.approaches import NAMES

if TYPE_CHECKING:
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
_MAX_READ = 100_000
"""A cell never shows more than a few hundred characters; the rest is not worth cleaning."""


def safe_text(text: object, limit: int | None = None) -> str:
    """One line without control characters, escape sequences, bidi marks or lone surrogates.

    Line breaks and tabs become single spaces. Longer than `limit` characters is cut, with an
    ellipsis as the last one. The result is not escaped for any markup: HTML, Markdown and rich
    each escape in their own way.
    """
    raw = str(text)[:_MAX_READ]
    flat = _SPACES.sub(" ", _ESCAPES.sub("", raw))
    kept = "".join(letter for letter in flat if _harmless(letter)).strip()
    if limit is not None and len(kept) > limit:
        return kept[: max(limit - 1, 0)].rstrip() + ELLIPSIS
    return kept


def _harmless(letter: str) -> bool:
    """False for control, format (bidi, zero width), surrogate, private and unassigned characters.

    A run of combining marks is left alone: it is ugly, but it moves no cursor.
    """
    return letter == " " or not unicodedata.category(letter).startswith(("C", "Zl", "Zp"))


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as a percentage, '64.5 %'; 'unknown' for None and for what is no number."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    return f"{100 * share:.{digits}f} %"


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
