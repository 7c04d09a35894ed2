"""What the causes of failures point at: the first thing to change, in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from advisor.evaluation.diagnosis_labels import NO_LABEL
from advisor.evaluation.diagnosis_looking import Fact
from advisor.schema.diagnosis import Cause, Lever
from advisor.schema.evaluation import Evaluation, Sample, ScoredSample

DEPTHS = (5, 10, 20, 50, 100)
MOST = 0.8
"""Share of the deeper finds that a depth named must hold."""
TELLING = 0.3
"""Share of the failures from which a cause that can be shown goes before those that cannot."""
MUTE = ("wrong", "no_answer")
"""Causes that say little on where the fault lies."""
BOTH_WAYS = ("hybrid", "rrf", "fusion")
"""Names by which a manifest says that it is searched by words and by meaning."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed sample with its cause."""

    sample: Sample
    scored: ScoredSample
    cause: Cause
    because: str
    where: str
    fact: Fact | None
    """What was looked up, where its place decides the lever."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A fact that was not shown, in a deeper search."""

    rank: int | None
    """Of the first passage that holds it; None where none of those found does."""
    has_document: bool
    """A passage of the document that holds it was found."""
    depth: int


def lever_of(
    evaluation: Evaluation,
    found: Sequence[Failure],
    missed: Sequence[Missed],
    *,
    retrieves: bool,
) -> tuple[Lever, str]:
    """The lever and its sentence with counts, from the cause that leads."""
    counts = Counter(each.cause for each in found)
    cause = _leading(counts)
    head = f"{counts[cause]} of {len(found)} failures: "
    if not evaluation.asks_model:
        lever, rest = _without_model(evaluation, cause, found)
    elif cause == "not_retrieved":
        lever, rest = _not_retrieved(evaluation, missed, retrieves=retrieves)
    elif cause in {"ignored", "wrong"}:
        lever, rest = _reading(evaluation, cause, retrieves=retrieves)
    elif cause == "no_answer":
        lever, rest = _mute(found)
    elif cause == "wrong_format":
        lever, rest = _format(found)
    else:
        lever, rest = PLAIN[cause]
    more = max(counts, key=lambda each: (counts[each], each == cause))
    if more != cause:
        rest += f"; what the most frequent cause is, {counts[more]} times, cannot be shown"
    return lever, f"{head}{rest}."


def _leading(counts: Counter[Cause]) -> Cause:
    """The most frequent cause that shows something, if it is frequent enough; else the first."""
    total = counts.total()
    ordered = sorted(counts, key=lambda cause: (-counts[cause], cause))
    telling = [cause for cause in ordered if cause not in MUTE]
    if telling and counts[telling[0]] >= TELLING * total:
        return telling[0]
    return ordered[0]


_HELPS = {
    "majority": (
        "it gives the most frequent target of the training part, whatever is asked; only a system"
        " that reads the input can do better"
    ),
    "extractive_copy": (
        "it copies sentences of the documents and asks no model; where the right one is not copied"
        " or is not the answer as it stands, a model that reads the passages comes next"
    ),
    "nearest_neighbour": (
        "it gives the answer of the most similar training sample; more training samples like those"
        " that failed, or cleaner labels, help, and so does another embedder"
    ),
    "embedding_classifier": (
        "it learns from labels alone; more training samples of the labels that are mixed up, or"
        " cleaner ones, help, and so does another embedder"
    ),
}
"""What helps systems that ask no model: no prompt does."""
_ANY = (
    "it asks no model and learns from samples alone; more training samples like those that failed,"
    " or cleaner ones, help"
)


def _without_model(
    evaluation: Evaluation, cause: Cause, found: Sequence[Failure]
) -> tuple[Lever, str]:
    """For a system without prompts: the metric may be at fault, else what it learns from."""
    if cause == "other_wording":
        return PLAIN[cause]
    if cause == "not_in_documents" and evaluation.builder == "extractive_copy":
        return PLAIN[cause]
    told = next(each.because for each in found if each.cause == cause)
    what = {
        "not_retrieved": "the fact stands in a document and was not given",
        "not_in_documents": "no document holds the fact",
        "ignored": "a passage holds the fact and the answer does not say it",
        "wrong_format": "the right content in another form",
        "should_have_declined": "an answer was given where there is none",
        "declined": "no answer was given where there is one",
        "wrong": "the content is wrong",
    }.get(cause, told)
    return "none", f"{what}; {_HELPS.get(evaluation.builder, _ANY)}"


