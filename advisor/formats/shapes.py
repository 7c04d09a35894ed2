"""The row shapes that are understood: a table from field names to the reader of such a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from advisor.formats.columns import COLUMNS, known_columns
from advisor.formats.pairs import (
    read_alpaca,
    read_chat,
    read_pair,
    read_prompt_completion,
    read_text,
    read_text_label,
)
from advisor.formats.preferences import (
    is_bit,
    is_mark,
    read_implicit_preference,
    read_marked_chat,
    read_preference,
    read_rejected_turn,
    read_unpaired,
)
from advisor.formats.turns import Turns
from advisor.formats.values import Fields, Keys
from advisor.schema.dataset import Kind

QUESTIONS = ("prompt", "query", "question", "instruction", "input", "problem", "article")
"""What people call what goes in; the first that a row has counts."""
ANSWERS = (
    "response",
    "answer",
    "output",
    "targets",
    "target",
    "answer_key",
    "answers",
    "solution",
    "completion",
    "summary",
    "highlights",
)
"""What people call what comes out. `text` and `content` are missing: alone they mean plain text."""
TURN_LISTS = ("messages", "conversations", "conversation")
LABELS = ("label", "category", "intent", "class")
NAMES_SHOWN = 3
MARKS = ("kto_tag", "label")


class Reader(Protocol):
    """Makes turns of a row's fields; raises RowError."""

    def __call__(self, fields: Fields, keys: Keys, /, *, accepts_numbers: bool) -> Turns:
        """`keys` name the fields of each part; a number is a target only where it is accepted."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One accepted row shape."""

    name: str
    keys: Keys
    """Needed fields; alternatives stand in one tuple."""
    read: Reader
    words: Keys
    """What each key serves as, in the words of `--map`."""
    optional: tuple[str, ...] = ()
    kind: Kind = "answers"
    when: Callable[[Fields], bool] | None = field(default=None, repr=False)
    """What must hold beyond the names."""
    accepts_numbers: bool = False
    """Whether a number may be a target: where the user says which field it is."""

    def fits(self, fields: Fields) -> bool:
        """Whether the row has every needed field."""
        return not self.missing(fields) and (self.when is None or self.when(fields))

    def missing(self, fields: Fields) -> tuple[str, ...]:
        """Needed fields the row lacks, alternatives joined by a bar."""
        return tuple(
            "|".join(group) for group in self.keys if not any(name in fields for name in group)
        )

    def known(self) -> frozenset[str]:
        """Every field name this shape looks at."""
        return frozenset((*self.optional, *(key for group in self.keys for key in group)))

    def turns(self, fields: Fields) -> Turns:
        """What a row of this shape says; raises RowError."""
        return self.read(fields, self.keys, accepts_numbers=self.accepts_numbers)

    def text(self) -> str:
        """The shape as a reader sees it: {input, output|target|answer}."""
        groups = (
            "|".join(group[:NAMES_SHOWN]) + ("|..." if len(group) > NAMES_SHOWN else "")
            for group in self.keys
        )
        return "{" + ", ".join(groups) + "}"

    def bound(self, mapping: Mapping[str, str]) -> Shape | None:
        """The shape with these fields in these parts; None when it has no such part."""
        own = {word: place for place, words in enumerate(self.words) for word in words}
        if not mapping.keys() <= own.keys():
            return None
        if not mapping:
            return self
        keys = list(self.keys)
        for word, name in mapping.items():
            keys[own[word]] = (name,)
        when = None if "label" in mapping else self.when
        return replace(self, keys=tuple(keys), accepts_numbers=True, when=when)

    def narrowed(self, fields: Fields) -> Shape:
        """The shape with the names of these fields in front, since rows are mostly alike."""
        return replace(
            self,
            keys=tuple(
                tuple(sorted(group, key=lambda name: name not in fields)) for group in self.keys
            ),
        )

    def mapping(self, fields: Fields) -> dict[str, str]:
        """Which of these fields serves as what."""
        return {
            words[0]: next(name for name in group if name in fields)
            for words, group in zip(self.words, self.keys, strict=True)
            if any(name in fields for name in group)
        }


