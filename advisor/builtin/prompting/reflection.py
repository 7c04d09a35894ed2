"""What a model is asked that writes instructions, and what is read from its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from advisor.builtin.prompting.compared import Mark
from advisor.schema.evaluation import Completion, Message, Prompt, Sample

WRITTEN_TOKENS = 1024
"""Longest text that is read."""
LONGEST = 6_000
"""Characters of an instruction beyond which it is none."""
FEWEST_WORDS = 5
"""Words below which a text without marks around it is no instruction."""
SHOWN = 600
"""Characters of an input or answer that are quoted."""
_MARKED = re.compile(r"<instruction>(.*?)(?:</instruction>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCED = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_CLOSED = re.compile(r"</instruction>|```[^`]*```", re.IGNORECASE)
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_FORM = (
    "Write the whole instruction between <instruction> and </instruction>, and nothing after it."
)
_SYSTEM = "You write instructions that a language model follows."
_TASK = (
    "A language model answers inputs of one kind by following an instruction, and some of its"
    " answers were wrong. Write a better instruction."
)
_WAY = (
    "Find out why the wrong answers are wrong: a rule or fact that the instruction does not tell, a"
    " form of answer that it leaves open, a task it describes badly. Keep what works. State every"
    " rule so that it holds for inputs that are not shown here, and do not repeat the cases"
    " themselves."
)


class Case(NamedTuple):
    """A train sample that the model answered, and how well."""

    sample: Sample
    answer: str
    mark: Mark
    note: str

    @property
    def value(self) -> float | None:
        """None where the metric could give no value."""
        return self.mark.value


class Attempt(NamedTuple):
    """An instruction that was tried, with its mean score."""

    instruction: str
    value: float


def asking_to_write(shown: Sequence[Sample]) -> Prompt:
    """Asks for an instruction from solved samples alone."""
    cases = "\n\n".join(
        f"Input: {_cut(sample.input)}\nRight answer: {_cut(sample.target)}" for sample in shown
    )
    text = (
        "Below are inputs of one kind with the right answer to each. Find out what is asked for"
        " and in which form, and write the instruction that lets a language model answer further"
        " inputs of this kind in exactly that form. State rules, not the cases themselves.\n\n"
        f"{cases}\n\n{_FORM}"
    )
    return _prompt("writing", text)


def asking_to_improve(
    instruction: str, failed: Sequence[Case], right: Sequence[Case], tried: Sequence[Attempt]
) -> Prompt:
    """Asks for a better instruction, with what went wrong under the present one."""
    parts = [
        _TASK,
        f"The present instruction:\n<instruction>\n{instruction}\n</instruction>",
        "Wrong answers:\n\n" + "\n\n".join(_told(case) for case in failed),
    ]
    if right:
        parts.append("Right answers:\n\n" + "\n\n".join(_told(case) for case in right))
    if tried:
        listed = "\n".join(f"- {one.value:.2f}: {_cut(one.instruction)}" for one in tried)
        parts.append(f"Other instructions that were tried, with their mean score:\n{listed}")
    parts += [_WAY, _FORM]
    return _prompt("improving", "\n\n".join(parts))


def read_instruction(completion: Completion, known: Sequence[str] = ()) -> str:
    """The instruction in an answer; empty where there is no whole one or it is known already."""
    if completion.error:
        return ""
    text = _THOUGHT.sub("", completion.text)
    found = _marked(text)
    if completion.finish == "length" and not _CLOSED.search(text):
        return ""
    if not found and len(text.split()) >= FEWEST_WORDS and "<instruction>" not in text.lower():
        found = text.strip()
    if len(found) > LONGEST or not any(character.isalpha() for character in found):
        return ""
    return "" if _plain(found) in {_plain(one) for one in known} else found


def _marked(text: str) -> str:
    """What stands between the marks asked for, or in a fence; the last one that is not empty."""
    for form in (_MARKED, _FENCED):
        parts = [part.strip() for part in form.findall(text)]
        found = next((part for part in reversed(parts) if part), "")
        if found:
            fenced = _FENCED.fullmatch(found)
            return fenced[1].strip() if fenced else found
    return ""


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _told(case: Case) -> str:
    lines = [
        f"Input: {_cut(case.sample.input)}",
        f"Right answer: {_cut(case.sample.target)}",
        f"Its answer: {_cut(case.answer) or '(nothing)'}",
        f"Score: {case.value or 0.0:.2f}" + (f" ({_cut(case.note)})" if case.note else ""),
    ]
    return "\n".join(lines)


def _cut(text: str) -> str:
    """The beginning and the end of a long text."""
    plain = text.strip()
    if len(plain) <= SHOWN:
        return plain
    half = SHOWN // 2
    return f"{plain[:half]} [...] {plain[-half:]}"


def _prompt(purpose: str, text: str) -> Prompt:
    return Prompt(
        sample_id=f"({purpose} an instruction)",
        messages=(Message(role="system", content=_SYSTEM), Message(role="user", content=text)),
    )
