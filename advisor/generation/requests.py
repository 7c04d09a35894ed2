"""What the model is asked: to write samples, and to answer the inputs it wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, NamedTuple

from advisor.generation.sources import Passage, Sources
from advisor.schema.evaluation import Message, Prompt, Sample

Kind = Literal["rows", "documents", "labels"]
ROWS_AT_ONCE = 5
QUESTIONS_AT_ONCE = 3
WRITING_TEMPERATURE = 0.9
ANSWERING_TEMPERATURE = 0.7
"""Above 0, so that an answer the model is not sure of comes out differently."""
SHAPE = 'Reply with a JSON array of objects {"input": "...", "output": "..."} and nothing else.'
WRITER = "You write training data. Everything you write is new, realistic and correct."


class Request(NamedTuple):
    """One ask for samples, and what they are made from."""

    prompt: Prompt
    kind: Kind
    made_from: tuple[str, ...]
    """Ids of the seeds shown, or the document's name."""
    size: int
    """Samples asked for."""
    seed: Sample
    """Whose system turn the samples get."""
    passage: Passage | None = None
    label: str = ""


def kinds_of(sources: Sources) -> tuple[Kind, ...]:
    """The kinds of request in the order in which they take turns."""
    found: list[Kind] = []
    if sources.passages:
        found.append("documents")
    if sources.definitions:
        found.append("labels")
    return tuple(found) or ("rows",)


def request(sources: Sources, number: int, *, seed: int) -> Request:
    """The request of this number; the same for the same data and seed, so that it is cached."""
    kinds = kinds_of(sources)
    kind, turn = kinds[number % len(kinds)], number // len(kinds)
    shown = sources.shown(seed, number)
    if kind == "documents":
        return _of_passage(sources, shown, turn, number)
    if kind == "labels":
        return _of_label(sources, shown, turn, number)
    return _of_rows(sources, shown, number)


def _of_rows(sources: Sources, shown: Sequence[Sample], number: int) -> Request:
    wish = (
        f"Task: {sources.instruction}\n\nExamples:\n{_examples(shown)}\n\nWrite {ROWS_AT_ONCE} new"
        " examples of the same task. Vary topic, wording, length and difficulty; do not repeat or"
        f" paraphrase the examples.{_labels(sources)} {SHAPE}"
    )
    made_from = tuple(sample.id for sample in shown)
    return Request(_prompt(wish, number), "rows", made_from, ROWS_AT_ONCE, shown[0])


def _of_passage(sources: Sources, shown: Sequence[Sample], turn: int, number: int) -> Request:
    passage = sources.passages[turn % len(sources.passages)]
    wish = (
        f"Task: {sources.instruction}\n\nExamples of its style:\n{_examples(shown[:2])}\n\n"
        f"Document {passage.document}:\n{passage.text}\n\nWrite {QUESTIONS_AT_ONCE} examples of the"
        " task whose output this document alone supports, in the style of the examples. The input"
        f" must be clear without the document at hand.{_labels(sources)} {SHAPE}"
    )
    return Request(
        _prompt(wish, number),
        "documents",
        (passage.document,),
        QUESTIONS_AT_ONCE,
        shown[0],
        passage=passage,
    )


def _of_label(sources: Sources, shown: Sequence[Sample], turn: int, number: int) -> Request:
    label = list(sources.definitions)[turn % len(sources.definitions)]
    definition = sources.definitions[label]
    meaning = f"{label}: {definition}" if definition else label
    others = [name for name in sources.definitions if name != label]
    apart = f" It must not fit any of: {', '.join(others)}." if others else ""
    wish = (
        f"Task: {sources.instruction}\n\nExamples of its style:\n{_examples(shown)}\n\nWrite"
        f" {ROWS_AT_ONCE} new inputs that belong to the label {meaning}.{apart} Vary topic, wording"
        f' and length. The output of each is exactly "{label}". {SHAPE}'
    )
    made_from = tuple(sample.id for sample in shown)
    return Request(_prompt(wish, number), "labels", made_from, ROWS_AT_ONCE, shown[0], label=label)


def answering(
    sources: Sources,
    text: str,
    *,
    shown: Sequence[Sample],
    passage: Passage | None,
    draw: int,
    temperature: float = ANSWERING_TEMPERATURE,
) -> Prompt:
    """The prompt that asks for the answer of an input, as the task's own prompt would."""
    parts = [sources.instruction]
    if sources.definitions:
        told = "\n".join(f"- {name}: {meaning}" for name, meaning in sources.definitions.items())
        parts.append(f"Labels:\n{told}")
    elif sources.labels:
        parts.append(f"Answer with one of: {', '.join(sources.labels)}.")
    if passage is not None:
        parts.append(f"Document {passage.document}:\n{passage.text}")
    turns = [Message(role="system", content="\n\n".join(parts))]
    for sample in shown:
        turns.append(Message(role="user", content=sample.input))
        turns.append(Message(role="assistant", content=sample.target))
    turns.append(Message(role="user", content=text))
    return Prompt(
        sample_id=f"answer-{draw}",
        messages=tuple(turns),
        temperature=temperature,
        draw=draw,
    )


def _prompt(wish: str, number: int) -> Prompt:
    return Prompt(
        sample_id=f"request-{number}",
        messages=(Message(role="system", content=WRITER), Message(role="user", content=wish)),
        temperature=WRITING_TEMPERATURE,
        draw=number,
    )


def _examples(shown: Sequence[Sample]) -> str:
    return "\n".join(
        json.dumps({"input": sample.input, "output": sample.target}, ensure_ascii=False)
        for sample in shown
    )


def _labels(sources: Sources) -> str:
    if not sources.labels:
        return ""
    return f" The output is one of: {', '.join(sources.labels)}; use each about as often."
