"""What this engine makes of every field of a plan: does it, tells that it does not, or refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Literal

from advisor.contracts import PluginInfo, Tools
from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.engines.trl.sharing import check_plan, is_deepspeed
from trainers.objectives import cpt, dpo, grpo, kto, orpo, reward, sft

Fate = Literal["honoured", "noted", "refused", "told apart"]
"""`noted`: another value than this engine's own is done this engine's way, and that is said.
`refused`: such a value ends in a PlanError. `told apart`: it says what the plan was estimated from
and asks for nothing."""

FATES: Mapping[str, Fate] = {
    "model": "honoured",
    "objective": "honoured",
    "method": "honoured",
    "precision": "honoured",
    "base_bits": "refused",
    "quantisation": "refused",
    "double_quantisation": "honoured",
    "matmul_bits": "refused",
    "compute_precision": "honoured",
    "trained_precision": "honoured",
    "unquantised_precision": "noted",
    "experts": "told apart",
    "rank": "refused",
    "alpha": "honoured",
    "dropout": "honoured",
    "target_modules": "honoured",
    "sequence_length": "honoured",
    "micro_batch_size": "honoured",
    "gradient_accumulation_steps": "honoured",
    "gradient_checkpointing": "honoured",
    "loss_head": "noted",
    "attention": "refused",
    "stack": "noted",
    "method_options": "refused",
    "packing": "honoured",
    "mean_sequence_length": "told apart",
    "padding_share": "told apart",
    "evaluation_batch_size": "honoured",
    "generated_tokens": "honoured",
    "optimizer": "honoured",
    "learning_rate": "honoured",
    "schedule": "refused",
    "warmup_share": "honoured",
    "weight_decay": "honoured",
    "max_gradient_norm": "honoured",
    "neftune_alpha": "honoured",
    "length_grouping": "honoured",
    "general_share": "honoured",
    "evaluations": "honoured",
    "evaluation_steps": "honoured",
    "early_stopping_patience": "honoured",
    "choose_checkpoint_by": "honoured",
    "epochs": "honoured",
    "examples": "told apart",
    "tokens": "told apart",
    "gpu": "told apart",
    "gpus": "honoured",
    "nodes": "refused",
    "strategy": "refused",
    "offload": "refused",
    "assumed": "told apart",
    "seed": "honoured",
    "reasons": "told apart",
}
"""Every field of a plan; an objective's own exceptions are its course's to tell."""

SCHEDULES = (
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
)
"""Those of the library that need nothing beyond what a plan says."""
OWN_STACKS = ("stock", "peft", "trl")
"""Entries of the catalog whose kernels these are."""
OWN_HEAD = "chunked"
PACKED_BITS = {"nf4": 4, "int8": 8}
"""What this engine packs a base as, by bitsandbytes."""
FLASH = ("flash_attn", "kernels")
"""Packages that bring the flash kernel; the second fetches it from the hub."""
_INFOS = {
    info.id: info
    for info in (
        sft.SftObjective.info,
        cpt.CptObjective.info,
        dpo.DpoObjective.info,
        orpo.OrpoObjective.info,
        kto.KtoObjective.info,
        reward.RewardObjective.info,
        grpo.GrpoObjective.info,
    )
}


def accepted(plan: Plan, tools: Tools) -> tuple[str, ...]:
    """Notes on what this engine does otherwise than the plan says.

    Raises PlanError for what it cannot do; nothing is loaded for that.
    """
    for check in _CHECKS:
        check(plan)
    _check_options(plan, tools)
    return notes(plan)


def notes(plan: Plan) -> tuple[str, ...]:
    """What is done this engine's way although the plan says another."""
    return tuple(_notes(plan))


def _notes(plan: Plan) -> Iterator[str]:
    if plan.stack not in OWN_STACKS:
        yield (
            f"Memory and time were estimated for the kernels of '{plan.stack}'; this trainer runs"
            " the stock ones: what the look before the first step measures counts."
        )
    if plan.loss_head != OWN_HEAD:
        yield (
            f"The loss is computed the library's way, not by a loss head '{plan.loss_head}':"
            " memory may differ from the estimate, the loss does not."
        )
    kept = plan.unquantised_precision
    if plan.base_bits in PACKED_BITS.values() and kept not in (None, plan.precision):
        yield (
            f"What the packed base leaves unpacked stays in {plan.precision}; the plan counted it"
            f" in {kept}."
        )


