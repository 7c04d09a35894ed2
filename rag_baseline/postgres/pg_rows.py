"""What a row of the table says of a passage beside its vector."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advisor.schema.evaluation import Passage

FORMAT = 1
COLUMNS = "key, mark, id, document, metadata, start_at, end_at, body"


@dataclass(frozen=True)
class Rows:
    """Rows with texts and metadata as they are, or with digests alone."""

    is_text_stored: bool

    def mark(self, passage: Passage) -> int:
        """A number that changes with everything of a row that is not its vector."""
        known = [passage.document, passage.start, passage.end, sorted(passage.metadata.items())]
        whole = json.dumps([FORMAT, self.is_text_stored, *known])
        digest = hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True)

    def values(self, passage: Passage) -> tuple[Any, ...]:
        """The columns after the key."""
        return (
            self.mark(passage),
            storable(passage.id),
            storable(passage.document),
            self.metadata(passage.metadata),
            passage.start,
            passage.end,
            storable(passage.text) if self.is_text_stored else None,
        )

    def metadata(self, given: Mapping[str, str]) -> Any:
        """As it is where texts are stored; else names with digests, which can be compared."""
        from psycopg.types.json import Jsonb  # noqa: PLC0415 - heavy and optional

        kept = storable if self.is_text_stored else _digest
        return Jsonb({storable(name): kept(value) for name, value in given.items()})


def storable(text: str) -> str:
    """A text that PostgreSQL takes: no NUL, no half of a character pair."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def _digest(value: str) -> str:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
