"""What a user may set of retrieval-augmented prompting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from advisor.errors import InputError
from rag_baseline.combined.rerank import reranker
from rag_baseline.options import Reader, number_from, one_of, read_options, whole_from, yes_no

WAYS = ("hybrid", "dense", "bm25")
"""How passages are searched: by meaning and words, by meaning, by words."""
AUTO, FULL, OFF = "auto", "full", "off"
WHERE = "where."


@dataclass(frozen=True)
class RagOptions:
    """The choices of a builder that retrieves."""

    passages: int = 3
    """Shown at most."""
    tokens: int = 150
    """Longest passage, in tokens of the embedder."""
    overlap: int = 20
    """Tokens that neighbouring passages share."""
    search: str = WAYS[0]
    context_tokens: int | None = None
    """Tokens that all passages of a prompt may have together."""
    neighbours: int = 0
    """Passages before and behind a found one that are shown with it."""
    within_document: bool = False
    """Whether a sample that names its document is answered from that alone."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Values that a passage's metadata must have."""
    cite: bool = False
    decline: str = AUTO
    """What to answer where the passages do not hold it. `auto`: what the data answers where it
    says that there is no answer; `off`: nothing is said of that."""
    decline_below: str | float = AUTO
    """Similarity of the best passage below which the prompt says that it may not fit."""
    rerank: str = ""
    """Folder of a cross-encoder, or URL#MODEL of a service, that orders the passages anew."""
    sweep: str = AUTO
    sweep_calls: int | None = None
    shots: int = 3
    choose: str = "similar"
    given: frozenset[str] = frozenset()
    """Names of those that the user set: a sweep leaves them as they are."""

    def chosen(self, **changed: Any) -> RagOptions:
        """With other values for what the user did not set."""
        return replace(self, **changed)


def read_rag_options(builder: str, options: Mapping[str, str], *, shots: bool) -> RagOptions:
    """The options from texts; raises InputError for an unknown or wrong one."""
    where = {name.removeprefix(WHERE): text for name, text in options.items() if _filters(name)}
    plain = {name: text for name, text in options.items() if not _filters(name)}
    known = READERS | (SHOT_READERS if shots else {})
    given = read_options(f"the builder {builder}", plain, known)
    read = RagOptions(**given, where=where, given=frozenset(given))
    if read.overlap * 2 > read.tokens:
        raise InputError(
            f"An overlap of {read.overlap} tokens is more than half a passage of {read.tokens}.",
            hint="Give a smaller overlap= or a larger tokens=.",
            where=f"the builder {builder}",
        )
    return read


def _filters(name: str) -> bool:
    return name.startswith(WHERE) and name != WHERE


def _text(text: str) -> str:
    if not text.strip():
        msg = "it is empty"
        raise ValueError(msg)
    return text.strip()


def _reranking(text: str) -> str:
    """A place that reranks; raises InputError, which shows no address, for one that cannot."""
    place = _text(text)
    reranker(place)
    return place


def _threshold(text: str) -> str | float:
    if text in (AUTO, OFF):
        return text
    try:
        return number_from(-1, 1)(text)  # type: ignore[return-value]
    except ValueError:
        msg = f"it must be {AUTO}, {OFF} or a number from -1 to 1"
        raise ValueError(msg) from None


READERS: dict[str, Reader] = {
    "passages": whole_from(1, 100),
    "tokens": whole_from(16, 4000),
    "overlap": whole_from(0, 1000),
    "search": one_of(*WAYS),
    "context_tokens": whole_from(16, 10_000_000),
    "neighbours": whole_from(0, 20),
    "within_document": yes_no,
    "cite": yes_no,
    "decline": _text,
    "decline_below": _threshold,
    "rerank": _reranking,
    "sweep": one_of(AUTO, FULL, OFF),
    "sweep_calls": whole_from(0, 100_000),
}
SHOT_READERS: dict[str, Reader] = {
    "shots": whole_from(1, 50),
    "choose": one_of("similar", "fixed"),
}
