"""Targets that hold a stand-in where an answer should be."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.data_check.normal import normalise
from advisor.schema.evaluation import Sample

PLACEHOLDERS = frozenset(
    {
        "-", "--", "---", "?", "??", "???", "...", "…", ".", "n/a", "#n/a", "nan", "null", "none",
        "nil", "undefined", "tbd", "tba", "todo", "fixme", "xxx", "[todo]", "<todo>", "[empty]",
        "<empty>", "lorem ipsum", "placeholder", "[placeholder]", "<placeholder>", "missing",
        "[answer]", "<answer>", "your answer here", "[your answer here]", "answer here",
        "#ref!", "#value!", "[deleted]", "[removed]",
    }
)  # fmt: skip
OPENINGS = (
    "todo:", "tbd:", "fixme:", "lorem ipsum dolor", "[insert ", "<insert ", "[your ", "<your ",
    "[fill in", "<fill in", "{{answer", "{{output",
)  # fmt: skip
LONGEST = 400
"""Letters from which a target is no stand-in."""
SHARE_OF_A_LABEL = 0.05
"""A stand-in this frequent is more likely a label that means "nothing"."""


def placeholders(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Samples whose target looks like a cell nobody filled in."""
    return tuple(sample for sample in samples if is_placeholder(normalise(sample.target)))


def is_placeholder(target: str) -> bool:
    """Whether a normalised target stands in for an answer that is not there."""
    return target in PLACEHOLDERS or target.startswith(OPENINGS)


class Placeholders:
    """Looks for targets that nobody filled in."""

    def __init__(self) -> None:
        self._places = array("L")
        self._first = ""

    def see(self, look: Look) -> None:
        """Take one row."""
        target = look.sample.target
        if len(target) < LONGEST and is_placeholder(normalise(target)):
            self._first = self._first or look.sample.target.strip()[:40]
            self._places.append(look.place)

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for targets that look unfilled."""
        guilty = len(self._places)
        if not guilty:
            return
        frequent = whole.has_labels and guilty / whole.rows >= SHARE_OF_A_LABEL
        yield Found(
            "placeholder_targets",
            "note" if frequent else "warning",
            self._places,
            f"{counted(guilty, 'target')} like a cell nobody filled in, such as '{self._first}'.",
            "Fill them in or delete the rows, unless this is one of your labels.",
        )
