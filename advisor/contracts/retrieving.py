"""What finds passages: readers, embedders, retrievers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

if TYPE_CHECKING:  # what the methods take and give: a start needs none of it
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from advisor.contracts.world import Tools
    from advisor.schema.dataset import ReadDocuments
    from advisor.schema.evaluation import Hit, Passage
    from advisor.schema.plugin import PluginInfo


@runtime_checkable
class DocumentReader(Protocol):
    """Reads documents of some kinds."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of file names, with the dot, in lower case."""

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The documents of one file; each one's name is `name`, or begins with `name#`.

        Raises CorpusError for a file that cannot be read as what it says it is, MissingExtraError.
        """


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length 1 per text, in order."""


@runtime_checkable
class Arraying(Protocol):
    """What an embedder may offer beside lists: a numpy array, for many texts."""

    def array(self, texts: Sequence[str]) -> Any:
        """float32, one row of length 1 per text, in order."""


@runtime_checkable
class Asymmetric(Protocol):
    """What an embedder may offer that reads a question otherwise than a passage (E5, BGE).

    `embed` and `array` are then for passages, and for texts compared among themselves.
    """

    def array_queries(self, texts: Sequence[str]) -> Any:
        """As `array`, for texts that are searched with."""


@runtime_checkable
class Windowed(Protocol):
    """What an embedder may offer that can say how much of a text it reads."""

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that it reads, its own marks left out; None where nobody knows."""

    @property
    def tokenizer(self) -> Any:
        """A `tokenizers.Tokenizer` that neither cuts nor pads, or None."""

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, its own marks left out; an estimate where it has no tokenizer."""


@runtime_checkable
class Retriever(Protocol):
    """Finds passages for a query, best first, at most k, ties in the order of indexing."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    def index(self, passages: Sequence[Passage]) -> None:
        """Take the passages in; replaces what was there, without doing anything twice."""

    def search(self, query: str, k: int) -> list[Hit]:
        """At most k hits, best first, ties in the order of indexing."""


@runtime_checkable
class Equipped(Protocol):
    """What a retriever may offer that embeds or keeps work: it is handed what the run has."""

    def equipped(self, tools: Tools) -> Self:
        """The same retriever with the run's embedder, cache folder and progress."""


@runtime_checkable
class Filtering(Protocol):
    """What a retriever may offer beside searching everything: passages of some documents only."""

    def search_where(self, query: str, k: int, where: Mapping[str, str]) -> list[Hit]:
        """As `search`, among passages whose metadata has these values; `document` is the name."""


@runtime_checkable
class Updating(Protocol):
    """What a retriever may offer beside indexing anew."""

    def add(self, passages: Sequence[Passage]) -> None:
        """Further passages; one whose id is there already replaces it."""

    def remove(self, document: str) -> int:
        """Take out every passage of a document; how many there were."""
