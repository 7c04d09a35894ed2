"""A published row -> model card, plan, stack, card and tier -> our estimate of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from advisor import registry
from advisor.catalog import query
from advisor.errors import AdvisorError
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import Gpu, ModelCard, Stack
from advisor.schema.estimate import Memory
from advisor.schema.plan import Footprint, ObjectiveFootprint, Plan
from advisor.stages.estimate.fit import fits
from advisor.stages.estimate.tiers import memory, outside_gib
from advisor.stages.estimate.work import Work
from benchmarks.memory.normalize import find_config, normalize, number, tier_of
from benchmarks.memory.shapes import card_of, config_of, target_modules
from benchmarks.memory.stacks import UNKNOWN, loss_head_of, stack_of

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


_HABITS = ("compute_precision", "trained_precision", "unquantised_precision")
"""Plan fields that the software decides, and no column of a row tells."""
_SIZE = re.compile(r"(\d{1,3}) ?gi?b\b")
_LAST_LAYERS = re.compile(r"last (\d+) layers")
_VIRTUAL_TOKENS = re.compile(r"(?:prefix|prompt|tokens) (\d+)")
_CONTEXT_PARALLEL = re.compile(r"^fsdp\d+ x cp(\d+)")
"""Sequences split over cards, weights sharded over all of them."""


class UnmappedError(ValueError):
    """A row that says too little, or that nothing of ours describes."""


@dataclass(frozen=True)
class Case:
    """A row in our own terms."""

    card: ModelCard
    plan: Plan
    stack: Stack
    gpu: Gpu
    tier: str
    stack_known: bool


@dataclass(frozen=True)
class Prediction:
    """What we say about a row, in GiB per GPU."""

    likely: float
    low: float
    high: float
    fits: bool | str
    memory: Memory


def described(
    row: Mapping[str, str], configs: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, Any], Case]:
    """The normal description of a row, and the row in our own terms.

    A model whose shape the table lacks is looked up in the catalog. Raises ValueError with the
    reason when the row cannot be described.
    """
    name, card = str(row.get("model")), None
    config = find_config(name, configs)
    if config is None or not number(config.get("hidden_size")):
        card = _catalog_card(name)
        config = config_of(card) if card else config or {}
        configs = {**configs, name: config} if config else configs
    run = normalize(row, configs, strict=False)
    return run, case_of(row, run, config, card=card)


def _catalog_card(name: str) -> ModelCard | None:
    try:
        return query.find_model(name)
    except AdvisorError:
        return None


def case_of(
    row: Mapping[str, Any],
    run: dict[str, Any],
    config: Mapping[str, str],
    *,
    card: ModelCard | None = None,
) -> Case:
    """A row in our own terms.

    `row` gives columns that the description lacks; none of the hidden ones is read. Raises
    UnmappedError with the reason.
    """
    targets = str(row.get("target_modules") or "")
    try:
        card = card or card_of(run, dict(config), targets)
    except (ValueError, ZeroDivisionError) as error:
        raise UnmappedError(f"shape: {error}") from error
    name, known = stack_of(run, str(row.get("grad_checkpointing") or ""))
    stack = _stack(name)
    gpu = _gpu(str(run.get("gpu") or ""), float(run["gpu_gib"]))
    plan = _plan(row, run, card=card, stack=stack, gpu=gpu)
    guessed = (("stack", not known), ("sequence_length", "seq_len" in run["assumed"]))
    plan = plan.model_copy(update={"assumed": tuple(name for name, is_so in guessed if is_so)})
    tier = tier_of(run.get("mem_kind"))
    return Case(card=card, plan=plan, stack=stack, gpu=gpu, tier=tier, stack_known=known)


def without_stack(case: Case) -> Case:
    """The same run where nobody told the software: stock, with its habits."""
    stack = _stack(UNKNOWN)
    habits = {
        key: value
        for key, value in ({"loss_head": "stock"} | stack.defaults).items()
        if key in _HABITS
    }
    known = {key for key in _HABITS if key in case.stack.defaults}
    forgotten = dict.fromkeys(known) | habits
    plan = case.plan.model_copy(update={**forgotten, "assumed": ("stack",), "stack": stack.id})
    return replace(case, plan=plan, stack=stack, stack_known=False)


def predict(case: Case) -> Prediction:
    """Our estimate of a case in the tier that its figure counts.

    Raises UnmappedError when the estimator refuses the plan.
    """
    try:
        footprint, objective = _footprints(case)
    except AdvisorError as error:
        raise UnmappedError(f"refused: {error}") from error
    work = Work(case.plan, case.card, footprint, case.stack, objective)
    found = memory(work, case.gpu)
    asked = _asked(found, case.tier)
    outside, tiers = outside_gib(work, case.gpu), case.stack.tiers
    verdict, _, _ = fits(found, case.gpu, outside=outside, tiers=tiers)
    return Prediction(asked.likely, asked.low, asked.high, verdict, found)


def _footprints(case: Case) -> tuple[Footprint, ObjectiveFootprint]:
    plan, card = case.plan, case.card
    objective = ObjectiveFootprint()
    if plan.objective != "sft":
        objective = registry.objective(plan.objective).footprint(plan, card)
    return _method(plan.method).footprint(plan, card), objective


def _asked(found: Memory, tier: str) -> Interval:
    """The interval of a tier; what is not stated is taken for the whole process."""
    allocated, reserved, process = found.allocated_gib, found.reserved_gib, found.process_gib
    if tier == "allocated" or reserved is None or process is None:
        return allocated
    return reserved if tier == "reserved" else process


@cache
def _stack(name: str) -> Stack:
    return query.reference(name).stack


@cache
def _method(name: str) -> Any:
    return registry.method(name)


@cache
def _gpu(name: str, gib: float) -> Gpu:
    """The catalog's card where name and size agree, else one of the stated size."""
    said = _SIZE.search(name.lower())
    size = float(said.group(1)) if said else None
    plain = re.sub(r"\(.*?\)", "", name).strip()
    found: Gpu | None = None
    for text in (name, plain, _SIZE.sub("", plain.lower()).strip(" -"), plain.split("-")[0]):
        try:
            card = query.find_gpu(text)
        except AdvisorError:
            continue
        found = found or card
        if size is None or abs(card.memory_gib / size - 1) < 0.12:
            return card
    return Gpu(
        id="unlisted",
        name=name or "unknown",
        memory_gib=size or gib,
        architecture=found.architecture if found else "",
        provenance=Provenance(kind="assumed", source="name of the card in the row"),
    )


