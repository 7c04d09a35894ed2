"""What a search through documents finds."""

from advisor.schema.base import Value


class FoundPassage(Value):
    """One passage that was found."""

    rank: int
    score: float
    """As the retriever counts: comparable within one search only."""
    document: str
    heading: str
    start: int
    """Characters from the beginning of the document's text."""
    end: int
    text: str


class DocsSearch(Value):
    """The passages that a prompt with retrieval would be built from."""

    question: str
    path: str
    documents: int
    searched_by: dict[str, str | int | float | bool]
    """What decides the hits: chunking, retriever, embedder."""
    found: tuple[FoundPassage, ...]
    notes: tuple[str, ...] = ()
