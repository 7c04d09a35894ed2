"""How a plan's processes share the model: what runs here, and files for other launchers."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.engines.ledger import write_whole

SPREAD = ("ddp", "fsdp", "zero1", "zero2", "zero3")
DEEPSPEED_FILE, ACCELERATE_FILE = "ds_config.json", "accelerate.yaml"


def check_plan(plan: Plan) -> None:
    """Raise PlanError for what several processes cannot do with this plan here."""
    if plan.strategy not in SPREAD:
        raise PlanError(
            f"The trainer 'trl' does not share a model by '{plan.strategy}' over {plan.gpus} GPUs.",
            hint=f"Plan with --strategy {', '.join(SPREAD[:-1])} or {SPREAD[-1]}.",
        )
    if plan.gpus % plan.nodes:
        raise PlanError(
            f"{plan.gpus} GPUs do not stand in {plan.nodes} equal machines.",
            hint="--gpus counts the devices of all machines together.",
        )


def check_deepspeed(plan: Plan, folder: Path) -> None:
    """Raise PlanError where DeepSpeed would share the model and cannot; its files are in place.

    ZeRO-3 parts the weights as `fsdp` does, which needs nothing installed and is tested here.
    """
    if not is_deepspeed(plan):
        return
    beside = f"The configuration for a script of your own is {folder / DEEPSPEED_FILE}."
    if plan.strategy == "zero3":
        raise PlanError(
            "The trainer 'trl' does not train with ZeRO-3 itself.",
            hint=f"Plan with --strategy fsdp, which parts weights, gradients and states. {beside}",
            where=str(folder),
        )
    if find_spec("deepspeed") is None:
        raise PlanError(
            f"The strategy '{plan.strategy}' is DeepSpeed's, which is not installed.",
            hint="Install it with `pip install deepspeed` on a machine with GPUs, or plan with"
            f" --strategy fsdp. {beside}",
            where=str(folder),
        )


def is_deepspeed(plan: Plan) -> bool:
    """Whether DeepSpeed does the sharing."""
    return plan.strategy.startswith("zero")


def deepspeed_config(plan: Plan) -> dict[str, Any]:
    """DeepSpeed's configuration, without `auto`, so that it can be read by itself."""
    stage = int(plan.strategy.removeprefix("zero"))
    zero: dict[str, Any] = {
        "stage": stage,
        "overlap_comm": True,
        "contiguous_gradients": True,
    }
    if stage == 3:  # otherwise nobody could open what is saved
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    if plan.offload in ("optimizer", "weights"):
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": True}
    if plan.offload == "weights" and stage == 3:
        zero["offload_param"] = {"device": "cpu", "pin_memory": True}
    precision = plan.compute_precision or plan.precision
    return {
        "train_micro_batch_size_per_gpu": plan.micro_batch_size,
        "gradient_accumulation_steps": plan.gradient_accumulation_steps,
        "train_batch_size": plan.micro_batch_size * plan.gradient_accumulation_steps * plan.gpus,
        "gradient_clipping": plan.max_gradient_norm,
        "bf16": {"enabled": precision == "bfloat16"},
        "fp16": {"enabled": precision == "float16"},
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
    }


def accelerate_config(plan: Plan) -> dict[str, Any]:
    """What `accelerate launch --config_file` takes for the same plan, without advisor."""
    kinds = {"ddp": "MULTI_GPU", "fsdp": "FSDP"}
    precision = plan.compute_precision or plan.precision
    config: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": kinds.get(plan.strategy, "DEEPSPEED"),
        "num_machines": plan.nodes,
        "num_processes": plan.gpus,
        "machine_rank": 0,
        "main_training_function": "main",
        "mixed_precision": {"bfloat16": "bf16", "float16": "fp16"}.get(precision, "no"),
        "use_cpu": False,
    }
    if is_deepspeed(plan):
        config["deepspeed_config"] = {
            "deepspeed_config_file": DEEPSPEED_FILE,
            "zero3_init_flag": plan.strategy == "zero3",
        }
        del config["mixed_precision"]  # it stands in DeepSpeed's own file
    if plan.strategy == "fsdp":
        config["fsdp_config"] = {
            "fsdp_version": 2,
            "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "fsdp_reshard_after_forward": True,
            "fsdp_offload_params": plan.offload == "weights",
            "fsdp_state_dict_type": "FULL_STATE_DICT",
            "fsdp_cpu_ram_efficient_loading": True,
        }
    return config


def write_configurations(plan: Plan, folder: Path) -> tuple[Path, ...]:
    """Write what DeepSpeed and accelerate read into the job's folder; the files."""
    written = {ACCELERATE_FILE: yaml.safe_dump(accelerate_config(plan), sort_keys=False)}
    if is_deepspeed(plan):
        written[DEEPSPEED_FILE] = json.dumps(deepspeed_config(plan), indent=1) + "\n"
    for name, text in written.items():
        write_whole(folder / name, text)
    return tuple(folder / name for name in written)
