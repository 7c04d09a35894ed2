"""Low-rank adapters of one base combined into one adapter, by PEFT."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.contracts import PluginInfo, Tools
from advisor.errors import PlanError
from advisor.schema.combine import Combined, CombineJob
from trainers.combining.parts import Part, others, read_parts, why_not_asked_alike
from trainers.combining.ways import PEFT_NAMES, way_of, why_not_asked_so
from trainers.engines.trl.quiet import quiet

FACTORS = (".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B")
BEYOND_FACTORS = {
    "use_dora": "DoRA's magnitudes",
    "use_qalora": "QA-LoRA's pooled inputs",
    "use_bdlora": "block-diagonal factors",
    "alora_invocation_tokens": "activation by certain tokens",
    "arrow_config": "Arrow's routing",
    "kasa_config": "KaSA's singular values",
    "monteclora_config": "MonteCLoRA's sampled factors",
    "velora_config": "VeLoRA's projected inputs",
    "layer_replication": "repeated layers",
    "target_parameters": "changes of bare parameters",
}
"""Key of an adapter's settings -> what it means, which no sum of the factors keeps."""
CHANGED_BASES = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Starts that take a part out of the base: such an adapter alone is not the change."""


class PeftCombiner:
    """Adds up LoRA adapters of one base."""

    info = PluginInfo(
        id="peft",
        label="adapters of one base, by PEFT",
        extra="train",
        needs=("adapters",),
        options=tuple(PEFT_NAMES),
    )

    def takes(self, job: CombineJob) -> str:
        """Why these adapters cannot be combined this way; reads headers and settings only."""
        why = why_not_asked_so(job, PEFT_NAMES, "Adapters")
        if why:
            return why
        if not any(job.weights):
            return "Every weight is 0, so nothing of the adapters would be left."
        if job.rank is not None and job.how == "cat":
            return "'cat' gives the sum of the ranks; choose 'svd' for a rank of your own."
        parts = read_parts(job.models)
        why = next(filter(None, map(_why_not_alone, parts)), "")
        return why or _why_not_on_one_base(parts) or why_not_asked_alike(parts)

    def combine(self, job: CombineJob, tools: Tools) -> Combined:
        """An ordinary adapter folder with tokenizer, chat template and facts of the base.

        Raises PlanError for what `takes` refuses, and for parts of which nothing would be left;
        ModelFolderError, MissingExtraError and StorageError.
        """
        _ = tools
        why = self.takes(job)
        if why:
            raise PlanError(why, hint="See docs/how-to/combine.md for what goes together.")
        parts = read_parts(job.models)
        with quiet():
            from trainers.combining._adapters import combined  # noqa: PLC0415 - delays torch

            return combined(parts, job, way_of(job, parts))


def _why_not_alone(part: Part) -> str:
    """Why this one cannot be a part; raises ModelFolderError where its weights cannot be read."""
    if part.origin.kind != "adapter":
        return f"'{part.name}' is no adapter, and adapters go together with adapters only."
    config = part.origin.config
    kind = str(config.get("peft_type") or "")
    if kind != "LORA":
        return f"'{part.name}' is no LoRA adapter but {kind or 'one that does not say its kind'}."
    for key, meaning in BEYOND_FACTORS.items():
        if config.get(key):
            return f"'{part.name}' has {meaning} ({key}), which a combination would lose."
    start = str(config.get("init_lora_weights") or "").lower()
    if start.startswith(CHANGED_BASES):
        return (
            f"'{part.name}' stands on a base that its start ({start}) has changed; save it as an"
            " adapter of the untouched base."
        )
    whole = [name for name in part.shapes if not name.endswith(FACTORS)]
    if whole:
        return (
            f"'{part.name}' holds more than low-rank factors ({len(whole)} tensors, the first is"
            f" {whole[0]}), which a combination would lose."
        )
    return "" if part.shapes else f"'{part.name}' holds no weights."


def _why_not_on_one_base(parts: Sequence[Part]) -> str:
    for first, other in others(parts):
        pair = f"'{first.name}' and '{other.name}'"
        if first.base_digest != other.base_digest:
            return f"{pair} stand on different bases: {_named(first)} and {_named(other)}."
        tasks = [part.origin.config.get("task_type") for part in (first, other)]
        if tasks[0] != tasks[1]:
            return f"{pair} do different things: {tasks[0]} and {tasks[1]}."
    return ""


def _named(part: Part) -> str:
    named = part.origin.config.get("base_model_name_or_path") or part.origin.facts.get("model")
    return f"'{named}'"