def _check_packing(plan: Plan) -> None:
    bits = PACKED_BITS.get(plan.quantisation)
    if plan.quantisation != "none" and bits is None:
        raise PlanError(
            f"The trainer 'trl' does not train on a base packed as {plan.quantisation}.",
            hint="Take the unpacked base with quantisation nf4 or int8, or none.",
        )
    if bits is not None and plan.base_bits != bits:
        raise PlanError(
            f"A base packed as {plan.quantisation} has {bits} bits a weight; the plan says"
            f" base_bits {plan.base_bits}.",
            hint=f"Set base_bits to {bits}, or quantisation to what fits {plan.base_bits} bits.",
        )
    if plan.method == "qlora" and plan.base_bits not in PACKED_BITS.values():
        raise PlanError(
            f"qlora trains on a base packed to 4 or 8 bits; the plan says {plan.base_bits}.",
            hint="Set base_bits to 4, or use the method 'lora'.",
        )


def _check_matmul(plan: Plan) -> None:
    if plan.matmul_bits != 16:
        raise PlanError(
            f"The trainer 'trl' does not compute matrix products in {plan.matmul_bits} bits.",
            hint="Set matmul_bits to 16.",
        )


def _check_rank(plan: Plan) -> None:
    if plan.method in ("lora", "qlora") and plan.rank is None:
        raise PlanError(
            f"The method '{plan.method}' needs a rank, and the plan has none.",
            hint="Set rank, for example 16.",
        )


def _check_attention(plan: Plan) -> None:
    if plan.attention == "flash" and not any(find_spec(name) for name in FLASH):
        raise PlanError(
            "The plan's attention 'flash' needs the package flash-attn, which is not installed.",
            hint="Install flash-attn on a machine with a GPU, or set attention to sdpa.",
        )


def _check_schedule(plan: Plan) -> None:
    if plan.schedule not in SCHEDULES:
        raise PlanError(
            f"The trainer 'trl' has no schedule '{plan.schedule}' that a plan can say whole.",
            hint=f"Choose from {', '.join(SCHEDULES)}.",
        )


def _check_sharing(plan: Plan) -> None:
    if plan.gpus > 1:
        check_plan(plan)
    elif plan.strategy not in ("single", "ddp"):
        raise PlanError(
            f"The strategy '{plan.strategy}' shares a model over several GPUs; the plan has one.",
            hint="Plan with --gpus 2 or more, or with strategy single.",
        )
    elif plan.nodes > 1:
        raise PlanError(
            f"One GPU does not stand in {plan.nodes} machines.",
            hint="--gpus counts the devices of all machines together.",
        )


def _check_offload(plan: Plan) -> None:
    if plan.offload == "none" or (is_deepspeed(plan) and plan.offload == "optimizer"):
        return
    if is_deepspeed(plan) and plan.strategy == "zero3" and plan.offload == "weights":
        return  # refused with the file for a script of one's own, which says it
    raise PlanError(
        f"The trainer 'trl' does not move {plan.offload} to main memory with strategy"
        f" '{plan.strategy}'.",
        hint="Set offload to none; a smaller micro-batch, gradient_checkpointing or a paged"
        " optimizer take less memory, too.",
    )


_CHECKS: tuple[Callable[[Plan], None], ...] = (
    _check_sharing,
    _check_offload,
    _check_rank,
    _check_packing,
    _check_matmul,
    _check_attention,
    _check_schedule,
)


def _check_options(plan: Plan, tools: Tools) -> None:
    """An option that nobody reads is a misspelt one."""
    infos: list[PluginInfo] = [tools.method(plan.method).info]
    if plan.objective in _INFOS:
        infos.append(_INFOS[plan.objective])
    known = sorted({option for info in infos for option in info.options})
    unknown = sorted(set(plan.method_options) - set(known))
    if unknown:
        raise PlanError(
            f"Nobody here understands the option '{unknown[0]}'.",
            hint=f"Known to {', '.join(i.id for i in infos)}: {', '.join(known) or 'none'}.",
        )
