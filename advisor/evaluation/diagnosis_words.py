"""Answers in one form, so that the same thing said otherwise reads alike."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

ALIKE = 0.8
"""Share of content words in common (F1) from which two answers say the same."""
SHORT = 6
"""Content words up to which a target is looked for as it stands and may stand in a long answer."""
LONG = 12
"""Content words beyond which an answer may lack some of the target's: a shorter one would then say
another thing."""
PAIR = 2
"""Words of a figure with its unit, which may stand before it."""
LONGEST_ANSWER = 40
"""Words beyond which mentioning the target is no answer any more."""
_EAST = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_EAST}]|[^\W_{_EAST}]+(?:[+#]+(?!\w))?")
_GROUPED = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}(?!\d))")
_DECIMAL = re.compile(r"(?<![\w.])(\d+)\.(\d+)(?![\w.]*\d)")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s\b")  # noqa: RUF001 - the apostrophe people write
_GLUED = re.compile(r"(?<=\d)(?=(?!st\b|nd\b|rd\b|th\b)[^\W\d_]{1,3}\b)")
_ISO = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
_DOTTED = re.compile(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})\b")
MONTHS = (
    ("january", "jan", "januar", "janvier"),
    ("february", "feb", "februar", "février"),
    ("march", "mar", "märz", "mars"),
    ("april", "apr", "avril"),
    ("may", "mai"),
    ("june", "jun", "juni", "juin"),
    ("july", "jul", "juli", "juillet"),
    ("august", "aug", "août"),
    ("september", "sep", "sept", "septembre"),
    ("october", "oct", "oktober", "octobre"),
    ("november", "nov", "novembre"),
    ("december", "dec", "dezember", "décembre"),
)
_MONTH = {name: place for place, names in enumerate(MONTHS, start=1) for name in names}
_NAMED = "|".join(sorted(_MONTH, key=len, reverse=True))
_DAY_FIRST = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?({_NAMED})\.?,?\s+(\d{{4}})\b"
)
_MONTH_FIRST = re.compile(rf"\b({_NAMED})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})\b")
_ORDINAL = re.compile(r"^(\d+)(?:st|nd|rd|th)$")
NUMBERS = {
    word: str(number)
    for number, words in enumerate(
        (
            "zero zeroth", "one first", "two second", "three third", "four fourth", "five fifth",
            "six sixth", "seven seventh", "eight eighth", "nine ninth", "ten tenth",
            "eleven eleventh", "twelve twelfth", "thirteen thirteenth", "fourteen fourteenth",
            "fifteen fifteenth", "sixteen sixteenth", "seventeen seventeenth",
            "eighteen eighteenth", "nineteen nineteenth", "twenty twentieth",
        )
    )
    for word in words.split()
}  # fmt: skip
NUMBERS |= {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80",
    "ninety": "90",
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
UNITS = {
    "%": "percent", "pct": "percent", "prozent": "percent", "litre": "l", "liter": "l",
    "metre": "m", "meter": "m", "kilometre": "km", "kilometer": "km", "centimetre": "cm",
    "centimeter": "cm", "millimetre": "mm", "millimeter": "mm", "kilogram": "kg", "gram": "g",
    "gramme": "g", "kilo": "kg", "hour": "h", "hr": "h", "minute": "min", "second": "s",
    "sec": "s", "$": "dollar", "usd": "dollar", "€": "euro", "eur": "euro", "£": "pound",
    "gbp": "pound", "celsius": "c", "°c": "c", "degree": "c", "°": "c", "mile": "mi",
    "&": "and",
}  # fmt: skip
_SIGNS = re.compile(r"[%$€£°&]")
_STOP = (
    "a an the of in on at to for from by with and or is are was were be been it its this that these"
    " those as about into than then there their his her our your my he she they we you i do does"
    " did has have had will would can could should may might who what which when where why how der"
    " die das ein eine einer und oder ist sind war im am zu für von mit le la les un une des du de"
    " et est"
)
STOP = frozenset(_STOP.split())
ARTICLES = frozenset({"a", "an", "the"})
_NOT = "not no never neither nor without none cannot nicht kein keine nie pas non sin"
NEGATIONS = frozenset(_NOT.split())
_DENIALS = re.compile(
    r"\b(can|do|does|did|is|are|was|were|has|have|had|wo|would|could|should)n['’]t\b"  # noqa: RUF001
)
_TURNS = (
    "except excluding excluded besides unlike opposite contrary instead rather than former formerly"
    " previously against until before after but and or oder versus vs und less more under over"
)
TURNS = frozenset(_TURNS.split())
"""Words that make another thing of what stands beside them."""
_NEUTRAL = (
    "all total about approximately roughly there here them find found locate located store stored"
    " keep kept place placed come came stand live call called name named say said state stated use"
    " used take took make made happen happened occur occurred be only just exactly so で す だ"
)
NEUTRAL = STOP | frozenset(_NEUTRAL.split())
"""Words around an answer that add nothing to it: stop words and those of being somewhere, being
called, coming from."""
_BEGINS = re.compile(r"[\s,]+(?:as|when|where|which|because|since|according)\b")
_CLAUSE = re.compile(_BEGINS.pattern + r"[^A-Z\d]*$")
"""What may follow an answer: a clause without a name or a figure."""
_IDENTIFIER = re.compile(r"^\w+_\w+$")
_ENDING = re.compile(r"(?:ing|ed|es|d|s|e)$")
STRUCTURE = re.compile(r"[\[\]{}|<>=;#\\]|//|\s[-/:]\s|\n")
"""Marks by which a target has fields."""
PIECE = 1 << 20
"""Characters of a long text that are taken at once."""


def pieces(text: str) -> Iterator[str]:
    """A text in pieces of about a million characters, cut at white space where there is some."""
    start = 0
    while start < len(text):
        end = start + PIECE
        if end < len(text):
            space = text.rfind(" ", start + PIECE // 2, end)
            end = space + 1 if space > 0 else end
        yield text[start:end]
        start = end


def words(text: str) -> list[str]:
    """Words of a text in one form: lower case, numbers as digits, dates as year, month, day.

    Punctuation and English articles are gone; signs that end a word (C++) stay; scripts without
    spaces give one word a character.
    """
    return list(_in_form(_WORD.findall(_plain(text))))


def _plain(text: str) -> str:
    """The text with dates, grouped numbers and signs spelt in one way."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _GROUPED.sub("", _POSSESSIVE.sub("", _DENIALS.sub(r"\1 not", text)))
    if any(char.isdigit() for char in text):
        text = _DECIMAL.sub(_decimal, _with_dates(_GLUED.sub(" ", text)))
    return _SIGNS.sub(lambda match: f" {UNITS[match[0]]} ", text)


