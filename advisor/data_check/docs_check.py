"""All checks of documents in one value: how much text there is, and what is wrong with it."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable

from advisor.data_check.check import ORDER
from advisor.data_check.document_marks import document_problems
from advisor.data_check.lengths import ESTIMATED_FROM, estimated_tokens
from advisor.schema.base import Provenance
from advisor.schema.dataset import Corpus, Problem
from advisor.schema.docs_check import DocsCheck, DocumentSizes
from advisor.schema.evaluation import Document
from advisor.secrets import masked

PASSAGE_TOKENS = 150
LARGEST_SHOWN = 10
PASSAGES_PER_SECOND = 20.0
RATE = Provenance(
    kind="assumed",
    source="MiniLM on two cores",
    as_of="2026-11-24",
    note="13 to 40 passages of 110 tokens a second by load; a GPU does hundreds.",
)


def check_documents(corpus: Corpus) -> DocsCheck:
    """Sizes by kind, time to embed, and every problem with the lines that have it."""
    began = time.perf_counter()
    sizes = [(document.metadata.get("kind", "?"), _size(document)) for document in corpus.documents]
    by_kind: defaultdict[str, list[DocumentSizes]] = defaultdict(list)
    for kind, size in sizes:
        by_kind[kind].append(size)
    kinds = [_sum(kind, held) for kind, held in by_kind.items()]
    whole = _sum("all", kinds)
    problems = sorted(map(_covered, document_problems(corpus.documents)), key=_gravity)
    largest = sorted((size for _, size in sizes), key=lambda size: (-size.characters, size.name))
    return DocsCheck(
        path=corpus.path,
        whole=whole,
        kinds=tuple(sorted(kinds, key=lambda kind: (-kind.characters, kind.name))),
        largest=tuple(largest[:LARGEST_SHOWN]),
        passage_tokens=PASSAGE_TOKENS,
        tokens_estimated_from=ESTIMATED_FROM,
        embedding_seconds=round(whole.passages / PASSAGES_PER_SECOND, 1),
        passages_per_second=PASSAGES_PER_SECOND,
        embedding_rate=RATE,
        problems=tuple(problems),
        notes=tuple(map(masked, corpus.notes)),
        seconds=round(time.perf_counter() - began, 3),
    )


def _gravity(problem: Problem) -> int:
    return ORDER[problem.severity]


def _size(document: Document) -> DocumentSizes:
    tokens = estimated_tokens(document.text)
    return DocumentSizes(
        name=masked(document.name),
        documents=1,
        characters=len(document.text),
        tokens=tokens,
        passages=math.ceil(tokens / PASSAGE_TOKENS),
    )


def _sum(name: str, sizes: Iterable[DocumentSizes]) -> DocumentSizes:
    held = list(sizes)
    return DocumentSizes(
        name=name,
        documents=sum(size.documents for size in held),
        characters=sum(size.characters for size in held),
        tokens=sum(size.tokens for size in held),
        passages=sum(size.passages for size in held),
    )


def _covered(problem: Problem) -> Problem:
    """The problem with every secret masked that a name or a message shows."""
    files = tuple(map(masked, problem.files))
    return problem.model_copy(update={"message": masked(problem.message), "files": files})
