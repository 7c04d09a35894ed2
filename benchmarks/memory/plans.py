"""A described row -> what a user would ask about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from advisor import registry
from advisor.schema.catalog import ModelCard
from advisor.schema.estimate import EstimateRequest
from benchmarks.memory.options import method_options
from benchmarks.memory.shapes import target_modules
from benchmarks.memory.stacks import loss_head_of

_PRECISIONS = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
_QUANTISATIONS = {
    "none": ("none", 16),
    "nf4": ("nf4", 4),
    "nf4-dq": ("nf4", 4),
    "int4": ("gptq", 4),
    "int8": ("int8", 8),
    "fp8": ("fp8", 8),
}
_OPTIMIZERS = {
    "adamw": ("adamw_torch",),
    "adamw_fused": ("adamw_torch_fused",),
    "adamw_8bit": ("adamw_bnb_8bit", "adamw_8bit"),
    "paged_adamw_8bit": ("paged_adamw_8bit",),
    "paged_adamw_32bit": ("paged_adamw_32bit",),
    "adafactor": ("adafactor",),
    "lion": ("lion", "lion_32bit", "lion_8bit"),
    "lion_8bit": ("lion_8bit",),
    "sgd": ("sgd",),
    "sgd_momentum": ("sgd_momentum", "sgd"),
    "galore": ("galore_adamw", "adamw_torch"),
    "other": ("adamw_torch",),
}
_STRATEGIES = {
    "none": "single",
    "ddp": "ddp",
    "zero1": "zero1",
    "zero2": "zero2",
    "zero3": "zero3",
    "fsdp": "fsdp",
    "pp": "layer_split",
}
_SAME_AS_LORA = frozenset(
    {"lora", "qlora", "rslora", "pissa", "olora", "loftq", "peft", "lora+", "loraplus", "lorafa"}
)
_OBJECTIVES = ("dpo", "grpo", "orpo", "kto", "reward", "ppo")
_METHOD_NAMES = {
    "adapter": "adapter",
    "prompt_tuning": "prompt",
    "prompt": "prompt",
    "prefixtuning": "prefix",
    "prefix_tuning": "prefix",
    "ptuning": "p_tuning",
    "ptuning_v2": "prefix",
    "p_tuning": "p_tuning",
    "full_galore": "galore",
    "full_lisa": "lisa",
    "full_freeze": "freeze",
    "llamapro": "llama_pro",
    "adaptionprompt": "adaption_prompt",
}
_CONTEXT_PARALLEL = re.compile(r"^fsdp\d+ x cp(\d+)")
"""Sequences split over cards, weights sharded over all of them."""
_MEAN = re.compile(r"\bmean (\d+)")


class UnmappedError(ValueError):
    """A row that says too little, or that nothing of ours describes."""


def request_of(
    row: Mapping[str, Any], run: dict[str, Any], *, card: ModelCard, stack: str
) -> EstimateRequest:
    """What a user would ask who knew what the row states, and nothing else.

    Raises UnmappedError for what nothing of ours describes.
    """
    objective, method = _objective_and_method(run)
    strategy: str | None = _strategy(str(row.get("parallelism") or ""), run)
    if run["num_gpus"] == 1 and strategy in ("single", "ddp", "fsdp", "layer_split"):
        strategy = None  # one card, as the software runs one
    return EstimateRequest(
        methods=(method,),
        objective=objective,
        method_options=method_options(method, row, run, card),
        rank=run["rank"],
        target_modules=None if run["method"] == "full" else target_modules(run, card),
        stack=stack,
        strategy=strategy,
        gpus=run["num_gpus"],
        nodes=_machines(run["num_gpus"]),
        **_precisions(row, run, strategy),
        **_stated(row, run),
    )


def _machines(gpus: int) -> int:
    """Eight cards stand in one machine, as published clusters have it."""
    return gpus // 8 if gpus > 16 and gpus % 8 == 0 else 1


def _precisions(
    row: Mapping[str, Any], run: dict[str, Any], strategy: str | None
) -> dict[str, Any]:
    """Precisions of weights, products and what is trained, and how the base is packed.

    Raises UnmappedError for a quantisation that we do not know.
    """
    if run["quant"] not in _QUANTISATIONS:
        raise UnmappedError(f"quantisation '{row.get('weights_dtype')}'")
    quantisation, bits = _QUANTISATIONS[run["quant"]]
    weights, compute = run["compute"] if bits < 16 else run["weights"], run["compute"]
    values: dict[str, Any] = {}
    if bits < 16:
        is_awq = "awq" in str(row.get("weights_dtype") or "").lower()
        values["quantisation"] = "awq" if is_awq else quantisation
    if run["quant"].startswith("nf4"):
        values["double_quantisation"] = run["quant"] == "nf4-dq"
    is_lowered = bits == 16 and weights == "fp32" and compute != "fp32"
    if is_lowered and strategy in ("fsdp", "zero3"):
        weights = compute  # shards stay in 32 bits, what is gathered from them does not
        values["trained_precision"] = "float32"
    elif is_lowered:
        values["compute_precision"] = _PRECISIONS[compute]
    if run["master"] and run["parallel"] == "fsdp":
        values["trained_precision"] = "float32"
    return values | {"precision": _PRECISIONS[weights]}


def _strategy(text: str, run: dict[str, Any]) -> str:
    """How the work is split.

    DeepSpeed without a stage is what its users' scripts take: 3 for all weights and for bases that
    one card cannot hold, else 2; a bare number of cards is full sharding. Raises UnmappedError
    for what we do not estimate.
    """
    plain, several = text.lower(), run["num_gpus"] > 1
    found = _STRATEGIES.get(run["parallel"])
    if found is None and plain.startswith(("zero", "deepspeed")):
        whole_gib = 2.0 * run["arch"]["params"] / 2**30
        shards = run["method"] == "full" or whole_gib > run["gpu_gib"]
        found = "zero3" if shards else "zero2"
    if found is None and _CONTEXT_PARALLEL.search(plain):
        found = "fsdp"
    if found is None and plain.startswith("published as"):
        found = "fsdp"
    if found is None or (several and found == "single"):
        raise UnmappedError(f"strategy '{text}'")
    return found


def _stated(row: Mapping[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """What else a row fixes, whatever the software's habit is."""
    split = _CONTEXT_PARALLEL.search(str(row.get("parallelism") or "").lower())
    values: dict[str, Any] = {
        "seq_len": max(run["seq"] // (int(split.group(1)) if split else 1), 1),
        "batch_size": run["mb"],
        "grad_accum": run["ga"],
        "gradient_checkpointing": bool(run["gc"]) and not _is_selective(row, run),
        "attention": run["attn"],
        "optimizer": _optimizer(row, run),
        "mean_sequence_length": _mean_length(str(row.get("seq_len") or ""), run["seq"]),
    }
    loss = loss_head_of(run)
    if loss:
        values["loss_head"] = loss
    if run["offload"]:
        values["offload"] = "weights" if run["parallel"] in ("fsdp", "zero3") else "optimizer"
    elif run.get("act_offload"):
        values["offload"] = "activations"
    return values


def _mean_length(text: str, longest: int) -> float | None:
    """Mean length where batches differ in it: as stated, else half the longest; None if none do."""
    plain = text.lower()
    if not (plain.startswith(("max", "<=")) or "variable" in plain):
        return None
    said = _MEAN.search(plain)
    return max(min(float(said.group(1)), 0.9 * longest) if said else longest / 2, 1.0)


def _is_selective(row: Mapping[str, Any], run: dict[str, Any]) -> bool:
    """Checkpointing of some operations only, which torchtitan's stack knows as its habit."""
    selective = str(row.get("grad_checkpointing") or "").lower().startswith("selective")
    return selective and "torchtitan" in run["framework"]


def _optimizer(row: Mapping[str, Any], run: dict[str, Any]) -> str:
    text = str(row.get("optimizer") or "").lower()
    wanted = _OPTIMIZERS.get(run["optimizer"], ("adamw_torch",))
    if "paged" in text and "8" not in text:
        wanted = ("paged_adamw_32bit",)
    if "foreach=false" in text:
        wanted = ("adamw_torch_fused",)
    if "4bit" in text or "4-bit" in text:
        wanted = ("adamw_4bit", "adamw_torch_4bit", "adamw_8bit")
    return next((name for name in wanted if name in _known_optimizers()), wanted[-1])


@cache
def _known_optimizers() -> frozenset[str]:
    from trainers.methods.optimizers import OPTIMIZERS  # noqa: PLC0415

    return frozenset(OPTIMIZERS)


def _objective_and_method(run: dict[str, Any]) -> tuple[str, str]:
    """Our names of what is optimised and what is tuned.

    Raises UnmappedError for a method without a footprint of ours.
    """
    raw = str(run["raw_method"]).replace("-", "_")
    objective = next((word for word in _OBJECTIVES if word in raw), "sft")
    if objective != "sft":
        if objective not in registry.names("advisor.objectives"):
            raise UnmappedError(f"objective '{objective}'")
        raw = raw.replace(objective, "").strip("_") or "full"
    if run["method"] == "full" and raw in ("full", "fft", "full_ft", "sft", "pretrain"):
        return objective, "full"
    packed = raw in ("qlora_awq", "qlora_gptq", "qlora_int4", "lora_awq", "lora_gptq")
    if packed or raw in _SAME_AS_LORA or not run["approx_method"]:
        return objective, run["method"]
    known = registry.names("advisor.methods")
    for name in (_METHOD_NAMES.get(raw, raw), raw):
        if name in known:
            return objective, name
    raise UnmappedError(f"method '{run['raw_method']}'")
