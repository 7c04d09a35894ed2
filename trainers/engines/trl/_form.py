"""Whether rows are written in the form in which the tuned model will be asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import TemplateError

from advisor.errors import ModelFolderError, TrainingError
from advisor.schema.chat import folded, has_tools, says_tools
from advisor.schema.evaluation import Sample
from trainers.engines.trl._batches import Document
from trainers.engines.trl._bench import Bench
from trainers.engines.trl._rows import place_of
from trainers.engines.trl.dataset import (
    Turn,
    completion_turn,
    plain_turns,
    prompt_messages,
    prompt_turns,
)

ANSWERING = ("sft", "dpo", "orpo", "kto")
"""Objectives whose rows are a prompt as it is asked later, and its answer."""
COMPARED = 64
"""Texts of which the form is compared."""
LOOKUPS = 2_000_000
"""At most so many comparisons of a text with a sample, to find whose it is."""
CANDIDATES = 20
MOST_ASTRAY = 0.1


def asked(sample: Sample, instruction: str, tokenizer: Any) -> tuple[list[int], str]:
    """Tokens and text of the prompt as a backend sends it: the first form the template takes."""
    forms = list(_forms(sample, instruction, tokenizer))
    for turns in forms[:-1]:
        try:
            return _rendered(turns, tokenizer)
        except TemplateError:
            continue
    return _rendered(forms[-1], tokenizer)


def _rendered(turns: Sequence[Turn], tokenizer: Any) -> tuple[list[int], str]:
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    encoded = tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, tokenize=True, return_dict=True
    )
    return list(encoded["input_ids"]), text


def _forms(sample: Sample, instruction: str, tokenizer: Any) -> Iterator[list[Turn]]:
    turns = prompt_turns(sample, instruction)
    if has_tools((*sample.history, *sample.steps)):
        try:
            text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        except TemplateError:
            text = ""
        turns = turns if says_tools(turns, text) else plain_turns(sample, instruction)
    yield turns
    yield folded(turns)


def check_form(bench: Bench, texts: Sequence[Document]) -> tuple[str, ...]:
    """Notes on the form of the rows.

    Raises ModelFolderError for a chat template that leaves a turn out, and TrainingError for rows
    that begin otherwise than the prompt of their sample.
    """
    if not bench.tokenizer.chat_template:
        return ()
    samples = [s for s in bench.job.train_samples if s.input.strip()]
    if not samples or bench.job.plan.objective == "cpt":
        return ()
    _check_turns(bench, samples[:CANDIDATES])
    if bench.job.plan.objective in ANSWERING:
        _check_prompts(bench, samples, texts)
    return _template_notes(bench, samples[0])


def _check_turns(bench: Bench, samples: Sequence[Sample]) -> None:
    """Every system turn and every question shows in what the template writes."""
    for sample in samples:
        _, text = asked(sample, bench.job.instruction, bench.tokenizer)
        written = _squeezed(text)
        for message in prompt_messages(sample, bench.job.instruction):
            told = message.role in ("system", "developer", "user")
            if told and _squeezed(message.content) not in written:
                role = "user" if message.role == "user" else "system"
                raise ModelFolderError(
                    f"The chat template leaves the {role} turn out: '{_short(message.content)}' is"
                    " not in what the model would read.",
                    hint="Mend chat_template.jinja (or chat_template in tokenizer_config.json) of"
                    " the model; one that refuses system turns is fine, their text then heads the"
                    " question.",
                    where=f"{bench.job.plan.model}, {place_of(sample)}",
                )


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _short(text: str, most: int = 40) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _check_prompts(bench: Bench, samples: Sequence[Sample], texts: Sequence[Document]) -> None:
    most = max(1, min(COMPARED, LOOKUPS // len(samples)))
    step = max(1, len(texts) // most)
    chosen = texts[::step][:most]
    known, astray = 0, []
    general = {id(one) for one in bench.job.general_samples}
    every = [*samples, *(s for s in bench.job.general_samples if s.input.strip())]
    for text in chosen:
        candidates = owners(text, every, bench.tokenizer)
        if not candidates:
            continue
        known += 1
        told = ["" if id(one) in general else bench.job.instruction for one in candidates]
        prompts = [
            asked(one, instruction, bench.tokenizer)[0]
            for one, instruction in zip(candidates, told, strict=True)
        ]
        pairs = zip(candidates, prompts, strict=True)
        if not any(_follows(text, prompt, sample) for sample, prompt in pairs):
            astray.append((text, candidates[0], prompts[0]))
    if astray and len(astray) > MOST_ASTRAY * known:
        text, sample, prompt = astray[0]
        raise TrainingError(
            f"{len(astray)} of {known} rows begin otherwise than the prompt that the tuned model"
            f" will be asked: {_difference(text, prompt, bench.tokenizer)}.",
            hint="The chat template writes a question to train on otherwise than one to answer:"
            " mend chat_template.jinja of the model.",
            where=place_of(sample),
        )


def owners(text: Document, samples: Sequence[Sample], tokenizer: Any) -> list[Sample]:
    """Samples whose input and answer both stand in a text, those with most text in it first."""
    written = tokenizer.decode(text.ids)
    found = [
        s
        for s in samples
        if s.input.strip() in written
        and (s.target.strip() in written or (s.rejected or s.target).strip() in written)
    ]
    found.sort(key=lambda s: -len(s.input) - len(s.target))
    return found[:CANDIDATES]


def _follows(text: Document, prompt: Sequence[int], sample: Sample) -> bool:
    """Whether a text is the prompt and an answer, which is learnt from its first token on.

    Of the prompt nothing is learnt, unless it holds earlier answers.
    """
    size = len(prompt)
    if text.ids[:size] != list(prompt) or len(text.ids) <= size or not text.trained[size]:
        return False
    turns = (*sample.history, *sample.steps)
    return any(turn.role == "assistant" for turn in turns) or not any(text.trained[:size])


def _difference(text: Document, prompt: Sequence[int], tokenizer: Any) -> str:
    place = next(
        (i for i, (a, b) in enumerate(zip(text.ids, prompt, strict=False)) if a != b),
        min(len(text.ids), len(prompt)),
    )
    here = tokenizer.decode(text.ids[place : place + 4])
    there = tokenizer.decode(list(prompt[place : place + 4]))
    if place < len(prompt):
        return f"at token {place + 1} there is {here!r} instead of {there!r}"
    if any(text.trained[:place]):
        return "the question itself is learnt"
    return f"the answer is not learnt from its first token, {here!r}"


def _template_notes(bench: Bench, sample: Sample) -> tuple[str, ...]:
    notes = []
    tokenizer = bench.tokenizer
    turns = prompt_turns(sample, bench.job.instruction)
    try:
        finished = tokenizer.apply_chat_template(
            [*turns, completion_turn(sample)], add_generation_prompt=False, tokenize=False
        )
        opened = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except TemplateError:
        return ()
    if not finished.startswith(opened):
        notes.append(
            "The chat template writes an answered question otherwise than an open one; the rows"
            " have the open form, in which the model will be asked."
        )
    if "strftime_now" in str(tokenizer.chat_template):
        notes.append("The chat template writes the date of the day into every prompt.")
    return tuple(notes)
