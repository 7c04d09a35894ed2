"""Sentences of a text, and whether a passage supports one: by words, numbers, names, negation."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from advisor.builtin.metrics.numeric import numbers

COVERAGE = 0.75
"""Share of a statement's content words that one passage must have."""
_ABBREVIATED = (
    "mr mrs ms dr prof st sr jr vs etc e.g i.e cf no fig approx inc ltd co dept est z.b d.h bzw nr"
)
_SHORT = {f"{word}." for word in _ABBREVIATED.split()}
_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\s\Wa-zß-öø-ÿ])|(?<=[。！？])")  # noqa: RUF001
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")  # noqa: RUF001
_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")  # noqa: RUF001
_STOP = frozenset(
    """a about above after again all also am an and any are as at be because been before being below
    between both but by can could did do does doing down during each either else ever every few for
    from further get got had has have having he her here hers him his how however i if in into is it
    its itself just like made make may me might mine more most much must my near need now of off on
    once one only onto or other our ours out over own per please quite rather really same shall she
    should since so some such than that the their theirs them then there therefore these they thing
    this those though through thus to too toward towards under until up upon us very via was we well
    were what when where which while who whom whose why will with within would yes you your yours
    according answer based context document passage states stated mentioned provided text says said
    der die das den dem des ein eine einen einem einer eines und oder ist sind war waren wird werden
    mit von zu zum zur im in am auf für aus bei nach es sie er wir ihr ich du als auch dass sich
    le la les un une des et est sont dans pour par sur avec que qui ce cette au aux du de el los las
    una y es son en por para con se""".split()  # noqa: SIM905 - a list of words reads better so
)
_NOT = frozenset(
    """not no never none nor neither nobody nothing without cannot hardly nicht kein keine keinen
    keiner nie niemals ohne pas jamais aucun aucune sans nunca ningun ninguna sin""".split()  # noqa: SIM905
)
_ENDINGS = frozenset(
    """s es ed d ing er ers ly e y ies ied en n r rs or ors ion ions em t te ten""".split()  # noqa: SIM905
) | {""}
_OTHER_WORDS = ({"", "e"}, {"", "n"}, {"", "y"}, {"", "t"}, {"", "te"})
"""Pairs of endings that mostly make another word: car and care, plan and plant."""
_LONGEST_ENDING = 4


class Support(NamedTuple):
    """Whether a statement is supported, and what is missing where it is not."""

    holds: bool
    lacking: str = ""


def sentences(text: str) -> list[str]:
    """Sentences of a text; each line and each bullet ends one."""
    found: list[str] = []
    for line in text.splitlines():
        pieces = _END.split(_BULLET.sub("", line).strip())
        joined: list[str] = []
        for piece in filter(None, map(str.strip, pieces)):
            if joined and joined[-1].split()[-1].casefold().lstrip("(\"'") in _SHORT:
                joined[-1] += f" {piece}"
            else:
                joined.append(piece)
        found += joined
    return found


def statements(text: str) -> list[str]:
    """The sentences that state something: questions and sentences without a content word do not."""
    return [
        sentence
        for sentence in sentences(text)
        if not sentence.rstrip("\"'”’) ").endswith("?")  # noqa: RUF001
        and (content_words(sentence) or numbers(sentence))
    ]


def content_words(text: str) -> list[str]:
    """Words that carry meaning, in lower case and without accents; numbers are not among them."""
    return [
        word
        for word in map(_plain, _WORD.findall(text))
        if word not in _STOP and word not in _NOT and not word[0].isdigit() and not _denies(word)
    ]


def names(sentence: str) -> set[str]:
    """Words that must stand in the passage as they are.

    Those in capitals that do not open the sentence, and codes: letters with digits (E-404).
    """
    found = set()
    for place, match in enumerate(_WORD.finditer(sentence)):
        word = match.group()
        letters, digits = any(map(str.isalpha, word)), any(map(str.isdigit, word))
        is_code = letters and digits and not word[0].isdigit()
        opens = place == 0 or sentence[: match.start()].rstrip()[-1:] in {":", "“", '"'}
        inner = any(map(str.isupper, word[1:]))
        if is_code or inner or (word[0].isupper() and not opens and len(word) > 1):
            found.add(_plain(word))
    return {word for word in found if word not in _STOP}


