"""A look at what retrieval finds in documents for a question, without a model that answers."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.contracts import PromptBuilder, Retrieving
from advisor.errors import InputError, PluginContractError
from advisor.measuring import embedding_told, embedding_usage, retrieval_agreed
from advisor.schema.docs_search import DocsSearch, FoundPassage
from advisor.schema.evaluation import Sample
from advisor.systems import check_options
from advisor.workspace import Workspace

BUILDER = "rag"


def search_documents(
    space: Workspace, question: str, *, k: int, may_spend: bool = False
) -> DocsSearch:
    """The first k passages for a question, found as the retrieving builder finds them.

    Raises CorpusError for documents that cannot be read, MissingExtraError, PluginContractError
    for a builder that does not show what it finds, ConsentError where embedding or reranking costs
    money.
    """
    retrieval_agreed(space, may_spend=may_spend)
    before = embedding_usage(space)
    _refuse_others(space.settings.builder_options)
    builder = space.builders((BUILDER,))[BUILDER]
    if not isinstance(builder, PromptBuilder) or not isinstance(builder, Retrieving):
        raise PluginContractError(
            f"The prompt builder {BUILDER} does not show what it finds.",
            hint="A builder that retrieves offers `shown` and `hits`.",
            where=f"prompt builder {BUILDER}",
        )
    builder.fit((), (), space.documents, space.tools())
    hits = builder.hits(Sample(id="question", input=question, target=""), k)
    found = tuple(
        FoundPassage(
            rank=rank,
            score=hit.score,
            document=hit.passage.document,
            heading=hit.passage.heading,
            start=hit.passage.start,
            end=hit.passage.end,
            text=hit.passage.text,
        )
        for rank, hit in enumerate(hits, start=1)
    )
    return DocsSearch(
        question=question,
        path=str(space.settings.docs),
        documents=len(space.documents),
        searched_by=dict(getattr(builder, "settings", {})),
        found=found,
        notes=(
            *space.notes,
            *embedding_told(space, before),
            *getattr(builder, "story", ()),
        ),
    )


def _refuse_others(options: Mapping[str, str]) -> None:
    """Raise InputError for an option that says nothing here, or of no system at all."""
    check_options((), options)
    others = [key for key in options if not key.startswith(f"{BUILDER}.")]
    if others:
        raise InputError(
            f"--builder-option {others[0]} says nothing here: the search is that of {BUILDER}.",
            hint=f"Begin it with {BUILDER}., for example {BUILDER}.search=bm25.",
        )
