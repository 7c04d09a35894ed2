"""A job in LLaMA-Factory's own words: its YAML, its rows with their description, and the unsaid.

Keys are those of LLaMA-Factory 0.9.5 (2026), checked against its argument classes
(`llamafactory.hparams`) and its converters; it takes transformers up to 5.6, whose names these are.
That release was run once with files written here: LoRA, 12 steps on a CPU, loss on answers alone.
"""

from __future__ import annotations

import json
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
    look_every,
    looks,
    row_notes,
    save_every,
    turns_of,
)
from trainers.engines.recipes.spread import DEEPSPEED_FILE, deepspeed_text
from trainers.engines.recipes.telling import Recipe, Telling, target_names, whole_alpha

NAME = "LLaMA-Factory"
CONFIG_FILE = "llamafactory.yaml"
INFO_FILE = "dataset_info.json"
TRAINED_FOLDER = "trained"
STAGES = {"sft": "sft", "cpt": "pt", "dpo": "dpo", "orpo": "dpo", "kto": "kto", "reward": "rm"}
METHODS = ("full", "lora", "qlora", "dora", "freeze", "oft", "galore")
ADAPTERS = ("lora", "qlora", "dora")
ATTENTION = {"eager": "disabled", "sdpa": "sdpa", "flash": "fa2"}
BITS = {"nf4": 4, "int8": 8}
SAME_NAMES = {
    "model": "model_name_or_path",
    "sequence_length": "cutoff_len",
    "micro_batch_size": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "optimizer": "optim",
    "learning_rate": "learning_rate",
    "schedule": "lr_scheduler_type",
    "warmup_share": "warmup_ratio",
    "weight_decay": "weight_decay",
    "max_gradient_norm": "max_grad_norm",
    "neftune_alpha": "neftune_noise_alpha",
    "epochs": "num_train_epochs",
    "seed": "seed",
}
TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
TEMPLATE_NOTE = (
    "LLaMA-Factory rebuilds the tokenizer's chat form from parts: a token that the form writes at"
    " its very beginning may come again after the system turn. Its log shows the first row; where"
    " that differs, name one of its templates as `template`."
)


def llamafactory_config(job: TrainJob) -> Recipe:
    """LLaMA-Factory's settings for the job, for `llamafactory-cli train` in the files' folder.

    Raises PlanError for an objective or method that it has not, DatasetError for samples that
    cannot serve the objective.
    """
    plan = job.plan
    if plan.objective not in STAGES or plan.method not in METHODS:
        raise PlanError(
            f"LLaMA-Factory has no '{plan.objective}' by '{plan.method}'.",
            hint=f"It takes {', '.join(STAGES)} by {', '.join(METHODS)}.",
        )
    check_samples(job)
    told = Telling(plan, NAME)
    told.copy(SAME_NAMES)
    told.say(do_train=True, disable_gradient_checkpointing=not told.take("gradient_checkpointing"))
    _precision(told)
    _method(told)
    files = _data(told, job)
    _looks(told, job)
    _spread(told, job, files)
    told.say(
        output_dir=TRAINED_FOLDER,
        logging_steps=1,
        save_total_limit=2,
        report_to=list(job.report_to) or ["none"],
    )
    for note in row_notes(job):
        told.note(note)
    return told.recipe(files)


def _precision(told: Telling) -> None:
    precision, compute = told.take("precision"), told.take("compute_precision")
    used = compute or precision
    told.say(bf16=used == "bfloat16", fp16=used == "float16")
    if precision != used:
        told.note(f"LLaMA-Factory loads the base in {used}, not in {precision}.")
    bits = told.take("matmul_bits")
    if bits == 8:
        told.say(fp8=True)
    elif bits == 4:
        told.note("LLaMA-Factory has no setting for matrix products in 4 bits.")
    told.take("base_bits")
    told.say(flash_attn=ATTENTION[told.take("attention")])
    head = told.take("loss_head")
    if head in ("fused", "fused_linear"):
        told.say(enable_liger_kernel=True)
    elif head == "chunked":
        told.note("LLaMA-Factory does not compute the loss in tiles, which takes more memory.")
    trained, method = told.take("trained_precision"), told.take("method")
    own = precision if method in ("full", "freeze", "galore") else "float32"
    if (trained or own) == "bfloat16":
        told.say(pure_bf16=True)
    elif (trained or own) == "float16":
        told.note("LLaMA-Factory keeps trained weights in float32 where the plan says float16.")


