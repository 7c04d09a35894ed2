"""Takes keys out of what a service says before anybody sees it."""

from __future__ import annotations

import re

SHOWN = 3
"""Characters of a secret that may be seen, so that its owner recognises it."""
LONGEST = 240
"""Characters of a service's own words that are passed on."""
KEYS = re.compile(
    r"(?:(?<=bearer )|(?<=basic )|\b(?=sk-|sk_|pk-|gsk_|xai-|hf_|AIza|key-))[A-Za-z0-9_\-.=+/]{8,}",
    re.IGNORECASE,
)


def abbreviated(secret: str) -> str:
    """The first characters and the length, which is what may be told of a secret."""
    return f"{secret[:SHOWN]}... ({len(secret)} characters)"


def scrubbed(text: str, secret: str = "") -> str:
    """One line of a service's words, shortened, with the key and what looks like one masked."""
    line = " ".join(text.split())
    if len(secret) > SHOWN:
        line = line.replace(secret, abbreviated(secret))
    line = KEYS.sub(lambda found: abbreviated(found.group()), line)
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."
