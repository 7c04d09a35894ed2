"""Random names, numbers, codes and values; every draw comes from one seeded source.

Invented words and codes are split into two disjoint name spaces by a checksum: pre-training only
ever draws from the open space, the bundled tasks only from the reserved space. So no invented name
of a task can occur in pre-training.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from examples.pretrain_tiny import vocabulary as vocab

Item = TypeVar("Item")
RESERVED_MODULUS = 8
MODEL_ENDINGS = ("Pro", "Mini", "Max", "Plus", "Air", "One", "X", "S")


def is_reserved(word: str) -> bool:
    """Tell whether a word or code belongs to the space kept free for the bundled tasks."""
    return zlib.crc32(word.lower().encode()) % RESERVED_MODULUS == 0


class Draw:
    """A seeded source of random words, names, codes and values."""

    def __init__(self, seed: int | str, *, reserved: bool = False) -> None:
        self.random = random.Random(seed)
        self.reserved = reserved

    def choice(self, items: Sequence[Item]) -> Item:
        """Pick one item."""
        return items[int(self.random.random() * len(items))]

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random.random() < probability

    def between(self, low: int, high: int) -> int:
        """Pick a whole number from low to high, both included."""
        return low + int(self.random.random() * (high - low + 1))

    def unique(self, make: Callable[[], str], count: int) -> list[str]:
        """Draw up to `count` different texts (fewer when the source is too poor)."""
        found: list[str] = []
        for _ in range(count * 4):
            text = make()
            if text not in found:
                found.append(text)
            if len(found) == count:
                break
        return found

    def _in_own_space(self, make: Callable[[], str]) -> str:
        """Redraw until the text lies in this source's name space."""
        while True:
            text = make()
            if is_reserved(text) == self.reserved:
                return text

    def word(self) -> str:
        """Draw an invented lower-case word of this source's name space."""
        return self._in_own_space(self._any_word)

    def _any_word(self) -> str:
        if self.chance(0.05):
            return "".join(self.choice(vocab.LETTERS) for _ in range(self.between(3, 7)))
        syllables = self.choice((1, 2, 2, 2, 3))
        text = ""
        for index in range(syllables):
            text += self.choice(vocab.ONSETS if self.chance(0.3) else vocab.SIMPLE_ONSETS)
            text += self.choice(vocab.VOWELS if self.chance(0.2) else vocab.SIMPLE_VOWELS)
            if index == syllables - 1 or self.chance(0.2):
                text += self.choice(vocab.CODAS)
        return text if len(text) > 2 else text + self.choice("nrlk") + self.choice("aeo")

    def name(self) -> str:
        """Draw one capitalised invented name."""
        return self.word().capitalize()

    def person(self) -> str:
        """Draw a person's name, usually first and last name."""
        return f"{self.name()} {self.name()}" if self.chance(0.75) else self.name()

    def number(self) -> str:
        """Draw a whole number of one to six digits."""
        digits = self.choice((1, 1, 2, 2, 2, 3, 3, 4, 5, 6))
        return str(self.between(10 ** (digits - 1), 10**digits - 1))

    def _upper(self, count: int) -> str:
        return "".join(self.choice(vocab.LETTERS) for _ in range(count)).upper()

    def _digits(self, count: int) -> str:
        return "".join(self.choice("0123456789") for _ in range(count))

    def code(self) -> str:
        """Draw an order number, part number or short code of this source's name space."""
        return self._in_own_space(self._any_code)

    def _any_code(self) -> str:
        pattern = self.choice(
            (
                "AA-9999",
                "A999",
                "999-999",
                "AAA-99",
                "AA99-A",
                "#99999",
                "A-999-99",
                "99999",
                "999999",
                "A99999",
                "A9999",
                "AAA-9",
                "AA-99999",
                "AAA999",
            )
        )
        return "".join(
            self._upper(1) if c == "A" else self._digits(1) if c == "9" else c for c in pattern
        )

    def date(self) -> str:
        """Draw a date in one of four layouts."""
        month, day = self.choice(vocab.MONTHS), self.between(1, 28)
        layout = self.between(0, 3)
        if layout == 0:
            return f"{day} {month} {self.between(1950, 2030)}"
        if layout == 1:
            return f"{self.between(2000, 2030)}-{self.between(1, 12):02d}-{day:02d}"
        return f"{month} {day}" if layout == 2 else f"{day} {month}"

    def email(self) -> str:
        """Draw an e-mail address."""
        return f"{self.word()}@{self.word()}.{self.choice(('com', 'org', 'net', 'example', 'io'))}"

    def phone(self) -> str:
        """Draw a telephone number in one of three layouts."""
        layout = self.between(0, 2)
        if layout == 0:
            return f"+{self.between(1, 99)} {self.between(100, 999)} {self.between(1000, 9999)}"
        if layout == 1:
            return f"{self.between(100, 999)}-{self.between(1000, 9999)}"
        return f"0{self.between(100, 999)} {self.between(100000, 999999)}"

    def amount(self) -> str:
        """Draw an amount of money."""
        layout, whole, cents = self.between(0, 3), self.between(1, 999), self.between(0, 99)
        return (
            f"{whole} {self.choice(('euros', 'dollars'))}",
            f"${whole}.{cents:02d}",
            f"{whole} EUR",
            f"{whole}.{cents:02d}",
        )[layout]

    def quantity(self) -> str:
        """Draw a number with a unit."""
        number = self.choice(
            (
                str(self.between(1, 20)),
                str(self.between(1, 999)),
                f"{self.between(0, 20)}.{self.between(1, 9)}",
            )
        )
        return f"{number} {self.choice(vocab.UNITS)}"

    def phrase(self) -> str:
        """Draw a short noun phrase."""
        adjective, noun = self.choice(vocab.ADJECTIVES), self.choice(vocab.NOUNS)
        layout = self.between(0, 6)
        if layout == 0:
            return f"{adjective} {noun}"
        if layout == 1:
            return f"{self.choice(vocab.NOUNS)} {noun}"
        if layout == 2:
            return f"{self.choice(vocab.ADJECTIVES)} {adjective} {noun}"
        if layout == 3:
            return adjective
        if layout == 4:
            return noun
        return f"{self.word()} {noun}" if layout == 5 else f"{adjective} {self.word()}"

    def measure(self) -> str:
        """Draw a value with a clear end: quantity, range, size, clock time or interval."""
        layout = self.between(0, 7)
        if layout <= 3:
            return self.quantity()
        if layout == 4:
            return f"{self.between(0, 23)}:{self.between(0, 59):02d}"
        if layout == 5:
            return f"{self.between(2, 900)} to {self.between(2, 900)} {self.choice(vocab.UNITS)}"
        if layout == 6:
            return f"{self.between(2, 900)} x {self.between(2, 900)} {self.choice(('mm', 'cm'))}"
        return f"every {self.between(2, 60)} {self.choice(vocab.UNITS[:7])}"

    def value(self) -> str:
        """Draw a value of any kind."""
        make = self.choice(
            (
                self.measure,
                self.measure,
                self.measure,
                self.measure,
                self.number,
                self.code,
                self.code,
                self.code,
                self.person,
                self.person,
                self.name,
                self.date,
                self.phrase,
                self.phrase,
                self.word,
                self.email,
                self.phone,
                self.amount,
                self._coded_name,
            )
        )
        return make()

    def _coded_name(self) -> str:
        return f"{self.name()} {self.between(2, 99)}"

    def attribute(self) -> str:
        """Draw the name of a property, real or made up."""
        if self.chance(0.6):
            return self.choice(vocab.ATTRIBUTES)
        adjective, noun, layout = (
            self.choice(vocab.ADJECTIVES),
            self.choice(vocab.NOUNS),
            self.between(0, 5),
        )
        return (
            f"{self.choice(vocab.NOUNS)} {noun}",
            f"{adjective} {noun}",
            noun,
            f"{self.word()} {noun}",
            self.word(),
            f"{adjective} {self.choice(vocab.NOUNS)} {noun}",
        )[layout]

    def entity(self) -> str:
        """Draw the name of a product, company or other thing that has properties."""
        layout, name = self.between(0, 8), self.name()
        if layout == 6:
            return self.code()
        if layout in (0, 1):
            return f"{name} {self.between(1, 9) * self.choice((1, 10, 100))}"
        return name + self._entity_ending(layout)

    def product(self) -> str:
        """Draw the name of a product: two parts, the second often a number or a model word."""
        ending = self.choice((self._model_number, self.name, self._model_word))
        return f"{self.name()} {ending()}"

    def _model_number(self) -> str:
        return str(self.between(1, 9) * self.choice((10, 100)))

    def _model_word(self) -> str:
        return self.choice(MODEL_ENDINGS)

    def _entity_ending(self, layout: int) -> str:
        """What follows an entity's first name."""
        endings: dict[int, Callable[[], str]] = {
            2: lambda: "",
            3: lambda: f" {self.name()}",
            4: lambda: f"-{self.between(2, 99)}",
            5: lambda: f" {self.choice(vocab.NOUNS)}",
            7: lambda: f" {self.choice(MODEL_ENDINGS)}",
            8: lambda: f" {self.choice(vocab.NOUNS).capitalize()}",
        }
        return endings[layout]()

    def filler(self, count: int) -> str:
        """Draw meaningless running text."""
        words = []
        for _ in range(count):
            if self.chance(0.6):
                words.append(self.choice(vocab.FILLERS))
            elif self.chance(0.6):
                words.append(self.choice(vocab.NOUNS))
            else:
                words.append(self.choice(vocab.ADJECTIVES) if self.chance(0.5) else self.word())
        return " ".join(words)


def capital(text: str) -> str:
    """Put the first letter in upper case, leaving the rest alone."""
    return text[:1].upper() + text[1:]
