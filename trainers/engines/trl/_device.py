"""Whether the device can do what the plan says, and the model was loaded as it says."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import torch

from advisor.errors import ModelFolderError, PlanError, TrainingError
from advisor.schema.plan import Plan
from trainers.engines.trl._model import DTYPES, QUANTISED

HERE = ("local", "cpu")
"""Names of plans for whatever this machine has."""
QUANTISED_LAYERS = {4: "Linear4bit", 8: "Linear8bitLt"}
MOST_OTHER = 0.5
"""Share of the base's numbers in another precision above which it was loaded wrongly; norms and
routers are kept in 32 bits by some models."""


def device_notes(plan: Plan) -> tuple[str, ...]:
    """What is odd about the device, though it can train.

    Raises PlanError for a plan that needs a device which is not here, or more of them.
    """
    if not torch.cuda.is_available():
        if plan.gpu.lower() not in HERE:
            raise PlanError(
                f"The plan is for the GPU '{plan.gpu}', and torch finds no GPU on this machine.",
                hint="Start it where that card is, install a torch built for your card's driver"
                " (python -c 'import torch; print(torch.cuda.is_available())'), or plan for this"
                " machine with --gpu local.",
            )
        return _core_notes()
    count = torch.cuda.device_count()
    alone = not torch.distributed.is_initialized()  # joined processes have been counted already
    if alone and plan.gpus // plan.nodes > count:
        raise PlanError(
            f"The plan spreads over {plan.gpus // plan.nodes} GPUs, and torch finds {count}.",
            hint=f"Plan for {count} (--gpus {count}), or look at CUDA_VISIBLE_DEVICES.",
        )
    wanted = {plan.precision, plan.compute_precision}
    if "bfloat16" in wanted and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise PlanError(
            f"The plan computes in bfloat16, and {torch.cuda.get_device_name()} cannot.",
            hint="Choose float16 (with lora or qlora) or float32 with --precision.",
        )
    return ()


def _core_notes() -> tuple[str, ...]:
    cores, threads = _usable_cores(), torch.get_num_threads()
    if threads < cores:
        asked = os.environ.get("OMP_NUM_THREADS")
        why = f" (OMP_NUM_THREADS is {asked})" if asked else ""
        return (f"Training uses {threads} of {cores} cores{why}.",)
    if threads > cores:
        return (f"Torch runs {threads} threads on {cores} cores: each waits for the others.",)
    return ()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_precision(plan: Plan, model: Any) -> None:
    """Raise TrainingError, with counts, for a base in another precision than the plan's."""
    if plan.base_bits in QUANTISED or plan.method == "qlora":
        _check_quantised(plan, model)
        return
    counts = _numbers(model)
    total = sum(counts.values())
    allowed = {DTYPES[plan.precision]}
    if plan.trained_precision is not None and not _has_frozen(model):
        allowed.add(DTYPES[plan.trained_precision])
    other = Counter({kind: n for kind, n in counts.items() if kind not in allowed})
    if other.total() <= MOST_OTHER * total:
        return
    [(kind, count)] = other.most_common(1)
    size = torch.empty(0, dtype=kind).element_size()
    wanted = torch.empty(0, dtype=DTYPES[plan.precision]).element_size()
    raise TrainingError(
        f"The base was loaded in {_name(kind)} ({count:,} of its {total:,} numbers), and the plan"
        f" says {plan.precision}: it takes {size / wanted:g} times the planned memory.",
        hint=f"Plan for what is there (--precision {_name(kind)}), or report this as a bug.",
        where=plan.model,
    )


def _check_quantised(plan: Plan, model: Any) -> None:
    bits = plan.base_bits if plan.base_bits in QUANTISED else 4
    name = QUANTISED_LAYERS[bits]
    kinds = Counter(_kind(part) for _, part in _base_layers(model))
    packed, total = kinds[name], kinds.total()
    if packed and 2 * packed >= total:
        return
    raise TrainingError(
        f"The plan says a base in {bits} bits, and {packed} of its {total} linear layers are"
        f" quantised so.",
        hint="Use the method lora with base_bits 16, or a model whose layers can be quantised.",
        where=plan.model,
    )


def _base_layers(model: Any) -> list[tuple[str, Any]]:
    """Linear layers of the base: neither an adapter's own nor the head."""
    found = []
    for name, part in model.named_modules():
        is_linear = isinstance(part, torch.nn.Linear) and not _is_wrapped(part)
        is_adapter = any(p.requires_grad for p in part.parameters(recurse=False))
        if is_linear and not is_adapter and not name.endswith(("lm_head", "score")):
            found.append((name, part))
    return found


def _is_wrapped(part: Any) -> bool:
    """A library's layer around the base's own one."""
    return hasattr(part, "base_layer")


def _kind(part: Any) -> str:
    names = {one.__name__ for one in type(part).__mro__}
    return next((name for name in QUANTISED_LAYERS.values() if name in names), "Linear")


def _numbers(model: Any) -> Counter[torch.dtype]:
    """Floating-point numbers of the base by their type: the frozen ones where there are some."""
    frozen = _has_frozen(model)
    counts: Counter[torch.dtype] = Counter()
    for parameter in model.parameters():
        if parameter.is_floating_point() and not (frozen and parameter.requires_grad):
            counts[parameter.dtype] += parameter.numel()
    return counts


def _has_frozen(model: Any) -> bool:
    return any(not p.requires_grad for p in model.parameters())


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")


def check_finite(model: Any, name: str) -> None:
    """Raise ModelFolderError where a weight is infinite or no number; nothing is copied."""
    plain = set(DTYPES.values())
    tensors = [(n, p) for n, p in model.named_parameters() if p.dtype in plain and p.numel()]
    if not tensors:
        return
    with torch.no_grad():
        ends = [torch.stack(torch.aminmax(p.detach())).float().cpu() for _, p in tensors]
    broken = [n for (n, _), pair in zip(tensors, ends, strict=True) if not pair.isfinite().all()]
    if broken:
        raise ModelFolderError(
            f"{len(broken)} of {len(tensors)} weight tensors hold numbers that are not finite,"
            f" first '{broken[0]}'.",
            hint="Download the model again, or load it in another precision: what is trained on"
            " such weights gives no number either.",
            where=name,
        )