def _method(told: Telling) -> None:
    method, rank = told.take("method"), told.take("rank")
    names, packed = target_names(told), told.take("quantisation")
    nested, dropout = told.take("double_quantisation"), told.take("dropout")
    target = "all" if names is None else ",".join(names)
    bits = BITS.get("nf4" if method == "qlora" else packed)
    if method in ADAPTERS:
        _lora(told, method, rank, target)
        told.say(lora_dropout=dropout)
    elif method == "oft":
        told.say(finetuning_type="oft", oft_target=target, module_dropout=dropout)
        told.say(oft_block_size=told.option("block_size", 32), oft_rank=0)
    elif method == "freeze":
        told.say(finetuning_type="freeze", freeze_trainable_layers=told.option("layers", 2))
        told.say(freeze_extra_modules="lm_head" if told.option("head") else None)
    else:
        told.say(finetuning_type="full")
        if method == "galore":
            _galore(told, rank)
    told.take("alpha")
    if bits is not None:
        told.say(quantization_bit=bits, quantization_method="bnb")
        if bits == BITS["nf4"]:
            told.say(quantization_type="nf4", double_quantization=nested)
    elif packed != "none":
        told.note(f"LLaMA-Factory takes a base quantised by {packed} as its folder has it.")


def _lora(told: Telling, method: str, rank: int | None, target: str) -> None:
    if rank is None:
        raise PlanError(f"{method} needs a rank.", hint="Give one with --rank, for example 16.")
    told.say(
        finetuning_type="lora",
        lora_rank=rank,
        lora_alpha=whole_alpha(told, rank),
        lora_target=target,
        use_dora=True if method == "dora" else None,
        use_rslora=True if told.option("rslora") else None,
        loraplus_lr_ratio=told.option("lora_plus"),
    )
    start = str(told.option("init", "default"))
    if start.startswith("pissa"):
        steps = start.rpartition("_")[2]
        told.say(pissa_init=True, pissa_iter=int(steps) if steps.isdigit() else -1)
        told.say(pissa_convert=True)
    elif start != "default":
        told.note(f"LLaMA-Factory has no setting for adapters that start as {start}.")


def _galore(told: Telling, rank: int | None) -> None:
    told.say(
        use_galore=True,
        galore_rank=rank or told.option("rank", 128),
        galore_target="all",
        galore_layerwise=True if told.option("layerwise") else None,
    )
    told.option("rank")


def _data(told: Telling, job: TrainJob) -> dict[str, str]:
    objective = told.take("objective")
    told.take("general_share")
    told.say(stage=STAGES[objective])
    if objective == "orpo":
        told.say(pref_loss="orpo", pref_beta=told.option("beta", 0.1))
    elif objective in ("dpo", "kto"):
        told.say(pref_beta=told.option("beta", 0.1))
    if objective == "sft":
        told.say(mask_history=True)
    files = files_of(job, ROWS[objective](job))
    names = {TRAIN_FILE: "train", DEV_FILE: "dev"}
    described = {
        names[file]: {"file_name": file} | DESCRIPTIONS[objective]
        for file in names
        if file in files
    }
    files[INFO_FILE] = json.dumps(described, indent=2) + "\n"
    told.say(dataset="train", dataset_dir=".", overwrite_cache=True)
    if objective != "cpt":
        told.note(TEMPLATE_NOTE)
    if DEV_FILE in files:
        told.say(eval_dataset="dev")
    _packing(told, objective)
    return files


def _packing(told: Telling, objective: str) -> None:
    packing, grouping = told.take("packing"), told.take("length_grouping")
    if objective == "sft":
        told.say(packing=packing, neat_packing=packing or None)
    elif objective == "cpt":
        told.say(packing=packing)
    elif packing:
        told.note(f"LLaMA-Factory packs no rows for '{objective}'.")
    if packing:
        told.note("LLaMA-Factory cuts what is packed to one token less than cutoff_len.")
    if grouping:
        told.say(train_sampling_strategy="group_by_length")


