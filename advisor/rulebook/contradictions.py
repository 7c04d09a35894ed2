"""Facts of a profile that can hardly all be true, in sentences that warn."""

from __future__ import annotations

from collections.abc import Iterator

from advisor.rulebook.conditions import Facts

DAYS_UNCHANGED = 3650
"""Facts that change less often than this, in days, do not change."""
SURPRISING = 0.3
"""By so much of a score a prompt hardly falls short of the bare question."""


def contradictions(facts: Facts) -> tuple[str, ...]:
    """One sentence for each contradiction between known facts; what is unknown contradicts none.

    Data that must stay and a hosted system contradict each other too: a warning rule says so.
    """
    return (*_of_samples(facts), *_of_documents(facts), *_of_task(facts), *_of_scores(facts))


def _of_samples(facts: Facts) -> Iterator[str]:
    labelled = facts.get("data.labelled_samples")
    if labelled is None:
        return
    train, classes = facts.get("data.train_samples"), facts.get("data.classes")
    if train is not None and float(train) > float(labelled):
        yield (
            f"The train split is said to hold {float(train):,g} samples, more than all"
            f" {float(labelled):,g} labelled ones together; one of the two numbers is wrong."
        )
    if classes is not None and float(classes) > float(labelled) > 0:
        yield (
            f"There are said to be {float(classes):,g} labels but only {float(labelled):,g}"
            " labelled samples; some labels have none, or one of the two numbers is wrong."
        )


def _of_task(facts: Facts) -> Iterator[str]:
    is_rented = facts.get("constraints.hosting") == "rented_gpu"
    if is_rented and facts.get("constraints.must_stay_local") is True:
        yield (
            "Data must stay on your own machines, yet the system is to run on a rented GPU;"
            " one of the two answers is wrong."
        )
    style = facts.get("task.style_source")
    if facts.get("task.needs_style") is False and style is not None:
        yield (
            "Answers are said to need no style of their own, yet it is told where the style comes"
            " from (task.style_source); one of the two answers is wrong."
        )
    classes = facts.get("data.classes")
    if facts.get("task.kind") == "classification" and classes == 1:
        yield "A classification with one label has nothing to tell apart; count the labels again."


def _of_scores(facts: Facts) -> Iterator[str]:
    if facts.get("task.target") == 0:
        yield "The target is 0, which every system reaches; name the score that would be enough."
    closed, prompted = facts.get("measured.closed_book_score"), facts.get("measured.prompted_score")
    if closed is None or prompted is None:
        return
    if float(closed) - float(prompted) > SURPRISING:
        yield (
            f"Without documents the score is said to be {100 * float(closed):.0f} %, with a good"
            f" prompt only {100 * float(prompted):.0f} %; one of the two numbers is wrong, or they"
            " were measured on different samples."
        )


def _of_documents(facts: Facts) -> Iterator[str]:
    if facts.get("knowledge.in_documents") is False:
        documents = float(facts.get("knowledge.documents", 0))
        if documents > 0:
            yield (
                f"The answers are said to stand in no documents, yet {documents:,g} are given;"
                " say so (knowledge.in_documents) if they hold the answers."
            )
        if facts.get("knowledge.must_cite") is True:
            yield (
                "Answers must name their source, yet they are said to stand in no documents;"
                " there is nothing to name."
            )
    interval = facts.get("knowledge.update_interval_days")
    is_still = interval is not None and float(interval) >= DAYS_UNCHANGED
    if is_still and facts.get("knowledge.must_be_current") is True:
        yield (
            "Answers must follow facts that change, yet the facts are said to change practically"
            " never; one of the two answers is wrong."
        )
