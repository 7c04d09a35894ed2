"""Right or wrong: the number in the answer is the reference's, within a tolerance."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple, Self

from advisor.builtin.metrics.normalise import normalised
from advisor.builtin.metrics.options import number_from, one_of, read_options
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

OPTIONS = {
    "absolute": number_from(0),
    "relative": number_from(0, 1),
    "pick": one_of("last", "first", "only"),
    "decimal": one_of("point", "comma"),
    "percent": one_of("either", "strict"),
}
ROUNDING = 1e-15
"""Relative error that a number read and scaled may have; doubles have 16 digits."""
SPACES = "\u00a0\u2009\u202f"
_BODY = r"(?:\d{{1,3}}(?:{group}\d{{3}})+(?!\d)|\d+)(?:{point}\d+)?|{point}\d+"
_NUMBER = (
    r"(?<![\w.,])(?P<sign>[-+\u2212]\s?)?(?:[$€£¥]\s?)?"
    r"(?P<body>{body})(?P<power>[eE][-+]?\d+)?(?P<percent>\s?%)?"
)
POINT = re.compile(_NUMBER.format(body=_BODY.format(group=rf"[,'’_{SPACES}]", point=r"\.")))  # noqa: RUF001 - as people write
COMMA = re.compile(_NUMBER.format(body=_BODY.format(group=rf"[.'’_{SPACES}]", point=",")))  # noqa: RUF001 - as people write


class Found(NamedTuple):
    """A number in a text."""

    value: float
    is_percent: bool


def numbers(text: str, *, decimal: str = "point") -> list[Found]:
    """Every number of a text in order: thousands separated, signs, powers and percent read."""
    pattern, group = (POINT, r"[^\d.]") if decimal == "point" else (COMMA, r"[^\d,]")
    found = []
    for match in pattern.finditer(text):
        digits = re.sub(group, "", match["body"]).replace(",", ".")
        value = float(digits + (match["power"] or ""))
        is_negative = (match["sign"] or "+")[0] in "-\u2212"
        found.append(Found(-value if is_negative else value, match["percent"] is not None))
    return found


class NumericMetric:
    """1 when the answer's number is the reference's within the tolerances."""

    info = MetricInfo(
        id="numeric", label="number within tolerance", binary=True, options=tuple(OPTIONS)
    )

    def __init__(
        self,
        *,
        absolute: float = 0.0,
        relative: float = 0.0,
        pick: str = "last",
        decimal: str = "point",
        percent: str = "either",
    ) -> None:
        self.absolute = absolute
        self.relative = relative
        self.pick = pick
        self.decimal = decimal
        self.percent = percent

    @property
    def signature(self) -> str:
        """Tolerances, which number, how it is written, and version."""
        tolerances = {"absolute": self.absolute, "relative": self.relative}
        reading = {"pick": self.pick, "decimal": self.decimal, "percent": self.percent}
        return signed("numeric", **tolerances, **reading, v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With absolute and relative tolerance, pick, decimal (point, comma) and percent.

        `pick=last` takes the answer's last number, `first` its first, `only` refuses an answer
        with several. `percent=either` lets 12 %, 12 and 0.12 be the same.
        """
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """1 or 0; a reference without a number is compared as text, and the note says so."""
        wanted, given = self._number(sample.target), self._number(completion.text)
        same = normalised(completion.text) == normalised(sample.target)
        if wanted is None:
            note = "the reference holds no single number, so the texts were compared"
            return Score(sample_id=sample.id, value=float(same), note=note)
        if given is None:
            return Score(sample_id=sample.id, value=0.0, note="no single number in the answer")
        return Score(sample_id=sample.id, value=float(same or self._is_close(given, wanted)))

    def _number(self, text: str) -> Found | None:
        found = numbers(text, decimal=self.decimal)
        if not found or (self.pick == "only" and len({number.value for number in found}) > 1):
            return None
        return found[-1] if self.pick == "last" else found[0]

    def _is_close(self, given: Found, wanted: Found) -> bool:
        """Tolerances are of the reference as it is written: 1 of 12 % is one point."""
        if given.is_percent == wanted.is_percent:
            return self._near(given.value, wanted.value)
        if self.percent == "strict":
            return False
        scaled = given.value / 100 if given.is_percent else given.value * 100
        return self._near(given.value, wanted.value) or self._near(scaled, wanted.value)

    def _near(self, given: float, wanted: float) -> bool:
        if math.isinf(given) or math.isinf(wanted):
            return given == wanted
        room = max(self.absolute, self.relative * abs(wanted))
        return abs(given - wanted) <= room + ROUNDING * max(abs(given), abs(wanted))