def _format(found: Sequence[Failure]) -> tuple[Lever, str]:
    """For answers in another form; those that are no label at all counted apart."""
    own = [each for each in found if each.cause == "wrong_format"]
    none = sum(each.because == NO_LABEL for each in own)
    if 2 * none <= len(own):
        return PLAIN["wrong_format"]
    some = "" if none == len(own) else f" {none} times"
    return "format", (
        f"the answer is none of the labels{some}; answer with one of the labels: list them in the"
        " prompt and ask for one, or hold the answer to them"
    )


PLAIN: dict[Cause, tuple[Lever, str]] = {
    "not_in_documents": (
        "documents",
        "no document holds the fact; add the documents that do, or take these questions out",
    ),
    "wrong_format": (
        "format",
        (
            "the right content in a form that was not asked for; state the form in the prompt, or"
            " hold the answer to it with a JSON schema or a list of labels"
        ),
    ),
    "other_wording": (
        "metric",
        (
            "right in other words than the reference; a metric that forgives wording"
            " (normalised_match, contains, a judge) comes before any change of the system"
        ),
    ),
    "should_have_declined": (
        "abstention",
        (
            "an answer was given where there is none; tell the prompt when to decline, and show a"
            " sample of it"
        ),
    ),
    "declined": (
        "abstention",
        "no answer was given where there is one; loosen what the prompt says on declining",
    ),
}


def _not_retrieved(
    evaluation: Evaluation, missed: Sequence[Missed], *, retrieves: bool
) -> tuple[Lever, str]:
    if not retrieves:
        return "passages", (
            "the fact stands in the documents, which this system is not shown; put passages into"
            " the prompt"
        )
    shown = _shown(evaluation)
    start = f"the fact stands in a document but was not among the {shown} passages shown"
    ranks = sorted(each.rank for each in missed if each.rank is not None)
    parted = sum(each.rank is None and each.has_document for each in missed)
    lost = sum(each.rank is None and not each.has_document for each in missed)
    if not missed:
        return "passages", f"{start}; show more passages, or search otherwise"
    depth = max(each.depth for each in missed)
    if len(ranks) >= max(parted, lost):
        near = _depth(ranks)
        count = sum(rank <= near for rank in ranks)
        return "passages", (
            f"{start}; for {count} of them it is among the first {near} found, so show more"
            " passages or rerank them"
        )
    if parted >= lost:
        return "chunking", (
            f"{start}; for {parted} of them its document was found but no passage holds the whole"
            " fact, so cut documents into larger or more overlapping passages"
        )
    if _is_hybrid(evaluation):
        return "chunking", (
            f"{start}; for {lost} of them not even its document is among the first {depth} found,"
            " by words and meaning, so cut documents otherwise or take another embedder"
        )
    return "hybrid", (
        f"{start}; for {lost} of them not even its document is among the first {depth} found, so"
        " search by words and meaning together (hybrid)"
    )


def _shown(evaluation: Evaluation) -> int:
    if evaluation.retrieval is not None:
        return evaluation.retrieval.shown
    return max((len(each.passages) for each in evaluation.scores), default=0)


def _depth(ranks: Sequence[int]) -> int:
    """The smallest round depth that holds most of these ranks."""
    return next(
        (depth for depth in DEPTHS if sum(rank <= depth for rank in ranks) >= MOST * len(ranks)),
        ranks[-1],
    )


def _is_hybrid(evaluation: Evaluation) -> bool:
    told = " ".join(
        f"{key} {value}".lower()
        for key, value in evaluation.manifest.settings.items()
        if isinstance(value, str)
    )
    return any(name in told for name in BOTH_WAYS)


def _reading(evaluation: Evaluation, cause: Cause, *, retrieves: bool) -> tuple[Lever, str]:
    """For what stood in front of the model, or cannot be told: shots, the prompt, the reader."""
    what = "a passage shown holds the fact and the answer does not say it"
    if cause == "wrong":
        what = "the content is wrong, and nothing shows where it was lost"
    shows = any(each.shots for each in evaluation.scores)
    if evaluation.approach == "prompt_optimisation" or (shows and cause == "ignored"):
        done = "shots are shown" if shows else "the prompt was improved"
        return "reader", (
            f"{what}; {done} already, so a larger reader, or tuning a small one (below about two"
            " billion parameters) on prompts with passages"
            if retrieves
            else f"{what}; {done} already, so another model, or tuning this one"
        )
    if cause == "wrong" and not shows:
        return "shots", f"{what}; show it solved samples"
    tell = "say in the prompt to answer from the passages" if cause == "ignored" else "better words"
    return "prompt", f"{what}; {tell} before any model is tuned"


def _mute(found: Sequence[Failure]) -> tuple[Lever, str]:
    errors = sum(bool(f.scored.completion.error) for f in found if f.cause == "no_answer")
    if errors:
        return "none", f"no answer came, {errors} times for an error; ask again before judging"
    return "prompt", "the answer was empty; look at the prompt and at the longest answer allowed"