def _plan(
    row: Mapping[str, Any], run: dict[str, Any], *, card: ModelCard, stack: Stack, gpu: Gpu
) -> Plan:
    objective, method = _objective_and_method(run)
    strategy = _strategy(str(row.get("parallelism") or ""), run)
    if run["quant"] not in _QUANTISATIONS:
        raise UnmappedError(f"quantisation '{row.get('weights_dtype')}'")
    quantisation, bits = _QUANTISATIONS[run["quant"]]
    if "awq" in str(row.get("weights_dtype") or "").lower():
        quantisation = "awq"
    weights = run["compute"] if bits < 16 else run["weights"]
    values: dict[str, Any] = {"loss_head": "stock", **stack.defaults_for(run["method"])}
    values |= _stated(row, run)
    values["method_options"] = _method_options(method, str(row.get("target_modules") or ""), run)
    if run["method"] != "full":
        values |= {"rank": run["rank"], "target_modules": target_modules(run, card)}
    if weights == "fp32" and run["compute"] != "fp32" and strategy in ("fsdp", "zero3"):
        weights = run["compute"]  # shards stay in 32 bits, what is gathered from them does not
        values["trained_precision"] = "float32"
        values.pop("compute_precision", None)
    precision = _PRECISIONS[weights]
    if stack.autocasts and precision != "float32":
        values.setdefault("compute_precision", precision)
    return Plan(
        **{
            **values,
            "model": card.id,
            "objective": objective,
            "method": method,
            "precision": precision,
            "base_bits": 32 if precision == "float32" and bits == 16 else bits,
            "quantisation": quantisation,
            "strategy": strategy,
            "learning_rate": 1e-4,
            "epochs": 1.0,
            "gpu": gpu.id,
            "gpus": run["num_gpus"],
            "stack": stack.id,
        }
    )


