"""Right or wrong: whether an answer keeps to what a program can check."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.instruction_checks import NAMES, checks_of, fault_of
from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score


class InstructionsMetric:
    """1 when the answer holds every check of the target, a JSON object of checks.

    `{"words_at_most": 5, "starts_with": "Yes"}`. An empty answer keeps to nothing. A target that is
    no JSON object must be the answer itself.
    """

    info = MetricInfo(id="instructions", label="instructions kept", binary=True)
    signature = signed("instructions", checks=len(NAMES), v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """The same; it takes no option."""
        read_options(self.info.id, options, {})
        return self

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """1 or 0, the first check that fails in the note; unscored where a check is not known."""
        text, wanted = completion.text.strip(), checks_of(sample.target)
        if wanted is None:
            is_same = text == sample.target.strip()
            return Score(sample_id=sample.id, value=float(is_same))
        faults = [f for name, value in wanted.items() if (f := fault_of(name, value, text))]
        unreadable = next((fault for fault in faults if fault.is_unreadable), None)
        if unreadable:
            note = f"{unreadable.text}{_guess(unreadable.text.partition(':')[0])}"
            return Score(sample_id=sample.id, value=0.0, unscored=True, note=note)
        if faults or (wanted and not text):
            note = faults[0].text if faults else "no answer"
            return Score(sample_id=sample.id, value=0.0, note=note)
        return Score(sample_id=sample.id, value=1.0)


def _guess(name: str) -> str:
    close = difflib.get_close_matches(name, NAMES, n=1)
    return f"; did you mean {close[0]}?" if close and close[0] != name else ""
