"""How a plan's strategy over several GPUs is written for DeepSpeed and FSDP2."""

from __future__ import annotations

import json
from typing import Any

from advisor.errors import PlanError
from advisor.schema.plan import Plan

DEEPSPEED_FILE = "deepspeed.json"
STAGES = {"zero1": 1, "zero2": 2, "zero3": 3}
OFFLOADED = {"optimizer": ("offload_optimizer",), "weights": ("offload_optimizer", "offload_param")}


def deepspeed_text(plan: Plan) -> str:
    """DeepSpeed's settings for the plan's ZeRO stage; empty for every other strategy.

    Values that follow from the rest of the plan are left to the trainer (`auto`). Raises PlanError
    where weights are to wait in main memory below stage 3, which alone can do that.
    """
    stage = STAGES.get(plan.strategy)
    if stage is None:
        return ""
    if plan.offload == "weights" and stage < max(STAGES.values()):
        raise PlanError(
            f"DeepSpeed offloads weights in stage 3 only, and the plan has '{plan.strategy}'.",
            hint="Set strategy zero3, or offload optimizer.",
        )
    zero: dict[str, Any] = {"stage": stage, "overlap_comm": True, "contiguous_gradients": True}
    for name in OFFLOADED.get(plan.offload, ()):
        zero[name] = {"device": "cpu", "pin_memory": True}
    if stage == max(STAGES.values()):
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    told = {
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto"},
        "zero_optimization": zero,
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
    }
    return json.dumps(told, indent=2) + "\n"


def fsdp_settings(plan: Plan) -> dict[str, Any] | None:
    """FSDP2's settings by the names transformers and Axolotl share; None for other strategies."""
    if plan.strategy != "fsdp":
        return None
    return {
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "state_dict_type": "FULL_STATE_DICT",
        "reshard_after_forward": True,
        "offload_params": plan.offload == "weights",
    }