def _with_dates(text: str) -> str:
    text = _DAY_FIRST.sub(lambda m: _date(m[3], _MONTH[m[2]], m[1]), text)
    text = _MONTH_FIRST.sub(lambda m: _date(m[3], _MONTH[m[1]], m[2]), text)
    text = _ISO.sub(lambda m: _date(m[1], m[2], m[3]), text)
    return _DOTTED.sub(lambda m: _date(m[3], m[2], m[1]), text)


def _date(year: str, month: str | int, day: str) -> str:
    """One word for a date; 13 and more can only be a day, so the order of the two is mended."""
    first, second = int(month), int(day)
    if first > 12 >= second:
        first, second = second, first
    return f" {int(year):04}d{first:02}d{second:02} "


def _decimal(match: re.Match[str]) -> str:
    """3.0 as 3, 1.50 as 1p5: a word in one piece."""
    fraction = match[2].rstrip("0")
    return f"{int(match[1])}p{fraction}" if fraction else str(int(match[1]))


def _in_form(found: Sequence[str]) -> Iterator[str]:
    """Forms in order; twenty-one is 21, two million 2000000."""
    last = ""
    is_ten = False
    for word in found:
        form = word_form(word)
        if is_ten and word in NUMBERS and len(form) == 1:
            last, is_ten = last[0] + form, False
            continue
        if word in _SCALES and last[:1].isdigit() and "d" not in last:
            last, is_ten = _scaled(last, _SCALES[word]), False
            continue
        if last and last not in ARTICLES:
            yield last
        last, is_ten = form, word in NUMBERS and len(form) == len("20") and form[1] == "0"
    if last and last not in ARTICLES:
        yield last


def _scaled(figure: str, scale: int) -> str:
    value = float(figure.replace("p", ".")) * scale if "p" in figure else int(figure) * scale
    return str(round(value))


@lru_cache(maxsize=1 << 16)
def word_form(word: str) -> str:
    """One word in its form: numbers as digits, units by their sign, no plural."""
    if word in NUMBERS:
        return NUMBERS[word]
    ordinal = _ORDINAL.match(word)
    if ordinal:
        return ordinal[1]
    if word.isdigit():
        return str(int(word)) if len(word) < 10 else word.lstrip("0")
    stem = _singular(word)
    return UNITS.get(stem, UNITS.get(word, stem))


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") and len(word) > 4 else word[:-1]


def content(found: Sequence[str]) -> list[str]:
    """The words that carry meaning; all of them where none does."""
    return [word for word in found if word not in STOP] or list(found)


