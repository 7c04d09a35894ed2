"""What a check of documents found, before anything is retrieved from them."""

from __future__ import annotations

from pydantic import Field

from advisor.schema.base import Provenance, Value
from advisor.schema.dataset import Problem


class DocumentSizes(Value):
    """How much text there is, of one kind of document or of a single one."""

    name: str
    """The kind, or the document's name."""
    documents: int = Field(ge=0)
    characters: int = Field(ge=0)
    tokens: int = Field(ge=0)
    """Estimated."""
    passages: int = Field(ge=0)
    """Reckoned, at `passage_tokens` each."""


class DocsCheck(Value):
    """What `advisor docs check` found."""

    path: str
    whole: DocumentSizes
    kinds: tuple[DocumentSizes, ...]
    """The most text first."""
    largest: tuple[DocumentSizes, ...]
    """The longest documents, at most ten."""
    passage_tokens: int
    tokens_estimated_from: str
    embedding_seconds: float
    """To embed every passage once."""
    passages_per_second: float
    embedding_rate: Provenance
    """Where the rate comes from."""
    problems: tuple[Problem, ...]
    """Worst first; `rows` are lines of a document's text, `files` the documents."""
    notes: tuple[str, ...] = ()
    """What was left out, and how odd files were read."""
    seconds: float = 0.0
