"""Passages by position and what tells them apart, none of them copied."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from advisor.errors import CorpusError
from advisor.schema.evaluation import Passage
from rag_baseline.passage_text import searched_text
from rag_baseline.vectors.vector_libraries import numpy

DOCUMENT = "document"
"""What a filter calls the name of the document."""


class Shelf:
    """Passages in the order of indexing; each stays where its sequence keeps it.

    `ids` has a number per passage made of its id, `keys` one made of id and searched text: equal
    keys have equal vectors; `lengths` are those of the texts. `source` and `item` say
    in which sequence a passage is, and where in it.
    """

    def __init__(self, sources: Sequence[Sequence[Passage]], columns: Sequence[Any]) -> None:
        self.sources = list(sources)
        self.source, self.item, self.ids, self.keys, self.lengths = columns
        self._values: dict[str, tuple[dict[str, int], Any]] = {}

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> Shelf:
        """Of passages with one id the last stays."""
        np = numpy()
        held = tuple(passages) if isinstance(passages, list) else passages
        numbers = np.fromiter(
            (number for passage in held for number in _numbers(passage)),
            dtype="int64",
            count=3 * len(held),
        ).reshape(-1, 3)
        stays = _last_of_each(numbers[:, 0])
        return cls(
            [held],
            [np.zeros(len(stays), dtype="int32"), stays, *numbers[stays].T.copy()],
        )

    @classmethod
    def filled(cls, passages: Sequence[Passage]) -> Shelf:
        """As `of`; raises CorpusError when there is no passage."""
        if not len(passages):
            raise CorpusError(
                "There is no passage to index: the documents hold no text.",
                hint="Point --docs at text or Markdown files that are not empty.",
            )
        return cls.of(passages)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, position: int) -> Passage:
        passages = self.sources[int(self.source[position])]
        return passages[int(self.item[position])]

    def __iter__(self) -> Iterator[Passage]:
        return (self[position] for position in range(len(self)))

    @property
    def digest(self) -> str:
        """Digest over all passages in their order."""
        return hashlib.sha256(self.keys.tobytes()).hexdigest()[:16]

    @property
    def columns(self) -> tuple[Any, ...]:
        """All that is known per passage."""
        return self.source, self.item, self.ids, self.keys, self.lengths

    def keeping(self, mask: Any) -> Shelf:
        """Those passages at which the mask is true, in their order."""
        kept = Shelf(self.sources, [column[mask] for column in self.columns])
        kept._values = {
            name: (codes, column[mask]) for name, (codes, column) in self._values.items()
        }
        return kept

    def with_more(self, passages: Sequence[Passage]) -> Shelf:
        """Further passages after these; one whose id is there already replaces it."""
        np = numpy()
        more = Shelf.of(passages)
        stay = self.keeping(~np.isin(self.ids, more.ids))
        more.source += len(stay.sources)
        pairs = zip(stay.columns, more.columns, strict=True)
        joined = [np.concatenate(pair) for pair in pairs]
        return Shelf([*stay.sources, *more.sources], joined)

    def matching(self, where: Mapping[str, str]) -> Any:
        """A mask of the passages whose metadata has all these values."""
        np = numpy()
        mask = np.ones(len(self), dtype=bool)
        for name, value in where.items():
            codes, column = self._column(name)
            mask &= column == codes.get(value, -2)
        return mask

    def _column(self, name: str) -> tuple[dict[str, int], Any]:
        """Values of one field as small numbers, read once; -1 where a passage has none."""
        if name not in self._values:
            codes: dict[str, int] = {}
            column = numpy().fromiter(
                (
                    -1 if value is None else codes.setdefault(value, len(codes))
                    for value in (_field(passage, name) for passage in self)
                ),
                dtype="int32",
                count=len(self),
            )
            self._values[name] = codes, column
        return self._values[name]


def _field(passage: Passage, name: str) -> str | None:
    return passage.document if name == DOCUMENT else passage.metadata.get(name)


def id_number(name: str) -> int:
    """The number that `Shelf.ids` has for a passage of this id."""
    head = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(head.digest(), "little", signed=True)


def _numbers(passage: Passage) -> tuple[int, int, int]:
    text = searched_text(passage)
    head = hashlib.blake2b(passage.id.encode("utf-8", "surrogatepass"), digest_size=8)
    whole = hashlib.blake2b(head.digest(), digest_size=8)
    whole.update(text.encode("utf-8", "surrogatepass"))
    return (
        int.from_bytes(head.digest(), "little", signed=True),
        int.from_bytes(whole.digest(), "little", signed=True),
        len(text),
    )


def _last_of_each(ids: Any) -> Any:
    """Positions of the last occurrence of every number, in their order."""
    np = numpy()
    _, from_behind = np.unique(ids[::-1], return_index=True)
    return np.sort(len(ids) - 1 - from_behind)