def overlap(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """2 x shared / all words; 0 where either has none."""
    if not ours or not theirs:
        return 0.0
    return 2 * (Counter(ours) & Counter(theirs)).total() / (len(ours) + len(theirs))


def figures(found: Sequence[str]) -> Counter[str]:
    """The words that hold a digit, with their counts."""
    return Counter(word for word in found if any(char.isdigit() for char in word))


def denies(found: Sequence[str]) -> bool:
    """Whether an odd number of words deny: 'not' turns a sentence round."""
    return sum(word in NEGATIONS for word in found) % 2 == 1


def stands_in(short: Sequence[str], long: Sequence[str]) -> int:
    """Where the words stand in this order, without another between; -1 where they do not."""
    if not short:
        return -1
    size, first = len(short), short[0]
    return next(
        (
            place
            for place in range(len(long) - size + 1)
            if long[place] == first and list(long[place : place + size]) == list(short)
        ),
        -1,
    )


def same_words(answer: str, target: str) -> bool:
    """Whether the two are one after all marks, articles, numbers, units and dates are alike."""
    ours, theirs = words(answer), words(target)
    if not ours or not theirs:
        return False
    return ours == theirs or (not figures(ours) and "".join(ours) == "".join(theirs))


def same_fields(answer: str, target: str) -> bool:
    """Whether a target with marks of structure has its words in the answer, in any order.

    '[FIN-16] K8 // Ann' against 'Ann, FIN-16, K8': the content is there, the form is not.
    """
    if not STRUCTURE.search(target):
        return False
    return Counter(words(answer)) == Counter(words(target)) and bool(words(target))


def means_the_same(answer: str, target: str, question: str = "") -> str:
    """Why a free answer says what the target says, in words; empty where that cannot be shown.

    A short target must stand in the answer in its order, and what stands around it must add
    nothing: stop words, the question's own, a clause without names. A longer one shares most words.
    """
    ours, theirs = words(answer), words(target)
    if not ours or not theirs or denies(ours) != denies(theirs) or _IDENTIFIER.match(target):
        return ""
    core, told = content(theirs), content(ours)
    if figures(ours) != figures(theirs):
        return ""
    if len(core) <= SHORT:
        if len(ours) <= LONGEST_ANSWER and _said(answer, theirs, question):
            return "the reference stands inside a longer answer that adds nothing"
        return ""
    shared = overlap(told, core)
    is_whole = len(core) > LONG or not Counter(core) - Counter(told)
    is_turned = bool((set(ours) ^ set(theirs)) & (TURNS - {"and"}))
    if shared >= ALIKE and is_whole and not is_turned:
        return f"{round(100 * shared)} % of the words that matter are the same"
    return ""


def _said(answer: str, theirs: Sequence[str], question: str) -> bool:
    """The target stands in the answer, among words that add nothing to it.

    The question's own words add nothing, but where they hold the target: then it may be repeated,
    and an answer that only repeats it says nothing.
    """
    ours = words(answer)
    if len(ours) == PAIR and figures(ours) and Counter(ours) == Counter(theirs):
        return True
    wanted = theirs
    if stands_in(wanted, ours) < 0:
        wanted, ours = content(theirs), content(ours)
    place = stands_in(wanted, ours)
    if place < 0:
        return False
    before, behind = ours[:place], ours[place + len(wanted) :]
    asked = words(question)
    if stands_in(words(answer), asked) >= 0 and len(wanted) < len(content(ours)):
        return False
    own = set() if set(wanted) <= set(asked) else {_stem(word) for word in asked}
    if TURNS & {*words(answer)} - {*theirs} or not _adds_nothing(before, own):
        return False
    return _adds_nothing(behind, own) or _is_clause(answer, behind)


def _adds_nothing(around: Sequence[str], own: set[str]) -> bool:
    return all(word in NEUTRAL or _stem(word) in own for word in around)


def _is_clause(answer: str, behind: Sequence[str]) -> bool:
    """Whether the last words of an answer are a clause of their own without names."""
    ends = (answer[match.start() :].rstrip(" .!") for match in _BEGINS.finditer(answer))
    return any(_CLAUSE.match(end) and len(words(end)) >= len(behind) for end in ends)


def _stem(word: str) -> str:
    return _ENDING.sub("", word) if len(word) > 2 else word


def same_label(answer: str, target: str, labels: frozenset[str]) -> bool:
    """Whether an answer is the label with a slip of the pen, and no other label.

    `labels` in the form of `label_form`. Words in common prove nothing: card arrival is not card
    linking.
    """
    ours, theirs = label_form(answer), label_form(target)
    if ours == theirs:
        return True
    if ours in labels or not ours or figures(ours.split()) != figures(theirs.split()):
        return False
    allowed = 0 if len(theirs) < 5 else 1 if len(theirs) < 10 else 2
    if abs(len(ours) - len(theirs)) > allowed or denies(ours.split()) != denies(theirs.split()):
        return False
    if _edits(ours, theirs) > allowed:
        return False
    nearest = min(labels | {theirs}, key=lambda label: (_edits(ours, label), label != theirs))
    return nearest == theirs


def label_form(text: str) -> str:
    """A label as words: card_arrival, 'Card arrival.' and cardArrival are one."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return " ".join(_in_form(_WORD.findall(_plain(parted))))


@lru_cache(maxsize=1 << 14)
def _edits(one: str, other: str) -> int:
    """Letters to put in, take out or change (Levenshtein)."""
    before = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        now = [row]
        for column, (pair, mark) in enumerate(zip(pairwise(before), other, strict=True), start=1):
            diagonal, above = pair
            now.append(min(above + 1, now[column - 1] + 1, diagonal + (letter != mark)))
        before = now
    return before[-1]
