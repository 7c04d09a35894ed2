"""A job as the YAML of TRL's own command line, for machines where only TRL is installed.

Keys are those of TRL 1.16 with transformers 5.23, which a test parses with TRL's own parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from advisor.errors import PlanError
from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainJob
from trainers.engines.recipes.rewards import REWARDS_FILE, REWARDS_TEXT
from trainers.engines.recipes.rows import (
    DEV_FILE,
    TRAIN_FILE,
    Row,
    answer_turn,
    check_group,
    check_samples,
    files_of,
    row_notes,
    turns_of,
)
from trainers.engines.recipes.spread import DEEPSPEED_FILE, deepspeed_text
from trainers.engines.recipes.telling import Recipe, Telling, target_names, whole_alpha
from trainers.engines.recipes.trainer_looks import say_looks

NAME = "TRL's command line"
BY_LOSS = "TRL's command line chooses by the dev loss: it cannot ask for the metric."
CONFIG_FILE = "trl.yaml"
DATA_FOLDER = "data"
TRAINED_FOLDER = "trained"
COMMANDS = {
    "sft": "sft",
    "cpt": "sft",
    "dpo": "dpo",
    "kto": "kto",
    "reward": "reward",
    "grpo": "grpo",
}
"""Objective -> `trl` command; ORPO has none since it moved to trl.experimental."""
METHODS = ("full", "lora", "qlora", "dora")
ATTENTION = {"eager": "eager", "sdpa": "sdpa", "flash": "flash_attention_2"}
SAME_NAMES = {
    "model": "model_name_or_path",
    "precision": "dtype",
    "micro_batch_size": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "gradient_checkpointing": "gradient_checkpointing",
    "optimizer": "optim",
    "learning_rate": "learning_rate",
    "schedule": "lr_scheduler_type",
    "warmup_share": "warmup_steps",
    "weight_decay": "weight_decay",
    "max_gradient_norm": "max_grad_norm",
    "neftune_alpha": "neftune_noise_alpha",
    "epochs": "num_train_epochs",
    "seed": "seed",
}
"""`warmup_steps` below 1 is a share of all steps since transformers 5."""


def trl_config(job: TrainJob) -> Recipe:
    """TRL's settings for the job, for `trl COMMAND --config trl.yaml` in the files' folder.

    Raises PlanError for an objective or method that the command line has not, DatasetError for
    samples that cannot serve the objective.
    """
    plan = job.plan
    if plan.objective not in COMMANDS or plan.method not in METHODS:
        raise PlanError(
            f"TRL's command line has no '{plan.objective}' by '{plan.method}'.",
            hint=f"It takes {', '.join(COMMANDS)} by {', '.join(METHODS)}.",
        )
    check_group(job)
    check_samples(job)
    told = Telling(plan, NAME)
    told.copy(SAME_NAMES)
    _precision(told)
    _method(told)
    files = _data(told, job)
    told.say(per_device_eval_batch_size=told.take("evaluation_batch_size"))
    say_looks(told, job, by_loss=BY_LOSS)
    _spread(told, job, files)
    told.say(output_dir=TRAINED_FOLDER, logging_steps=1, save_total_limit=2)
    told.say(report_to=list(job.report_to) or ["none"])
    for note in row_notes(job):
        told.note(note)
    return told.recipe(files)


def trl_command(job: TrainJob) -> tuple[str, ...]:
    """What runs the written settings."""
    return ("trl", COMMANDS[job.plan.objective], "--config", CONFIG_FILE)


def _precision(told: Telling) -> None:
    used = told.take("compute_precision") or told.take("precision")
    told.take("base_bits")
    told.say(bf16=used == "bfloat16", fp16=used == "float16")
    told.say(attn_implementation=ATTENTION[told.take("attention")])
    if told.take("trained_precision") not in (None, "float32"):
        told.note("TRL's command line makes adapters in float32.")


def _method(told: Telling) -> None:
    method, rank = told.take("method"), told.take("rank")
    packed, nested = told.take("quantisation"), told.take("double_quantisation")
    names, dropout = target_names(told), told.take("dropout")
    if method == "full":
        told.take("alpha")
        return
    if rank is None:
        raise PlanError(f"{method} needs a rank.", hint="Give one with --rank, for example 16.")
    told.say(
        use_peft=True,
        lora_r=rank,
        lora_alpha=whole_alpha(told, rank),
        lora_dropout=dropout,
        lora_target_modules=names or ["all-linear"],
        use_dora=True if method == "dora" else None,
        use_rslora=True if told.option("rslora") else None,
        lora_task_type="SEQ_CLS" if told.take("objective") == "reward" else None,
    )
    if method == "qlora" or packed == "nf4":
        told.say(load_in_4bit=True, bnb_4bit_quant_type="nf4", use_bnb_nested_quant=nested)
    elif packed == "int8":
        told.say(load_in_8bit=True)
    elif packed != "none":
        told.note(f"TRL's command line has no setting for a base quantised by {packed}.")


def _data(told: Telling, job: TrainJob) -> dict[str, str]:
    objective = told.take("objective")
    told.take("general_share")
    rows = files_of(job, ROWS[objective](job))
    files = {f"{DATA_FOLDER}/{TRAIN_FILE}": rows[TRAIN_FILE]}
    told.say(dataset_name=DATA_FOLDER, dataset_train_split="train")
    if DEV_FILE in rows:
        files[f"{DATA_FOLDER}/test.jsonl"] = rows[DEV_FILE]
        told.say(dataset_test_split="test")
    length, packing, head = (told.take(n) for n in ("sequence_length", "packing", "loss_head"))
    if objective == "grpo":
        _drawn(told, files, job.plan.generated_tokens)
        told.note("TRL's command line does not cut prompts to the plan's sequence_length.")
    else:
        told.say(max_length=length, beta=told.option("beta"))
    if objective in ("sft", "cpt"):
        told.say(packing=packing, loss_type="chunked_nll" if head == "chunked" else "nll")
    elif packing:
        told.note(f"TRL's command line packs no rows for '{objective}'.")
    if head in ("fused", "fused_linear"):
        told.say(use_liger_kernel=True)
    if told.take("length_grouping"):
        told.say(train_sampling_strategy="group_by_length")
    return files


def _drawn(told: Telling, files: dict[str, str], longest: int) -> None:
    told.say(num_generations=told.option("num_generations", 8), beta=told.option("beta", 0.0))
    told.say(reward_funcs=["rewards.same_answer"], max_completion_length=longest or None)
    told.note(f"The reward is equality with the reference answer, as {REWARDS_FILE} has it.")
    files[REWARDS_FILE] = REWARDS_TEXT


def _answers(job: TrainJob) -> Callable[[Sample], Row]:
    def row(sample: Sample) -> Row:
        asked = turns_of(sample, job.instruction)
        return {"prompt": asked, "completion": [answer_turn(sample.target)]}

    return row


def _texts(job: TrainJob) -> Callable[[Sample], Row]:
    _ = job
    return lambda sample: {"text": f"{sample.input}{sample.target}"}


def _pairs(job: TrainJob) -> Callable[[Sample], Row]:
    def row(sample: Sample) -> Row:
        return {
            "prompt": turns_of(sample, job.instruction),
            "chosen": [answer_turn(sample.target)],
            "rejected": [answer_turn(sample.rejected or "")],
        }

    return row


def _marked(job: TrainJob) -> Callable[[Sample], Row]:
    plain = _answers(job)
    return lambda sample: {**plain(sample), "label": bool(sample.is_good)}


def _prompts(job: TrainJob) -> Callable[[Sample], Row]:
    return lambda s: {"prompt": turns_of(s, job.instruction), "answer": s.target}


ROWS: dict[str, Any] = {
    "sft": _answers,
    "cpt": _texts,
    "dpo": _pairs,
    "reward": _pairs,
    "kto": _marked,
    "grpo": _prompts,
}


def _spread(told: Telling, job: TrainJob, files: dict[str, str]) -> None:
    plan = job.plan
    for field in ("strategy", "offload", "gpus", "nodes"):
        told.take(field)
    text = deepspeed_text(plan)
    if text:
        files[DEEPSPEED_FILE] = text
        told.say(deepspeed=DEEPSPEED_FILE)
    if plan.offload == "activations":
        told.say(activation_offloading=True)
    if plan.strategy in ("fsdp", "layer_split"):
        told.note(f"Start it by `accelerate launch` with a configuration for {plan.strategy}.")
    if plan.gpus * plan.nodes > 1:
        told.note(
            f"Start it in {plan.gpus * plan.nodes} processes: add --num_processes"
            f" {plan.gpus * plan.nodes}."
        )
