"""The plain prompt: the instruction and the sample's input, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.builtin.prompting.turns import earlier, opening, question, short_digest
from advisor.contracts import PluginInfo, Tools
from advisor.schema.evaluation import Document, Prompt, Sample


class ZeroShotBuilder:
    """System turn with the instruction, earlier turns, user turn with the input."""

    info = PluginInfo(id="zero_shot", label="instruction only", cost_rank=0)

    def __init__(self) -> None:
        self._instruction = ""

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """What decides the prompts, for the manifest."""
        return {"instruction": short_digest(self._instruction)}

    def fit(
        self,
        train: Sequence[Sample],  # noqa: ARG002 - the contract's name; nothing is learnt here
        dev: Sequence[Sample],  # noqa: ARG002 - the same
        corpus: Sequence[Document],  # noqa: ARG002 - the same
        tools: Tools,
    ) -> None:
        """Take the task's instruction."""
        self._instruction = tools.instruction

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample."""
        messages = (
            *opening(sample, self._instruction),
            *earlier(sample),
            question(sample.input),
            *sample.steps,
        )
        return Prompt(sample_id=sample.id, messages=messages)
