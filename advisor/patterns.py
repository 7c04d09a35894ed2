"""Patterns that stand as data in `rules/data_check/`: loaded, compiled and searched quickly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from advisor.errors import RuleParseError
from advisor.resources import rules_root

CHECKED = ("luhn", "iban")
"""Sums over digits that a match must pass, by the name a file gives them."""
FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_DIGITS = re.compile(r"[0-9](?:[ ./()-]{0,2}[0-9]){6}")
_SIGNS = "_=@<&|[#:+/-."
HIDDEN = "secret"
"""The group of a pattern that is to be hidden; the whole match where there is none."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One thing to look for in a text."""

    id: str
    name: str
    """As messages say it."""
    expression: re.Pattern[str]
    needs: tuple[str, ...] = ()
    """Lower-case words of which a text must hold one, so that most texts are never searched."""
    needs_digits: bool = False
    """A text must also hold seven digits close together."""
    check: str = ""
    """A sum that the match's letters and digits must pass: one of `CHECKED`."""
    reason: str = ""
    matches: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()

    def found(self, text: str, lowered: str) -> Iterator[re.Match[str]]:
        """Every match in a text, which is also given in small letters."""
        if self.needs and not any(word in lowered for word in self.needs):
            return
        if self.needs_digits and not _DIGITS.search(text):
            return
        yield from self.matched(text)

    def matched(self, text: str) -> Iterator[re.Match[str]]:
        """Every match in a text that holds what the pattern needs."""
        for match in self.expression.finditer(text):
            if not self.check or passes(self.check, hidden(match)):
                yield match


@dataclass(frozen=True, slots=True)
class Patterns:
    """One file of patterns with the figures that belong to them."""

    title: str
    reason: str
    patterns: tuple[Pattern, ...]
    figures: dict[str, Any] = field(default_factory=dict)
    _words: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = field(init=False, repr=False)
    """Needed words with their patterns, by a sign that prose hardly has."""
    _digital: frozenset[int] = field(init=False, repr=False)
    _numeric: frozenset[int] = field(init=False, repr=False)
    _always: frozenset[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Sort patterns by what a text must hold before they are searched."""
        numbered = list(enumerate(self.patterns))
        signed: dict[str, list[tuple[str, int]]] = {}
        for place, each in numbered:
            for word in each.needs:
                sign = next((letter for letter in _SIGNS if letter in word), "")
                signed.setdefault(sign, []).append((word, place))
        words = tuple((sign, tuple(held)) for sign, held in signed.items())
        digital = frozenset(n for n, each in numbered if each.needs_digits)
        numeric = frozenset(n for n, each in numbered if each.needs_digits and not each.needs)
        always = frozenset(n for n, each in numbered if not each.needs and not each.needs_digits)
        kept = {"_words": words, "_digital": digital, "_numeric": numeric, "_always": always}
        for name, value in kept.items():
            object.__setattr__(self, name, value)

    def first(self, text: str) -> tuple[Pattern, re.Match[str]] | None:
        """The first pattern in the file's order that the text holds, with its match."""
        return next(self.all(text), None)

    def all(self, text: str) -> Iterator[tuple[Pattern, re.Match[str]]]:
        """Every match of every pattern, pattern by pattern."""
        lowered = text.lower()
        possible = {
            place
            for sign, words in self._words
            if not sign or sign in text
            for word, place in words
            if word in lowered
        }
        if self._digital and not _DIGITS.search(text):
            possible -= self._digital
        elif self._digital:
            possible |= self._numeric
        for place in sorted(possible | self._always) if possible or self._always else ():
            pattern = self.patterns[place]
            for match in pattern.matched(text):
                yield pattern, match


@lru_cache(maxsize=64)
def patterns(name: str) -> Patterns:
    """The file `rules/data_check/<name>.yaml`; raises RuleParseError when it cannot be used."""
    return read_patterns(rules_root() / "data_check" / f"{name}.yaml")


def read_patterns(path: Path) -> Patterns:
    """One file of patterns; raises RuleParseError naming the file and the pattern."""
    import yaml  # noqa: PLC0415 - only where something is searched

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - safe
    except (OSError, yaml.YAMLError) as error:
        raise RuleParseError(f"{path.name} cannot be read: {error}", where=str(path)) from error
    if not isinstance(content, dict):
        raise RuleParseError(f"{path.name} holds no `key: value`.", where=str(path))
    return Patterns(
        title=str(content.get("title", "")),
        reason=str(content.get("reason", "")).strip(),
        patterns=tuple(_pattern(entry, path) for entry in content.get("patterns", ())),
        figures={name: entry["value"] for name, entry in content.get("figures", {}).items()},
    )


def _pattern(entry: dict[str, Any], path: Path) -> Pattern:
    name = str(entry.get("id", "?"))
    flags = 0
    for letter in entry.get("flags", ""):
        flags |= FLAGS[letter]
    try:
        expression = re.compile(entry["pattern"], flags)
    except (KeyError, re.error) as error:
        raise RuleParseError(
            f"The pattern '{name}' of {path.name} cannot be used: {error}.", where=str(path)
        ) from error
    return Pattern(
        id=name,
        name=str(entry.get("name", name)),
        expression=expression,
        needs=tuple(map(str, entry.get("needs", ()))),
        needs_digits=bool(entry.get("needs_digits", False)),
        check=str(entry.get("check", "")),
        reason=str(entry.get("reason", "")),
        matches=tuple(map(str, entry.get("matches", ()))),
        spares=tuple(map(str, entry.get("spares", ()))),
    )


def hidden(match: re.Match[str]) -> str:
    """What of a match is to be hidden."""
    return match.group(HIDDEN) if HIDDEN in match.re.groupindex else match.group()


def span_hidden(match: re.Match[str]) -> tuple[int, int]:
    """Where it stands in the text."""
    return match.span(HIDDEN) if HIDDEN in match.re.groupindex else match.span()


def masked_value(value: str) -> str:
    """A secret as it may be shown: its first three characters and its length."""
    return f"{value[:3]}… ({len(value)} characters)"


def passes(check: str, text: str) -> bool:
    """Whether the letters and digits of a text keep the named sum."""
    kept = "".join(character for character in text if character.isalnum()).upper()
    return _luhn(kept) if check == "luhn" else _iban(kept)


def _luhn(digits: str) -> bool:
    """Every second digit from the right doubled: the sum ends in 0 (ISO/IEC 7812-1)."""
    if not digits.isdigit() or len(set(digits)) == 1:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _iban(text: str) -> bool:
    """The first four characters moved to the end, letters as numbers: 1 modulo 97 (ISO 13616)."""
    if not (15 <= len(text) <= 34 and text.isascii()):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1
