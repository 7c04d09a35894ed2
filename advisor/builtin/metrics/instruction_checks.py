"""What an answer can be asked to keep to, as checks that a program decides."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from advisor.builtin.metrics.json_text import parse

SCRIPTS = ("latin", "greek", "cyrillic", "han", "arabic", "hebrew", "devanagari", "hangul")
_HAN = ("cjk", "han")
_BULLET = re.compile(r"^\s*[-*•]\s+\S")
_NUMBERED = re.compile(r"^\s*\d+[.)]\s+\S")
_END = re.compile(r"[.!?…]+[\"')\]]*(?=\s|$)")
MOST_SHOWN = 60


class Fault(NamedTuple):
    """A check that does not hold, or cannot be read."""

    text: str
    is_unreadable: bool = False


def words(text: str) -> list[str]:
    """What stands between blanks and holds a letter or digit."""
    return [word for word in text.split() if any(map(str.isalnum, word))]


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _sentences(text: str) -> int:
    count = len(_END.findall(text))
    rest = _END.split(text)[-1]
    return count + bool(words(rest))


def _paragraphs(text: str) -> int:
    blocks, is_open = 0, False
    for line in text.splitlines():
        if line.strip() and not is_open:
            blocks += 1
        is_open = bool(line.strip())
    return blocks


def _listed(pattern: re.Pattern[str]) -> Callable[[str], int]:
    return lambda text: sum(bool(pattern.match(line)) for line in text.splitlines())


def _parts(text: str) -> int:
    return sum(bool(part.strip()) for part in text.split(","))


COUNTED: dict[str, Callable[[str], int]] = {
    "words": lambda text: len(words(text)),
    "sentences": _sentences,
    "lines": lambda text: len(_lines(text)),
    "paragraphs": _paragraphs,
    "characters": len,
    "bullets": _listed(_BULLET),
    "numbered": _listed(_NUMBERED),
    "comma_parts": _parts,
}
"""What can be counted; each takes _at_most, _at_least and _exactly."""
BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "_at_most": lambda seen, wanted: seen <= wanted,
    "_at_least": lambda seen, wanted: seen >= wanted,
    "_exactly": lambda seen, wanted: seen == wanted,
}


def occurrences(wanted: str, text: str) -> int:
    """How often a word or sign stands in a text, whatever its case; words as whole words."""
    needle, hay = wanted.casefold(), text.casefold()
    if not needle:
        return 0
    before = r"(?<!\w)" if needle[0].isalnum() else ""
    behind = r"(?!\w)" if needle[-1].isalnum() else ""
    return len(re.findall(before + re.escape(needle) + behind, hay))


def _is_cased(text: str, wanted: str) -> bool:
    return any(map(str.isalpha, text)) and text == wanted


def _script(text: str, wanted: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    names = (unicodedata.name(letter, "").casefold() for letter in letters)
    heads = _HAN if wanted == "han" else (wanted,)
    return bool(letters) and all(name.startswith(heads) for name in names)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!\"'`*")


def _json(text: str) -> Any:
    found = parse(text, tolerate="fences")
    return None if found.fault else found.value


def _is_json(text: str) -> bool:
    return not parse(text, tolerate="fences").fault


def _keys(text: str, wanted: list[str]) -> bool:
    found = _json(text)
    return isinstance(found, dict) and set(found) == set(wanted)


def _items(text: str, wanted: int) -> bool:
    found = _json(text)
    return isinstance(found, list) and len(found) == wanted


FLAGS: dict[str, Callable[[str], bool]] = {
    "json": _is_json,
    "upper_case": lambda text: _is_cased(text, text.upper()),
    "lower_case": lambda text: _is_cased(text, text.lower()),
    "quoted": lambda text: len(text) > 2 and text[0] == text[-1] == '"',
    "digits_only": lambda text: text.isascii() and text.isdigit(),
    "code_fence": lambda text: text.startswith("```") and text.rstrip().endswith("```"),
}
"""Checks that are wanted (true) or unwanted (false)."""
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "starts_with": lambda text, wanted: text.startswith(wanted),
    "ends_with": lambda text, wanted: text.endswith(wanted),
    "script": _script,
}
LISTS: dict[str, Callable[[str, list[str]], bool]] = {
    "contains": lambda text, wanted: all(occurrences(one, text) for one in wanted),
    "contains_any": lambda text, wanted: any(occurrences(one, text) for one in wanted),
    "lacks": lambda text, wanted: not any(occurrences(one, text) for one in wanted),
    "one_of": lambda text, wanted: _plain(text) in {_plain(one) for one in wanted},
    "json_keys": _keys,
}


def checks_of(target: str) -> dict[str, Any] | None:
    """The checks that a target holds; None for a target that is no JSON object."""
    try:
        found = json.loads(target)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def fault_of(name: str, wanted: Any, text: str) -> Fault | None:
    """Why a text does not keep to one check; None where it does."""
    holds = _held(name, wanted, text)
    if holds is None:
        return Fault(f"{name}: {json.dumps(wanted)[:MOST_SHOWN]} is no check", is_unreadable=True)
    return (
        None if holds else Fault(f"{name}: {json.dumps(wanted, ensure_ascii=False)[:MOST_SHOWN]}")
    )


def _held(name: str, wanted: Any, text: str) -> bool | None:
    """Whether a check holds; None for a name that is not known or a value it does not take."""
    is_count = isinstance(wanted, int) and not isinstance(wanted, bool) and wanted >= 0
    if counted := next((c for c in COUNTED if name.startswith(f"{c}_")), None):
        bound = BOUNDS.get(name.removeprefix(counted))
        return bound(COUNTED[counted](text), wanted) if bound and is_count else None
    if name == "json_items":
        return _items(text, wanted) if is_count else None
    if name in FLAGS:
        return FLAGS[name](text) == wanted if isinstance(wanted, bool) else None
    if name == "times":
        return _times(text, wanted) if isinstance(wanted, dict) else None
    return _by_words(name, wanted, text)


def _by_words(name: str, wanted: Any, text: str) -> bool | None:
    if name in TEXTS and isinstance(wanted, str) and wanted:
        is_known = name != "script" or wanted in SCRIPTS
        return TEXTS[name](text, wanted) if is_known else None
    is_list = isinstance(wanted, list) and wanted and all(isinstance(w, str) and w for w in wanted)
    return LISTS[name](text, wanted) if name in LISTS and is_list else None


def _times(text: str, wanted: Mapping[str, Any]) -> bool | None:
    """Each word so often, no more and no less."""
    if not all(isinstance(count, int) and word for word, count in wanted.items()):
        return None
    return all(occurrences(word, text) == count for word, count in wanted.items())


NAMES = (
    *(f"{counted}{bound}" for counted in COUNTED for bound in BOUNDS),
    *FLAGS,
    *TEXTS,
    *LISTS,
    "json_items",
    "times",
)
"""Every check by its name."""
