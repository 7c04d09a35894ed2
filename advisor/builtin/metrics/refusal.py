"""How often a model declines to answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

OPENING = 240
"""Characters looked at: a refusal says so at once."""
_VERBS = (
    r"(?:help|assist|answer|provide|comply|fulfil+|discuss|share|do that|tell|give|offer|generate|"
    r"create|write|determine|find|say|complete|continue|engage|respond|support)"
)
REFUSAL = re.compile(
    rf"\b(?:i|we)(?:['’]m| am|['’]re| are)?\s+(?:(?:very|so|really|truly)\s+)?"  # noqa: RUF001
    rf"(?:sorry|unable to|not able to|not allowed to|not permitted to|not comfortable)\b"
    rf"|\bi\s+(?:can['’]?t|cannot|can not|won['’]?t|will not|could not|must decline|decline)"  # noqa: RUF001
    rf"\s+(?:\w+\s+){{0,2}}?{_VERBS}\b"
    r"|\bi (?:must|have to|need to) (?:respectfully )?decline\b"
    r"|\bi (?:do not|don['’]?t) "  # noqa: RUF001
    r"(?:know|have (?:\w+\s+){0,3}?(?:information|knowledge|access|answer))\b"
    r"|\b(?:as|i am|i['’]m) (?:just )?an? (?:ai|artificial intelligence|language model)\b"  # noqa: RUF001
    r"|\bagainst (?:my|our) (?:\w+ )?(?:guidelines|policy|policies|programming)\b"
    r"|\b(?:the )?(?:context|passages?|documents?|text) (?:provided )?"
    r"(?:does not|do not|doesn['’]t|don['’]t)"  # noqa: RUF001
    r" (?:contain|provide|mention|say|state|include|give)\b"
    r"|\bich (?:kann|darf|weiß) (?:\w+\s+){0,4}?nicht\b|\bes tut mir leid\b"
    r"|\bje (?:ne peux pas|ne sais pas|suis désolée?)\b"
    r"|\b(?:lo siento|no puedo (?:ayudar|responder|proporcionar)|no lo sé)\b",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether a text opens by declining, apologising for no answer or saying it does not know."""
    return REFUSAL.search(text[:OPENING]) is not None


class RefusalMetric:
    """1 when the answer declines; the mean is the rate. Lower is better."""

    info = MetricInfo(id="refusal", label="refusals", binary=True, higher_is_better=False)
    signature = signed("refusal", phrases="en-de-fr-es", opening=OPENING, v=1)

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
        """1 or 0; an empty answer is no refusal."""
        return Score(sample_id=sample.id, value=float(declines(completion.text)))
