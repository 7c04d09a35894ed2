"""Facts of a profile that can hardly all be true, in sentences that warn."""

from __future__ import annotations

from collections.abc import Iterator

from advisor.rulebook.conditions import Facts

DAYS_UNCHANGED = 3650
"""Facts that change less often than this, in days, do not change."""


def contradictions(facts: Facts) -> tuple[str, ...]:
    """One sentence for each contradiction between known facts; what is unknown contradicts none.

    Data that must stay and a hosted system contradict each other too: a warning rule says so.
    """
    return (*_of_samples(facts), *_of_documents(facts))


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
