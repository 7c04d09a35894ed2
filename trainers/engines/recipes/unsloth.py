"""A job as a small script for Unsloth, which has no settings file of its own.

Names of `FastLanguageModel` are those of Unsloth 2026.10.9, which takes TRL up to 1.15: an
environment of its own is needed. Written from its source; never run here, since it needs a GPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.errors import PlanError
from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainJob
from trainers.engines.recipes.rows import (
    DEV_FILE,
    TRAIN_FILE,
    Row,
    answer_turn,
    check_samples,
    files_of,
    row_notes,
    turns_of,
)
from trainers.engines.recipes.telling import Recipe, Telling, target_names, whole_alpha
from trainers.engines.recipes.trainer_looks import say_looks

NAME = "Unsloth"
BY_LOSS = "The script chooses the checkpoint by the dev loss, not by the metric."
CONFIG_FILE, SCRIPT_FILE = "unsloth.yaml", "train.py"
TRAINED_FOLDER = "trained"
OBJECTIVES = ("sft", "cpt")
METHODS = ("full", "lora", "qlora")
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SAME_NAMES = {
    "micro_batch_size": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "optimizer": "optim",
    "learning_rate": "learning_rate",
    "schedule": "lr_scheduler_type",
    "warmup_share": "warmup_steps",
    "weight_decay": "weight_decay",
    "max_gradient_norm": "max_grad_norm",
    "neftune_alpha": "neftune_noise_alpha",
    "epochs": "num_train_epochs",
    "seed": "seed",
    "packing": "packing",
    "evaluation_batch_size": "per_device_eval_batch_size",
}
OWN_WAYS = ("attention", "loss_head")
"""What Unsloth always does in its own way, which is what it is for."""


def unsloth_config(job: TrainJob) -> Recipe:
    """Settings and script for the job, for `python train.py` in the files' folder.

    Raises PlanError for an objective or method that the script has not, DatasetError for samples
    that cannot serve the objective.
    """
    plan = job.plan
    if plan.objective not in OBJECTIVES or plan.method not in METHODS:
        raise PlanError(
            f"The script for Unsloth has no '{plan.objective}' by '{plan.method}'.",
            hint=f"It takes {', '.join(OBJECTIVES)} by {', '.join(METHODS)}.",
        )
    check_samples(job)
    told = Telling(plan, NAME)
    told.copy(SAME_NAMES)
    files = _data(told, job)
    say_looks(told, job, by_loss=BY_LOSS)
    planned = ", ".join(f"{way} {told.take(way)}" for way in OWN_WAYS)
    told.note(f"Unsloth computes attention and loss in its own way, not as planned ({planned}).")
    if told.take("length_grouping"):
        told.say(train_sampling_strategy="group_by_length")
    told.say(output_dir=TRAINED_FOLDER, logging_steps=1, save_total_limit=2)
    told.say(report_to=list(job.report_to) or "none")
    base = _base(told)
    adapter = _adapter(told, base)
    for note in row_notes(job):
        told.note(note)
    files[SCRIPT_FILE] = Path(__file__).with_name("_unsloth_train.py").read_text(encoding="utf-8")
    written = told.recipe(files)
    data = {"train": TRAIN_FILE} | ({"dev": DEV_FILE} if DEV_FILE in files else {})
    values = {"base": base, "adapter": adapter, "data": data, "settings": written.values}
    return written._replace(values=values)


def _base(told: Telling) -> dict[str, Any]:
    method, packed = told.take("method"), told.take("quantisation")
    length, precision = told.take("sequence_length"), told.take("precision")
    used = told.take("compute_precision") or precision
    checkpointing = told.take("gradient_checkpointing")
    if not checkpointing:
        told.say(gradient_checkpointing=False)
    told.take("base_bits")
    told.say(max_length=length, bf16=used == "bfloat16", fp16=used == "float16")
    if packed not in ("none", "nf4", "int8"):
        told.note(f"Unsloth is not told that the base is quantised by {packed}.")
    if precision == "float32":
        told.note("Unsloth loads the base in 16 bits where the plan says float32.")
    return {
        "model_name": told.take("model"),
        "max_seq_length": length,
        "load_in_4bit": method == "qlora" or packed == "nf4",
        "load_in_8bit": packed == "int8" and method != "qlora",
        "full_finetuning": method == "full",
        "use_gradient_checkpointing": "unsloth" if checkpointing else False,
        "random_state": told.values["seed"],
    }


def _adapter(told: Telling, base: dict[str, Any]) -> dict[str, Any]:
    method, rank = told.take("method"), told.take("rank")
    names, dropout = target_names(told), told.take("dropout")
    if method == "full":
        told.take("alpha")
        return {}
    if rank is None:
        raise PlanError(f"{method} needs a rank.", hint="Give one with --rank, for example 16.")
    return {
        "r": rank,
        "lora_alpha": whole_alpha(told, rank),
        "lora_dropout": dropout,
        "target_modules": names or list(PROJECTIONS),
        "use_gradient_checkpointing": base["use_gradient_checkpointing"],
        "use_rslora": bool(told.option("rslora", default=False)),
        "random_state": told.values["seed"],
    }


def _data(told: Telling, job: TrainJob) -> dict[str, str]:
    objective = told.take("objective")
    told.take("general_share")

    def answered(sample: Sample) -> Row:
        asked = turns_of(sample, job.instruction)
        return {"prompt": asked, "completion": [answer_turn(sample.target)]}

    def text(sample: Sample) -> Row:
        return {"text": f"{sample.input}{sample.target}"}

    return files_of(job, text if objective == "cpt" else answered)