def _strategy(text: str, run: dict[str, Any]) -> str:
    """How the work is split.

    DeepSpeed without a stage is what its users' scripts take: 3 for all weights, 2 for adapters; a
    bare number of cards is full sharding. Raises UnmappedError for what we do not estimate.
    """
    plain, several = text.lower(), run["num_gpus"] > 1
    found = _STRATEGIES.get(run["parallel"])
    if "qwenlm" in run["framework"] and run["method"] == "full" and found == "single":
        found = "zero3"  # the repository's only script for all weights
    if found is None and plain.startswith(("zero", "deepspeed")):
        found = "zero3" if run["method"] == "full" else "zero2"
    if found is None and _CONTEXT_PARALLEL.search(plain):
        found = "fsdp"
    if found is None and plain.startswith("published as"):
        found = "fsdp"
    if found is None or (several and found == "single"):
        raise UnmappedError(f"strategy '{text}'")
    return found


def _stated(row: Mapping[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """Plan fields that a row fixes, whatever the stack's habit is."""
    split = _CONTEXT_PARALLEL.search(str(row.get("parallelism") or "").lower())
    values: dict[str, Any] = {
        "sequence_length": max(run["seq"] // (int(split.group(1)) if split else 1), 1),
        "micro_batch_size": run["mb"],
        "gradient_accumulation_steps": run["ga"],
        "gradient_checkpointing": bool(run["gc"]) and not _is_selective(row, run),
        "attention": run["attn"],
        "optimizer": _optimizer(row, run),
    }
    loss = loss_head_of(run)
    if loss:
        values["loss_head"] = loss
    if run["quant"].startswith("nf4"):
        values["double_quantisation"] = run["quant"] == "nf4-dq"
    if run["quant"] == "none" and run["weights"] == "fp32" and run["compute"] != "fp32":
        values["compute_precision"] = _PRECISIONS[run["compute"]]
    if run["master"] and run["parallel"] == "fsdp":
        values["trained_precision"] = "float32"
        values["compute_precision"] = _PRECISIONS[run["compute"]]
    if run["offload"]:
        values["offload"] = "weights" if run["parallel"] in ("fsdp", "zero3") else "optimizer"
    elif run.get("act_offload"):
        values["offload"] = "activations"
    return values


def _method_options(method: str, targets: str, run: dict[str, Any]) -> dict[str, int | bool]:
    """What a row says that only the method understands."""
    if method == "full":
        return {"in_backward": True} if run.get("in_backward") else {}
    layers, tokens = _LAST_LAYERS.search(targets), _VIRTUAL_TOKENS.search(targets)
    if method == "freeze" and layers:
        return {"layers": int(layers.group(1))}
    found: dict[str, int | bool] = {}
    if method in ("prefix", "prompt", "p_tuning") and tokens:
        found["virtual_tokens"] = int(tokens.group(1))
    if method == "prefix" and "projection" in targets:
        found["projection"] = True
    return found


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
    if raw in _SAME_AS_LORA or not run["approx_method"]:
        return objective, run["method"]
    known = registry.names("advisor.methods")
    for name in (_METHOD_NAMES.get(raw, raw), raw):
        if name in known:
            return objective, name
    raise UnmappedError(f"method '{run['raw_method']}'")