def _conversations(job: TrainJob) -> Any:
    def row(sample: Sample) -> Row:
        return {"messages": [*turns_of(sample, job.instruction), answer_turn(sample.target)]}

    return row


def _texts(job: TrainJob) -> Any:
    _ = job

    def row(sample: Sample) -> Row:
        return {"text": f"{sample.input}{sample.target}"}

    return row


def _pairs(job: TrainJob) -> Any:
    def row(sample: Sample) -> Row:
        return {
            "messages": turns_of(sample, job.instruction),
            "chosen": answer_turn(sample.target),
            "rejected": answer_turn(sample.rejected or ""),
        }

    return row


def _marked(job: TrainJob) -> Any:
    whole = _conversations(job)

    def row(sample: Sample) -> Row:
        return {**whole(sample), "kto_tag": bool(sample.is_good)}

    return row


ROWS = {
    "sft": _conversations,
    "cpt": _texts,
    "dpo": _pairs,
    "orpo": _pairs,
    "reward": _pairs,
    "kto": _marked,
}
_CHAT: dict[str, Any] = {"formatting": "sharegpt", "tags": TAGS}
_RANKED = _CHAT | {
    "ranking": True,
    "columns": {"messages": "messages", "chosen": "chosen", "rejected": "rejected"},
}
DESCRIPTIONS: dict[str, dict[str, Any]] = {
    "sft": _CHAT | {"columns": {"messages": "messages"}},
    "cpt": {"columns": {"prompt": "text"}},
    "dpo": _RANKED,
    "orpo": _RANKED,
    "reward": _RANKED,
    "kto": _CHAT | {"columns": {"messages": "messages", "kto_tag": "kto_tag"}},
}


def _looks(told: Telling, job: TrainJob) -> None:
    told.say(per_device_eval_batch_size=told.take("evaluation_batch_size"))
    patience, chosen = told.take("early_stopping_patience"), told.take("choose_checkpoint_by")
    told.take("evaluations")
    told.take("evaluation_steps")
    if not looks(job):
        told.say(save_strategy="steps", save_steps=save_every(job))
        if patience:
            told.note("Nothing is looked at while training, so that it cannot end early.")
        return
    every = look_every(job)
    told.say(eval_strategy="steps", eval_steps=every, save_strategy="steps", save_steps=every)
    if job.plan.objective == "reward":
        if patience or chosen != "last":
            told.note("LLaMA-Factory keeps the last checkpoint of a reward model.")
        return
    told.say(early_stopping_steps=patience)
    if chosen != "last" or patience:
        told.say(load_best_model_at_end=True, metric_for_best_model="eval_loss")
        told.say(greater_is_better=False)
    if chosen == "metric":
        told.note(
            "LLaMA-Factory chooses the checkpoint by the dev loss: it cannot ask for the metric."
        )


def _spread(told: Telling, job: TrainJob, files: dict[str, str]) -> None:
    plan = job.plan
    for field in ("strategy", "offload", "gpus", "nodes"):
        told.take(field)
    text = deepspeed_text(plan)
    if text:
        files[DEEPSPEED_FILE] = text
        told.say(deepspeed=DEEPSPEED_FILE)
    if plan.strategy == "fsdp":
        told.note("Start it by `accelerate launch` with an FSDP2 configuration.")
    if plan.strategy == "layer_split":
        told.note("LLaMA-Factory has no setting for a model whose layers are split over GPUs.")
    if plan.offload == "activations":
        told.note("LLaMA-Factory has no setting that moves activations to main memory.")
    if plan.gpus > 1:
        told.note(
            f"It is one process on each of {plan.gpus} GPUs: FORCE_TORCHRUN=1,"
            f" NPROC_PER_NODE={plan.gpus}."
        )
    if plan.nodes > 1:
        told.note(f"Set NNODES={plan.nodes}, NODE_RANK, MASTER_ADDR and MASTER_PORT on each node.")