INPUT, TARGET, REJECTED = ("input",), ("target",), ("rejected",)
PAIR = (INPUT, TARGET)
TRIPLE = (INPUT, TARGET, REJECTED)


def _has_no_better_answer(fields: Fields) -> bool:
    return "chosen" not in fields


def _is_marked(fields: Fields) -> bool:
    return any(is_mark(fields.get(name)) for name in MARKS)


def _has_bit(fields: Fields) -> bool:
    return any(is_bit(fields.get(name)) for name in MARKS)


SHAPES: tuple[Shape, ...] = (
    Shape(
        "preference",
        (("messages",), ("rejected_response", "rejected")),
        read_rejected_turn,
        (("messages",), REJECTED),
        kind="preference",
        when=_has_no_better_answer,
    ),
    Shape(
        "unpaired",
        (TURN_LISTS, MARKS),
        read_marked_chat,
        (("messages",), ("label",)),
        kind="unpaired",
        when=_is_marked,
    ),
    Shape(
        "messages",
        (("messages",),),
        read_chat,
        (("messages",),),
        optional=("parallel_tool_calls",),
    ),
    Shape(
        "preference",
        ((*QUESTIONS, *TURN_LISTS), ("chosen",), ("rejected", "rejected_response")),
        read_preference,
        TRIPLE,
        optional=("input",),
        kind="preference",
    ),
    Shape(
        "unpaired",
        (QUESTIONS, ANSWERS, MARKS),
        read_unpaired,
        (INPUT, TARGET, ("label",)),
        optional=("input",),
        kind="unpaired",
        when=_has_bit,
    ),
    Shape(
        "preference",
        (QUESTIONS, ANSWERS, ("rejected_response",)),
        read_preference,
        TRIPLE,
        optional=("input", "history"),
        kind="preference",
    ),
    Shape("prompt_completion", (("prompt",), ("completion",)), read_prompt_completion, PAIR),
    Shape("sharegpt", (("conversations", "conversation"),), read_chat, (("messages",),)),
    Shape(
        "alpaca",
        (("instruction",), ("output", "response")),
        read_alpaca,
        PAIR,
        optional=("input", "context", "history"),
    ),
    Shape(
        "preference",
        (("input",), ("preferred_output",), ("non_preferred_output",)),
        read_preference,
        TRIPLE,
        kind="preference",
    ),
    Shape(
        "preference",
        (("chosen",), ("rejected",)),
        read_implicit_preference,
        (TARGET, REJECTED),
        kind="preference",
    ),
    Shape("question_answer", (("question",), ("answer",)), read_pair, PAIR),
    Shape("input_output", (("input",), ("output", "target", "answer")), read_pair, PAIR),
    Shape("query_response", (QUESTIONS, ANSWERS), read_pair, PAIR, optional=("history",)),
    Shape(
        "text_label",
        (("text", "sentence", "headline"), LABELS),
        read_text_label,
        (("text", "input"), ("label", "target")),
    ),
    Shape("query_label", (QUESTIONS, LABELS), read_text_label, (INPUT, ("target", "label"))),
    Shape("text", (("text",),), read_text, (("text", "target"),), kind="text"),
)
"""In the order in which they are tried."""


def row_fields() -> frozenset[str]:
    """Every field name that some shape needs."""
    return frozenset(name for shape in SHAPES for group in shape.keys for name in group)


def known_fields() -> frozenset[str]:
    """Every field name that some shape or column looks at."""
    return known_columns().union(*(shape.known() for shape in SHAPES))


def accepted_shapes() -> str:
    """All row shapes in one sentence."""
    names = dict.fromkeys(shape.name for shape in SHAPES)
    fullest = [max((s for s in SHAPES if s.name == name), key=_parts) for name in names]
    shapes = ", ".join(shape.text() for shape in sorted(fullest, key=lambda s: _parts(s) > 2))
    return f"Accepted rows: {shapes}; optional beside them: {', '.join(COLUMNS)}."


def _parts(shape: Shape) -> int:
    return len(shape.keys)
