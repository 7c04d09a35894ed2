"""Targets that stop in the middle: of a word, a sentence, a code block or a JSON text."""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.patterns import patterns

FENCE = "```"
_ENDS_WELL = re.compile(
    "[.!?…:;\u3002\uff01\uff1f\u061f\u0964\"'”\u2019»)\\]}>*`~|✓\u263a-\u26ff\U0001f000-\U0001faff]\\s*\\Z"
)
_WORD = re.compile(r"[^\W\d_]+\Z")
_HANGING = frozenset(
    "a an the and or but of to in on at for from with by as is are was were be that which this"  # noqa: SIM905
    " these their its his her my your our because if when while into than such not der die das und"
    " oder mit von zu ein eine le la les et de du des".split()
)
FEWEST_WORDS = 5
"""Words below which a target is no sentence."""
VOCABULARY = 200_000
SENTENCES = 5_000


class Endings:
    """Looks for targets that were cut."""

    def __init__(self) -> None:
        self._figures = patterns("thresholds").figures
        self._broken = array("L")
        self._open = array("L")
        self._hanging = array("L")
        self._cut_word: dict[int, str] = {}
        self._words: Counter[str] = Counter()
        self._prose = 0

    def see(self, look: Look) -> None:
        """Take one row."""
        text = look.sample.target.rstrip()
        if is_unclosed(text):
            self._broken.append(look.place)
            return
        words = look.target.split()
        if self._prose < SENTENCES and len(self._words) < VOCABULARY:
            self._words.update({word.strip(".,;:!?\"'()") for word in words})
        if len(words) < FEWEST_WORDS or text.startswith(("{", "[", "<", FENCE)):
            return
        self._prose += 1
        if _ENDS_WELL.search(text):
            return
        self._open.append(look.place)
        last = words[-1]
        if text.endswith((",", "(", "[", "{", " -")) or last in _HANGING:
            self._hanging.append(look.place)
        elif _WORD.search(last) and len(self._cut_word) < 100_000:
            self._cut_word[look.place] = last

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for cut targets."""
        cut = set(self._broken) | self._unfinished()
        ends_well = self._prose - len(self._open)
        is_certain = bool(self._broken) or self._share >= self._figures["ends_well_share"]
        if cut:
            first = min(cut)
            yield Found(
                "truncated_targets",
                "warning" if is_certain else "note",
                cut,
                f"{counted(len(cut), 'target')} ending in the middle of a word, a sentence, code"
                f" or JSON; the first is {whole.ledger.where(first)}."
                + (
                    f" {ends_well} of {self._prose} sentences end with an end mark."
                    if cut & set(self._open)
                    else ""
                ),
                "Complete or delete them: a model learns to stop there too.",
            )

    @property
    def _share(self) -> float:
        """Share of the sentences that end with an end mark."""
        return 1 - len(self._open) / self._prose if self._prose else 0.0

    def _unfinished(self) -> set[int]:
        """Sentences without an end, as far as the others have one.

        Where hardly any lacks an end mark, each that does; where some do by custom, only those
        that end with a comma, a word that calls for another, or a word nobody else uses.
        """
        figures = self._figures
        share = self._share
        if self._prose >= figures["targets_to_judge"] and share >= figures["ends_well_share"]:
            return set(self._open)
        cut = set(self._hanging) if len(self._hanging) <= 0.2 * self._prose else set()
        if (
            self._prose >= figures["targets_to_judge"]
            and share >= figures["mostly_ends_well_share"]
        ):
            known = sorted(self._words)
            cut |= {n for n, word in self._cut_word.items() if self._is_cut_word(word, known)}
        return cut

    def _is_cut_word(self, word: str, known: list[str]) -> bool:
        """Whether a word that stands nowhere else begins another one."""
        after = bisect_right(known, word)
        return self._words[word] <= 1 and after < len(known) and known[after].startswith(word)


def is_unclosed(text: str) -> bool:
    """Whether a code block is not closed, or a text that begins as JSON does not end as JSON."""
    if text.count(FENCE) % 2:
        return True
    if text.startswith(("{", '["', "[{")) and len(text) > 1:
        return _lacks_its_end(text)
    return False


def _lacks_its_end(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return bool(re.match(r'\{\s*"|\[', text)) and (
            error.pos >= len(text.rstrip())
            or error.msg.startswith("Unterminated string")
            or any(word.startswith(text[error.pos :]) for word in ("true", "false", "null", "-"))
        )
    except (ValueError, RecursionError):
        return False
    return False
