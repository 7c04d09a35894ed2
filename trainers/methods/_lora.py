"""Puts LoRA in all its forms on a model, and saves what its initialisation changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file, save_file

from advisor.contracts import Applied
from advisor.errors import ModelFolderError
from advisor.schema.plan import Plan
from trainers.methods._peft import put, targets
from trainers.methods.lora import changes_base, init_of, lora_plus, rank_of
from trainers.methods.options import flag

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def put_lora(model: Any, plan: Plan, *, dora: bool = False) -> Applied:
    """Low-rank matrices beside the target modules; alpha is twice the rank by default.

    Raises PlanError for values that PEFT refuses.
    """
    rank, ratio, init = rank_of(plan), lora_plus(plan), init_of(plan)
    applied = put(
        model,
        plan,
        "LoraConfig",
        rates={} if ratio is None else {"lora_B": ratio},
        notes=_notes(plan, init),
        r=rank,
        lora_alpha=plan.alpha if plan.alpha is not None else 2 * rank,
        lora_dropout=plan.dropout,
        target_modules=targets(plan),
        use_rslora=flag(plan, "rslora", default=False),
        use_dora=dora,
        init_lora_weights=True if init == "default" else init,
        bias="none",
    )
    if changes_base(init):
        first = get_peft_model_state_dict(applied.model)
        applied.model.first_adapter = {
            name: tensor.detach().cpu().clone() for name, tensor in first.items()
        }
    return applied


def _notes(plan: Plan, init: str) -> tuple[str, ...]:
    if not changes_base(init) or plan.precision == "float32":
        return ()
    note = (
        f"{init} moves a part of the base into the adapter; in {plan.precision} the rest is"
        " rounded, so the saved adapter on the untouched base differs a little from what was"
        " trained."
    )
    return (note,)


def keep_lora(model: Any, folder: Path) -> None:
    """PEFT's adapter folder; after PiSSA or OLoRA as an adapter of the untouched base.

    What was trained is B A beside W - B0 A0 (scaled), which is [B, -B0] [A; A0] beside W: twice the
    rank, with an alpha that leaves the scale as it is.
    """
    model.save_pretrained(str(folder))
    first = getattr(model, "first_adapter", None)
    if first is None:
        return
    tensors = load_file(folder / WEIGHTS)
    for name, start in first.items():
        if ".lora_A." in name:
            tensors[name] = torch.cat([tensors[name], start.to(tensors[name].dtype)], dim=0)
        elif ".lora_B." in name:
            tensors[name] = torch.cat([tensors[name], -start.to(tensors[name].dtype)], dim=1)
    save_file(
        {name: one.contiguous() for name, one in tensors.items()},
        folder / WEIGHTS,
        metadata={"format": "pt"},
    )
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    config["lora_alpha"] *= 2**0.5 if config["use_rslora"] else 2
    config |= {"r": 2 * config["r"], "init_lora_weights": True}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def restore_lora(model: Any, folder: Path) -> Any:
    """The base with the adapter on it. Raises ModelFolderError where it does not fit."""
    try:
        return PeftModel.from_pretrained(model, str(folder), local_files_only=True)
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        raise ModelFolderError(
            f"The adapter does not fit this base: {str(error).splitlines()[0]}",
            hint="Open it on the base that it was trained on.",
            where=str(folder),
        ) from error
