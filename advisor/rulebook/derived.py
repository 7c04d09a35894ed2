"""Facts that are computed from other facts, because no condition can compare two of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from advisor.schema.rule import Scalar

Facts = Mapping[str, Scalar]


def with_derived(facts: Facts) -> dict[str, Scalar]:
    """The facts with every derived one that they determine."""
    known = {name: value for name, value in facts.items() if name not in DERIVED}
    for name, derive in DERIVED.items():
        value = derive(known)
        if value is not None:
            known[name] = value
    return known


def samples_per_class(facts: Facts) -> float | None:
    """Labelled samples over labels; None where either is unknown or there are no labels."""
    samples, classes = facts.get("data.labelled_samples"), facts.get("data.classes")
    if samples is None or not classes:
        return None
    return float(samples) / float(classes)


def outpaces_retraining(facts: Facts) -> bool | None:
    """Whether facts change more often than somebody would tune again; None where unknown."""
    changes = facts.get("knowledge.update_interval_days")
    retrains = facts.get("constraints.retrain_interval_days")
    if changes is None or retrains is None:
        return None
    return float(changes) < float(retrains)


DERIVED: dict[str, Callable[[Facts], float | bool | None]] = {
    "data.samples_per_class": samples_per_class,
    "knowledge.outpaces_retraining": outpaces_retraining,
}
"""In order: a later one may use an earlier one."""
