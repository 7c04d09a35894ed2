"""The plain prompt: the instruction and the sample's input, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from advisor.builtin.metrics.options import one_of
from advisor.builtin.prompting.labels import labels_to_list, list_labels
from advisor.builtin.prompting.options import read_options
from advisor.builtin.prompting.reflection import (
    WRITTEN_TOKENS,
    asking_to_write,
    read_instruction,
)
from advisor.builtin.prompting.shots import choose_shots
from advisor.builtin.prompting.turns import Lead, prompt_of, short_digest
from advisor.contracts import PluginInfo, Tools
from advisor.schema.evaluation import Document, Prompt, Sample

SHOWN_TO_WRITER = 8
OPTIONS = {"instruction": one_of("given", "written", "auto"), "list_labels": list_labels}


class ZeroShotBuilder:
    """System turn with the instruction, earlier turns, user turn with the input."""

    info = PluginInfo(
        id="zero_shot",
        label="instruction only",
        cost_rank=0,
        approach="prompting",
        options=tuple(OPTIONS),
    )

    def __init__(self, *, instruction: str = "given", list_labels: str = "auto") -> None:
        self._source = instruction
        self._list_labels = list_labels
        self._lead = Lead()
        self.story: tuple[str, ...] = ()
        """What was done to come to the prompt, as sentences."""

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `instruction=given|written|auto`, `list_labels=auto|yes|no`; raises InputError.

        `written` lets the model write the instruction from train samples, `auto` where the user
        gave none.
        """
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the prompts, for the manifest."""
        return {
            "instruction": short_digest(self._lead.instruction),
            "labels_listed": len(self._lead.labels),
        }

    @property
    def instruction(self) -> str:
        """The instruction of the prompts."""
        return self._lead.instruction

    def calls_wanted(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name; written from train alone
    ) -> int:
        """One where an instruction may have to be written, else none."""
        return int(self._source != "given" and bool(train))

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],  # noqa: ARG002 - the contract's name; nothing is learnt from it
        corpus: Sequence[Document],  # noqa: ARG002 - the same
        tools: Tools,
    ) -> None:
        """Take the task's instruction, or have one written."""
        self.story = ()
        instruction = tools.instruction
        if self._source == "written" or (self._source == "auto" and not instruction):
            instruction, self.story = _written(train, tools)
        self._lead = Lead(instruction, labels_to_list(train, self._list_labels))

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample."""
        return prompt_of(sample, self._lead)


def _written(train: Sequence[Sample], tools: Tools) -> tuple[str, tuple[str, ...]]:
    """An instruction of the model's own, or the given one, and a sentence on which it is."""
    shown = choose_shots(train, SHOWN_TO_WRITER, tools.seed)
    answers = []
    if tools.model is not None and shown:
        asked = [asking_to_write(shown)]
        answers = tools.model.reflect(asked, max_new_tokens=WRITTEN_TOKENS)
    found = read_instruction(answers[0]) if answers else ""
    if found:
        return found, (f"The model wrote the instruction from {len(shown)} train samples: {found}",)
    why = "wrote no usable one" if answers else "could not be asked for one"
    kept = "the given one stands" if tools.instruction else "the prompts have none"
    return tools.instruction, (f"No instruction was written, as the model {why}; {kept}.",)
