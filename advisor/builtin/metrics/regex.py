"""Right or wrong: the answer has a form, or the part that the form points out is right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.normalise import normalised
from advisor.builtin.metrics.options import read_options, some_text, yes_no
from advisor.builtin.metrics.signing import lacking, signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score


def _pattern(text: str) -> str:
    """The pattern, once it compiles."""
    try:
        re.compile(some_text(text))
    except re.error as error:
        msg = f"it is no regular expression, {error}"
        raise ValueError(msg) from error
    return text


OPTIONS = {"pattern": _pattern, "ignore_case": yes_no, "whole": yes_no}


class RegexMetric:
    """1 when the pattern is found; with a group in it, when the group equals the reference."""

    info = MetricInfo(
        id="regex",
        label="regular expression",
        binary=True,
        options=tuple(OPTIONS),
        needs=("pattern",),
    )

    def __init__(
        self, *, pattern: str = "", ignore_case: bool = False, whole: bool = False
    ) -> None:
        self.pattern = pattern
        self.whole = whole
        self._compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)

    @property
    def signature(self) -> str:
        """Pattern, flags and version."""
        ignores = bool(self._compiled.flags & re.IGNORECASE)
        return signed("regex", pattern=self.pattern, ignore_case=ignores, whole=self.whole, v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With pattern, ignore_case and whole (the pattern must match the whole answer)."""
        found = read_options(self.info.id, options, OPTIONS)
        if "pattern" not in found:
            raise lacking(self.info.id, "pattern", r"'Answer: (\w+)'")
        return type(self)(**found)

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """1 or 0; no answer is wrong whatever the pattern. Raises InputError without a pattern."""
        if not self.pattern:
            raise lacking(self.info.id, "pattern", r"'Answer: (\w+)'")
        text = completion.text.strip()
        look = self._compiled.fullmatch if self.whole else self._compiled.search
        match = look(text) if text else None
        if match is None:
            return Score(sample_id=sample.id, value=0.0)
        groups = [group for group in match.groups() if group is not None]
        if not self._compiled.groups:
            return Score(sample_id=sample.id, value=1.0)
        right = bool(groups) and normalised(groups[0]) == normalised(sample.target)
        return Score(sample_id=sample.id, value=float(right))