def supported(statement: str, passage: str, *, coverage: float = COVERAGE) -> Support:
    """Whether the passage has the statement's numbers, names and content words, denied alike.

    Words are the same when equal or when one ending differs (measured, measures). The denial is
    compared with the passage's sentence that shares most content words. What this cannot see:
    synonyms (not supported), opposites, exchanged roles and stretched amounts said with the same
    words (supported).
    """
    there = _read(passage)
    missing = [f"{n.value:g}" for n in numbers(statement) if n.value not in there.values]
    missing += sorted(n for n in names(statement) if not {n, f"{n}s"} & there.whole.words)
    if missing:
        return Support(holds=False, lacking=", ".join(missing[:3]))
    words = content_words(statement)
    absent = [word for word in words if word not in there.whole]
    if words and 1 - len(absent) / len(words) < coverage:
        return Support(holds=False, lacking=", ".join(absent[:3]))
    if _is_denied(statement) != there.denied[_closest(words, there)]:
        return Support(holds=False, lacking="denied on one side alone")
    return Support(holds=True)


class _Words:
    """Words of a text, found up to their ending."""

    def __init__(self, text: str) -> None:
        self.words = {_plain(word) for word in _WORD.findall(text)}
        self._alike: dict[str, list[str]] = {}
        for word in self.words:
            self._alike.setdefault(word[:3], []).append(word)

    def __contains__(self, word: str) -> bool:
        if word in self.words:
            return True
        return any(_akin(word, other) for other in self._alike.get(word[:3], ()))


class _Passage(NamedTuple):
    """A passage as `supported` looks at it."""

    whole: _Words
    values: set[float]
    sentences: tuple[_Words, ...]
    denied: tuple[bool, ...]


@lru_cache(maxsize=2048)
def _read(passage: str) -> _Passage:
    """The passage taken apart; one passage serves many statements."""
    found = sentences(passage) or [passage]
    return _Passage(
        whole=_Words(passage),
        values={number.value for number in numbers(passage)},
        sentences=tuple(map(_Words, found)),
        denied=tuple(map(_is_denied, found)),
    )


def _closest(words: list[str], passage: _Passage) -> int:
    """Place of the passage's sentence that shares most of the words; the first of those."""
    shared = [sum(word in there for word in words) for there in passage.sentences]
    return shared.index(max(shared))


def _is_denied(sentence: str) -> bool:
    """Whether it holds an odd number of denials."""
    words = [_plain(word) for word in _WORD.findall(sentence)]
    return sum(word in _NOT or _denies(word) for word in words) % 2 == 1


def _denies(word: str) -> bool:
    return word.endswith("n't")


def _plain(word: str) -> str:
    folded = unicodedata.normalize("NFKD", word.replace("’", "'")).casefold()  # noqa: RUF001
    return "".join(c for c in folded if not unicodedata.combining(c)).removesuffix("'s")


def _akin(a: str, b: str) -> bool:
    """Whether two words are one stem of three letters or more with different endings.

    'measured' and 'measures', 'cleaning' and 'cleaned'; not 'contract' and 'contrast'.
    """
    short, long = sorted((a, b), key=len)
    if len(short) < 3 or len(long) - len(short) > _LONGEST_ENDING or short[:3] != long[:3]:
        return False
    same = (x == y for x, y in zip(short, long, strict=False))
    stem = next((at for at, is_same in enumerate(same) if not is_same), len(short))
    ends = {short[stem:], long[stem:]}
    while not ends <= _ENDINGS and stem > 3 and len(long) - stem < _LONGEST_ENDING:
        stem -= 1
        ends = {short[stem:], long[stem:]}
    return ends <= _ENDINGS and ends not in _OTHER_WORDS
