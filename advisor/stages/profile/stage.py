"""The profile: what was asked, with everything that could be measured put in its place."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.schema.base import Value
from advisor.schema.dataset import Dataset
from advisor.schema.evaluation import Document, Sample
from advisor.schema.machine import MachineFacts
from advisor.schema.profile import DataFacts, ModelFacts, Profile, TaskKind
from advisor.stages.profile.dataset import (
    guess_answer_in_input,
    guess_kind,
    measure_data,
    measure_documents,
)

FactValue = bool | int | float | str
DATA_HINTS, DOCUMENTS_HINT = "suggested by dataset", "suggested by documents"
GROUPS = ("task", "data", "knowledge", "output", "constraints", "model", "machine", "measured")


def profile(
    *,
    answers: Profile,
    dataset: Dataset | None,
    samples: Sequence[Sample],
    documents: Sequence[Document],
    machine: MachineFacts,
    model: ModelFacts | None = None,
) -> Profile:
    """Answers and measurements in one value, with the provenance of every known fact.

    `samples` are those in use, with their splits; without them the counts per split are unknown.
    A measured fact wins over an asked one, and a correction of a measured fact over both; where
    they differ, a note says so. What the data or the documents only suggest (kind of task, answers
    that stand in the input, knowledge in documents) fills unanswered facts alone.
    """
    data = measure_data(dataset.samples if dataset else samples, placed=samples)
    measured = {
        **_known("data", data, source="dataset"),
        **_known("knowledge", measure_documents(documents), source="documents"),
        **_known("machine", machine, source="machine"),
        **_known("model", model or ModelFacts(), source="catalog"),
    }
    suggested = _suggested(data, documents, kind=answers.task.kind)
    asked = _asked(answers, renewed=_renewed(measured))
    corrected = {fact: entry for fact, entry in asked.items() if entry[1] == "corrected"}
    absent = _absent_gpu(asked, machine)
    merged = suggested | asked | measured | corrected
    facts = {k: v for k, v in merged.items() if k not in absent}
    notes = (
        *answers.notes,
        *_contradictions(asked, measured),
        *absent.values(),
        *(dataset.notes if dataset else ()),
    )
    return _built(answers, facts, notes=_without_repeats(notes))


def _suggested(
    data: DataFacts, documents: Sequence[Document], *, kind: TaskKind | None
) -> dict[str, tuple[FactValue, str]]:
    """What the data and the documents look like, without proving it.

    `kind`: of task, as answered; where labels are given, a label's word in its input says nothing,
    and documents need not hold the labels.
    """
    in_input = None if kind == "classification" else guess_answer_in_input(data)
    guesses: dict[str, FactValue | None] = {
        "task.kind": guess_kind(data),
        "task.answer_in_input": in_input,
    }
    found = {fact: (guess, DATA_HINTS) for fact, guess in guesses.items() if guess is not None}
    if documents and (kind or guesses["task.kind"]) != "classification":
        found["knowledge.in_documents"] = (True, DOCUMENTS_HINT)
    return found


def _renewed(measured: dict[str, tuple[FactValue, str]]) -> set[str]:
    """Sources whose earlier facts the present measurements replace."""
    sources = {source for _, source in measured.values()}
    return sources | {f"suggested by {source}" for source in sources}


def _asked(answers: Profile, *, renewed: set[str]) -> dict[str, tuple[FactValue, str]]:
    """Facts of the answers, without those that an earlier profile measured and this one renews."""
    known = {
        fact: (value, answers.provenance.get(fact, "asked"))
        for group in GROUPS
        for fact, (value, _) in _known(group, getattr(answers, group), source="asked").items()
    }
    return {fact: entry for fact, entry in known.items() if entry[1] not in renewed}


def _known(group: str, facts: Value, *, source: str) -> dict[str, tuple[FactValue, str]]:
    """Fact id -> value and source, for every fact of a group that is not unknown."""
    return {
        f"{group}.{name}": (value, source)
        for name, value in facts.model_dump().items()
        if value is not None
    }


def _contradictions(
    asked: dict[str, tuple[FactValue, str]], measured: dict[str, tuple[FactValue, str]]
) -> tuple[str, ...]:
    counts = {"asked": "the measured value counts", "corrected": "the correction counts"}
    return tuple(
        f"{fact}: {asked[fact][0]} was answered, {value} was measured ({source});"
        f" {counts[asked[fact][1]]}."
        for fact, (value, source) in measured.items()
        if fact in asked and asked[fact][1] in counts and asked[fact][0] != value
    )


def _absent_gpu(asked: dict[str, tuple[FactValue, str]], machine: MachineFacts) -> dict[str, str]:
    """Answers about a GPU that this machine was measured not to have, each with its note."""
    if machine.gpus != 0:
        return {}
    return {
        fact: f"{fact}: {asked[fact][0]} was answered, but this machine has no GPU; to plan for"
        " another machine, name its GPU with --gpu."
        for fact in ("machine.gpu", "machine.gpu_memory_gib")
        if fact in asked
    }


def _built(
    answers: Profile, facts: dict[str, tuple[FactValue, str]], *, notes: tuple[str, ...]
) -> Profile:
    groups: dict[str, dict[str, FactValue]] = {group: {} for group in GROUPS}
    for fact, (value, _) in facts.items():
        group, _, name = fact.partition(".")
        groups[group][name] = value
    provenance = {fact: source for fact, (_, source) in sorted(facts.items())}
    return Profile.model_validate(
        {
            "name": answers.name,
            **groups,
            "provenance": provenance,
            "unknown": tuple(fact for fact in answers.unknown if fact not in facts),
            "notes": notes,
        }
    )


def _without_repeats(notes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))
