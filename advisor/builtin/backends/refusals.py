"""Reads what a service's refusal means: pass, end of the run, or the end of this prompt only."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

TOO_LONG = re.compile(
    r"context[ _]length|context window|maximum context|prompt is too long|input is too long"
    r"|too many (?:input )?tokens|exceeds? the (?:available )?context|request_too_large"
)
NOTHING_LEFT = re.compile(
    r"insufficient[_ ](?:quota|balance|funds|credit)|exceeded your current quota|credit balance"
    r"|billing[_ ](?:hard[_ ]limit|not[_ ]active)|payment required|out of credits"
)


class Refusal(NamedTuple):
    """A response with a status above 399."""

    kind: str
    """`rate_limited`, `server_error`, `timeout` (these pass); `auth`, `quota`, `no_model` (these
    end the run); `too_long`, `refused` (these end the prompt)."""
    words: str
    """What the service says, not scrubbed yet."""


def refusal(status: int, body: str) -> Refusal:
    """What a status and its body mean."""
    words, marks = _words(body)
    said = f"{words} {marks}".lower()
    return Refusal(_kind(status, said), words or f"status {status}")


KINDS = {401: "auth", 403: "auth", 404: "no_model", 408: "timeout", 413: "too_long"}
PASSES_LATER = (409, 425)


def _kind(status: int, said: str) -> str:
    if status == 402 or (status in (400, 403, 429) and NOTHING_LEFT.search(said)):
        return "quota"
    if status in (400, 422, 500) and TOO_LONG.search(said):
        return "too_long"
    if status == 429:
        return "rate_limited"
    failed = status >= 500 or status in PASSES_LATER
    return KINDS.get(status, "server_error" if failed else "refused")


def _words(body: str) -> tuple[str, str]:
    """A service's sentence, and the codes beside it."""
    try:
        told: Any = json.loads(body)
    except ValueError:
        return body, ""
    error = told.get("error", told) if isinstance(told, dict) else told
    if not isinstance(error, dict):
        return str(error), ""
    sentence = error.get("message") or error.get("detail") or error.get("error")
    marks = [str(error.get(name) or "") for name in ("code", "type", "param")]
    return str(sentence or json.dumps(error)), " ".join(marks)
