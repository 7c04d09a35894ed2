"""JSON out of an answer, with or without the fence that models put around it."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any, NamedTuple, NoReturn

from advisor.builtin.metrics.options import one_of

TOLERATE = one_of("nothing", "fences", "prose")
STARTS_TRIED = 50
"""Brackets in prose from which an object is looked for."""
FENCE = re.compile(r"```[\w+-]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```", re.DOTALL)


class Parsed(NamedTuple):
    """What was read, or why nothing was."""

    value: Any
    fault: str = ""


def parse(text: str, *, tolerate: str) -> Parsed:
    """The JSON value of a text.

    `nothing`: the whole text; `fences`: or the content of its only code fence; `prose`: or the
    first object or array in it.
    """
    whole = _loaded(text)
    if not whole.fault or tolerate == "nothing":
        return whole
    fenced = FENCE.findall(text)
    if len(fenced) == 1:
        inside = _loaded(fenced[0])
        if not inside.fault:
            return inside
    return _first_in(text) or whole if tolerate == "prose" else whole


def _refuse(name: str) -> NoReturn:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _loaded(text: str) -> Parsed:
    try:
        return Parsed(_DECODER.decode(text.strip().removeprefix("\ufeff")))
    except json.JSONDecodeError as error:
        return Parsed(None, f"no JSON: {error.msg} at line {error.lineno}")
    except (ValueError, RecursionError) as error:
        return Parsed(None, f"no JSON: {type(error).__name__}")


def _first_in(text: str) -> Parsed | None:
    for match in islice(re.finditer(r"[{\[]", text), STARTS_TRIED):
        try:
            return Parsed(_DECODER.raw_decode(text, match.start())[0])
        except (ValueError, RecursionError):
            continue
    return None
