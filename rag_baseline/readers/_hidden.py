"""Back room: which parts of a page its own attributes hide from whoever reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

SHOWN = frozenset({"html", "body", "main"})
"""What a dialogue hides while it is open is still the page."""
FORMULAS = ("katex", "mjx", "mathjax")
"""Formulas as they are seen, hidden from what reads aloud, which gets MathML."""
COLOURED = frozenset({"th", "thead", "header", "footer"})
"""Parts that style sheets give a ground by their name."""
DEPTH = 64
WHITE = (255, 255, 255)
SMALLEST = 1.0
"""A letter of this many pixels or points cannot be read."""
OUTSIDE = -900.0
Colour = tuple[int, int, int]
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LENGTH = re.compile(r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+))(?P<unit>[a-z%]*)")
_FONT = re.compile(r"(?:^|\s)(?P<size>[\d.]+(?:[a-z]+|%)?)(?:\s*/|\s)")
_NUMBERS = re.compile(r"[\d.]+%?")
_NAMED: dict[str, Colour] = {
    "white": WHITE,
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "ghostwhite": (248, 248, 255),
    "whitesmoke": (245, 245, 245),
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "blue": (0, 0, 255),
    "navy": (0, 0, 128),
    "green": (0, 128, 0),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "silver": (192, 192, 192),
    "yellow": (255, 255, 0),
}
_NEAR = 10
"""Steps of each part of a colour, of 255, that nobody tells apart."""


def is_hidden(tag: Any) -> bool:
    """Whether `hidden`, `aria-hidden`, its style or the colour of its letters hides a part."""
    if tag.name in SHOWN:
        return False
    attrs = tag.attrs
    if "hidden" in attrs:
        return True
    if str(attrs.get("aria-hidden", "")).strip().lower() == "true" and not _is_formula(tag):
        return True
    if "style" not in attrs and "color" not in attrs:
        return False
    style = _style(tag)
    return _is_gone(style) or _is_tiny(style) or _is_aside(style) or _is_of_its_ground(tag, style)


def _is_formula(tag: Any) -> bool:
    named = " ".join((tag.name, *_classes(tag))).lower()
    return any(name in named for name in FORMULAS)


def _classes(tag: Any) -> list[str]:
    held = tag.attrs.get("class") or []
    return [held] if isinstance(held, str) else [str(name) for name in held]


def _style(tag: Any) -> dict[str, str]:
    """Declarations of the style attribute, in small letters."""
    told = _COMMENT.sub(" ", str(tag.attrs.get("style") or "")[:4096]).lower()
    parts = (part.split(":", 1) for part in told.split(";") if ":" in part)
    return {name.strip(): value.replace("!important", "").strip() for name, value in parts}


def _is_gone(style: dict[str, str]) -> bool:
    opacity = _length(style.get("opacity", ""))
    return (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or style.get("mso-hide") == "all"
        or (opacity is not None and opacity[0] <= 0.01)
    )


def _is_tiny(style: dict[str, str]) -> bool:
    short = _FONT.search(f"{style.get('font', '')} ")
    for size in (style.get("font-size", ""), short["size"] if short else ""):
        found = _length(size)
        if found is None:
            continue
        number, unit = found
        if number <= 0 or (unit in ("px", "pt") and number <= SMALLEST):
            return True
        if number <= (5 if unit == "%" else 0.05):
            return True
    if style.get("overflow") != "hidden":
        return False
    sides = (_length(style.get(side, "")) for side in ("height", "width"))
    return any(side is not None and side[0] <= SMALLEST and side[1] != "%" for side in sides)


def _is_aside(style: dict[str, str]) -> bool:
    """Moved out of what a window shows, or cut to nothing."""
    clip = f"{style.get('clip', '')}{style.get('clip-path', '')}".replace(" ", "")
    if clip.startswith(("rect(0,0,0,0)", "rect(0px,0px,0px,0px)", "inset(50%)", "inset(100%)")):
        return True
    moved = [style.get("text-indent", "")]
    if style.get("position") in ("absolute", "fixed"):
        moved += [style.get("left", ""), style.get("top", "")]
    return any(found is not None and found[0] <= OUTSIDE for found in map(_length, moved))


def _is_of_its_ground(tag: Any, style: dict[str, str]) -> bool:
    """Letters in the colour of what is behind them.

    White ones on a ground that only a style sheet could tell are taken for seen.
    """
    told = style.get("color") or str(tag.attrs.get("color") or "").lower()
    if not told:
        return False
    if told == "transparent":
        return True
    letters = _colour(told)
    if letters is None:
        return False
    for place in _outwards(tag):
        its = _style(place) if "style" in place.attrs else {}
        ground = its.get("background-color") or its.get("background")
        ground = ground or str(place.attrs.get("bgcolor") or "").lower()
        if ground and ground not in ("transparent", "inherit", "none"):
            behind = _colour(ground)
            return behind is not None and _look_alike(letters, behind)
        if place.name in COLOURED or "id" in place.attrs or _classes(place):
            return False
    return _look_alike(letters, WHITE)


def _outwards(tag: Any) -> Iterator[Any]:
    for _ in range(DEPTH):
        if tag is None or tag.name == "[document]":
            return
        yield tag
        tag = tag.parent


def _look_alike(one: Colour, other: Colour) -> bool:
    return all(abs(a - b) <= _NEAR for a, b in zip(one, other, strict=True))


def _length(value: str) -> tuple[float, str] | None:
    found = _LENGTH.fullmatch(value)
    return (float(found["number"]), found["unit"]) if found else None


def _colour(value: str) -> Colour | None:
    """Red, green and blue; None for what is written otherwise."""
    value = value.strip()
    if value.startswith("#"):
        digits = value[1:]
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        try:
            return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
        except ValueError:
            return None
    if value.startswith("rgb"):
        parts = [
            float(part.rstrip("%")) * (2.55 if part.endswith("%") else 1)
            for part in _NUMBERS.findall(value)[:3]
            if part.count(".") <= 1 and part.strip(".%")
        ]
        return (int(parts[0]), int(parts[1]), int(parts[2])) if len(parts) == 3 else None
    return _NAMED.get(value)
