"""The interview's sentences in one language, read from `rules/language/`; gaps fall to English."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from advisor.errors import InputError, RuleParseError
from advisor.rulebook.reading import Faults, note_invalid, read, suggestion
from advisor.schema.base import Value
from advisor.schema.facts import Fact
from advisor.schema.rule import Scalar

ENGLISH = "en"
FOLDER = "language"
HINT = "rules/language/en.yaml shows the format: a language file has the same keys."


class FactTexts(Value):
    """What a language says of one fact; empty means: as `rules/facts.yaml` says it."""

    label: str = ""
    """Two or three words for lists."""
    question: str = ""
    meaning: str = ""
    why: str = ""
    help: str = ""
    choices: dict[str, str] = Field(default_factory=dict)
    presets: dict[str, str] = Field(default_factory=dict)
    """Label of each preset by its value as text."""


class Language(Value):
    """All sentences of the interview in one language."""

    code: str
    name: str
    """The language's own name for itself."""
    decimal: str = "."
    thousands: str = ","
    words: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """What may be typed for yes, no, back, why, stop, review and unknown."""
    keys: dict[str, str] = Field(default_factory=dict)
    """The key that stands for back, why, stop, review, unknown, yes and no in a list."""
    texts: dict[str, str] = Field(default_factory=dict)
    """Sentences with their places in braces."""
    approaches: dict[str, str] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)
    """Provenance of a fact -> how lists name it."""
    units: dict[str, str] = Field(default_factory=dict)
    facts: dict[str, FactTexts] = Field(default_factory=dict)
    contradictions: dict[str, str] = Field(default_factory=dict)
    """What is said of answers that do not go together (`rules/contradictions.yaml`)."""

    def say(self, key: str, **values: object) -> str:
        """The sentence with its places filled."""
        return self.texts[key].format_map(values)

    def of(self, fact: Fact) -> FactTexts:
        """Everything said of a fact, the vocabulary's own English where the language is silent."""
        own = self.facts.get(fact.id, FactTexts())
        return own.model_copy(
            update={
                "label": own.label or fact.id.partition(".")[2].replace("_", " "),
                "question": own.question or fact.question,
                "meaning": own.meaning or fact.meaning,
                "why": own.why or fact.why,
                "help": own.help or fact.help,
                "presets": {
                    number_key(p.value): own.presets.get(number_key(p.value), p.label)
                    for p in fact.presets
                },
            }
        )

    def choice(self, fact: Fact, name: str) -> str:
        """One choice of a fact in words."""
        return self.of(fact).choices.get(name) or name.replace("_", " ")

    def number(self, value: float) -> str:
        """A number as this language writes it, never with more digits than it has."""
        text = f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
        marks = {",": self.thousands, ".": self.decimal}
        return "".join(marks.get(sign, sign) for sign in text)

    def value(self, fact: Fact, value: Scalar) -> str:
        """A fact's value in words."""
        if isinstance(value, bool):
            return self.say("yes" if value else "no")
        if isinstance(value, str):
            return self.choice(fact, value) if fact.choices else value
        preset = self.of(fact).presets.get(number_key(value))
        return preset or self.measure(fact, value)

    def measure(self, fact: Fact, value: float) -> str:
        """A number with its unit; shares of one are told in per cent."""
        if fact.unit == "share of 1":
            return f"{self.number(round(value * 100, 2))} %"
        unit = self.units.get(fact.unit, fact.unit)
        return f"{self.number(value)} {unit}".strip()

    def either(self, names: Sequence[str]) -> str:
        """The names in a row, "or" before the last."""
        row, last = ", ".join(names[:-1]), names[-1] if names else ""
        return f"{row}{self.say('or')}{last}" if row else last

    def source(self, provenance: str, origin: str = "") -> str:
        """Where a fact comes from, in words; `origin` names the file or model."""
        usual = self.texts.get(f"origin_{provenance.rpartition(' ')[2]}", "")
        return self.sources.get(provenance, provenance).format(origin=origin or usual)

    def approach(self, name: str | None) -> str:
        """An approach in words; none means that not enough is known."""
        if name is None:
            return self.say("not_enough_known")
        return self.approaches.get(name) or name.replace("_", " ")


def number_key(value: float) -> str:
    """A preset's value as the key under which a language names it."""
    return f"{value:.12g}"


def languages(root: Path) -> tuple[str, ...]:
    """Codes of the languages that `rules/` holds."""
    return tuple(sorted(file.stem for file in (root / FOLDER).glob("*.yaml")))


def load_language(root: Path, code: str = ENGLISH) -> Language:
    """The language, English wherever its file is silent.

    Raises InputError for a language that is not there, RuleParseError for a faulty file.
    """
    known = languages(root)
    if code not in known:
        near = suggestion(code, known)
        raise InputError(
            f"There is no language '{code}'{near}",
            hint=f"There is: {', '.join(known)}. A new one is one file in rules/{FOLDER}/.",
        )
    english = _read(root, ENGLISH)
    return english if code == ENGLISH else _over(english, _read(root, code))


def _read(root: Path, code: str) -> Language:
    faults = Faults()
    path = root / FOLDER / f"{code}.yaml"
    document = read(path, faults, shown=f"{FOLDER}/{code}.yaml")
    content = document.content if document else {}
    if document and not isinstance(content, dict):
        faults.add(document.place(()), "a language file is a set of texts")
    faults.raise_as(RuleParseError, hint=HINT)
    try:
        return Language.model_validate({**content, "code": code})
    except ValidationError as error:
        if document:
            note_invalid(document, error, faults)
        faults.raise_as(RuleParseError, hint=HINT)
        raise


def _over(base: Language, own: Language) -> Language:
    """The own texts laid over those of the base, table by table."""
    tables = (
        "words",
        "keys",
        "texts",
        "approaches",
        "sources",
        "units",
        "facts",
        "contradictions",
    )
    merged = {
        table: {**getattr(base, table), **{k: v for k, v in getattr(own, table).items() if v}}
        for table in tables
    }
    facts = {
        fact: _fact_over(base.facts.get(fact, FactTexts()), texts)
        for fact, texts in merged["facts"].items()
    }
    return own.model_copy(update=merged | {"facts": facts})


def _fact_over(base: FactTexts, own: FactTexts) -> FactTexts:
    return FactTexts(
        label=own.label or base.label,
        question=own.question or base.question,
        meaning=own.meaning or base.meaning,
        why=own.why or base.why,
        help=own.help or base.help,
        choices={**base.choices, **own.choices},
        presets={**base.presets, **own.presets},
    )
