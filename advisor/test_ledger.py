"""The user's file of what was measured on which test part: every new look makes it less of a test.

`ADVISOR_TEST_LEDGER=off` neither writes nor reads it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist

from advisor.errors import StorageError
from advisor.resources import user_data_root

SWITCH = "ADVISOR_TEST_LEDGER"
FILE = "test_uses.jsonl"
LEVEL = 0.9
"""Of the intervals that scores are told with."""


def is_on() -> bool:
    """Whether looks at a test part are counted."""
    return os.environ.get(SWITCH, "").lower() not in ("off", "0", "no", "false")


def file() -> Path:
    """Where the looks are kept, whether or not there are any."""
    return user_data_root() / FILE


def count_use(digest: str, what: str) -> int:
    """Note that the test part of this digest was measured on; how often it has been, this included.

    `what` says everything that decides the answers (system, model, settings): the same again is no
    new look. One write of one line, so that runs that end together do not mix. 0 when switched off.
    Raises StorageError.
    """
    if not is_on():
        return 0
    look = hashlib.sha256(what.encode()).hexdigest()[:16]
    known = _looks(digest)
    if look in known:
        return len(known)
    line = (
        json.dumps({"test": digest, "look": look, "at": datetime.now(UTC).date().isoformat()})
        + "\n"
    )
    place = file()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StorageError(
            f"{place.name} cannot be written: {error.strerror or error}.",
            hint=f"Make the folder writable, or set {SWITCH}=off.",
            where=str(place.parent),
        ) from error
    return len(_looks(digest))


def uses(digest: str) -> int:
    """How many different evaluations have been measured on this test part."""
    return len(_looks(digest))


def optimism(looks: int, samples: int) -> float:
    """How much the best of so many scores exceeds the truth by chance, at most, as a share.

    Expected largest of `looks` standard normal errors (Blom 1958) times the largest standard error
    that a mean of `samples` values between 0 and 1 can have, 0.5 / sqrt(n): the case of equally
    good systems that err independently. Systems that err together gain less.
    """
    if looks < 2 or samples < 1:
        return 0.0
    return NormalDist().inv_cdf((looks - 0.375) / (looks + 0.25)) * 0.5 / math.sqrt(samples)


def is_worn(looks: int) -> bool:
    """Whether choosing the best of so many may by itself exceed the half width of its interval.

    From 13 looks on at intervals of 90 %, whatever the number of samples.
    """
    half_width = NormalDist().inv_cdf((1 + LEVEL) / 2)
    return looks > 1 and NormalDist().inv_cdf((looks - 0.375) / (looks + 0.25)) > half_width


def warning(looks: int, samples: int) -> str | None:
    """What to say of a test part that was looked at so often; None while that is harmless."""
    if not is_worn(looks):
        return None
    points = 100 * optimism(looks, samples)
    return (
        f"This test part of {samples} samples has been measured on {looks} times: the best of so"
        f" many scores may lie up to {points:.1f} points above the truth by chance alone, more than"
        f" its interval of {LEVEL:.0%} allows for. Collect a fresh test part, or choose between"
        " systems on the dev part."
    )


def _looks(digest: str) -> set[str]:
    """The looks at one test part; a line that cannot be read is left out."""
    if not is_on():
        return set()
    try:
        lines = file().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    found = set()
    for line in lines:
        try:
            entry = json.loads(line)
            if entry["test"] == digest:
                found.add(str(entry["look"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
