"""Whether a text says that there is no answer, in any of the ways that models say it."""

from __future__ import annotations

import re

from advisor.evaluation.diagnosis_form import declines

OPENING = 400
"""Characters looked at: who has no answer says so before going on."""
_UNKNOWN = re.compile(
    r"\b(?:i(?: am|['’]m) not (?:aware|familiar|sure|certain)|"  # noqa: RUF001
    r"i (?:am|was) (?:unable|not able)|i (?:have|had|['’]ve) (?:never|not) (?:heard|come)|"  # noqa: RUF001
    r"i (?:do not|don['’]t|cannot|can['’]t|could not|couldn['’]t) (?:\w+ )?"  # noqa: RUF001
    r"(?:know|find|verify|confirm|recogni[sz]e|recall|access|see|have|tell|answer|say|provide|"
    r"determine|predict|look))\b"
    r"|\b(?:no|not any|any) (?:\w+ )?(?:public |reliable |verified |known |available |credible )*"
    r"(?:records?|information|evidence|data|details|mention|knowledge)\b"
    r"|\b(?:does not|do not|doesn['’]t|don['’]t|did not|didn['’]t|never) "  # noqa: RUF001
    r"(?:appear to |seem to |actually )?(?:exist|existed|happen|happened|occur|occurred)\b"
    r"|\b(?:is|are|was|were|be|appears to be|seems to be) (?:a |an )?(?:entirely |purely |likely )?"
    r"(?:fictional|fictitious|imaginary|made[- ]up|invented|unknown|hypothetical)\b"
    r"|\b(?:there is|there['’]s|there was|there are) no (?:such|king|queen|president|known)\b"  # noqa: RUF001
    r"|\b(?:is|was|are|were)(?: not|n['’]t) (?:a )?(?:real|actual|known|publicly|recorded)\b"  # noqa: RUF001
    r"|\b(?:could|can) you (?:please )?(?:provide|clarify|give|share|check|tell)\b"
    r"|\b(?:impossible|not possible) to (?:know|say|tell|answer|determine)\b",
    re.IGNORECASE,
)


def gives_no_answer(text: str) -> bool:
    """Whether a text gives no answer: empty, a refusal, or words that nothing is known.

    Meant for questions that have no answer; on others it takes some answers for refusals.
    """
    said = text.strip()
    return not said or declines(said) or _UNKNOWN.search(said[:OPENING]) is not None
