"""A job in Axolotl's own words: its YAML, its rows, and what it has no key for.

Keys are those of Axolotl 0.19.0 (2026), checked against its schema (`axolotl.utils.schemas`) and
its prompt strategies; `attn_implementation` stands for the older flags such as `flash_attention`.
"""

from __future__ import annotations

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
    look_every,
    looks,
    row_notes,
    save_every,
    single_turn,
    system_and_question,
    turns_of,
)
from trainers.engines.recipes.spread import DEEPSPEED_FILE, deepspeed_text, fsdp_settings
from trainers.engines.recipes.telling import Recipe, Telling, target_names, whole_alpha
from trainers.engines.recipes.templates import family_of, layers_of

NAME = "Axolotl"
CONFIG_FILE = "axolotl.yaml"
TRAINED_FOLDER = "trained"
PREPARED_FOLDER = "prepared"
OBJECTIVES = ("sft", "cpt", "dpo", "orpo", "kto", "reward", "grpo")
METHODS = ("full", "lora", "qlora", "dora", "freeze", "lisa")
SINGLE = ("orpo", "kto", "reward")
"""Objectives whose rows hold one question."""
ATTENTION = {"eager": "eager", "sdpa": "sdpa", "flash": "flash_attention_2"}
SAME_NAMES = {
    "model": "base_model",
    "sequence_length": "sequence_len",
    "micro_batch_size": "micro_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "gradient_checkpointing": "gradient_checkpointing",
    "optimizer": "optimizer",
    "learning_rate": "learning_rate",
    "schedule": "lr_scheduler",
    "warmup_share": "warmup_ratio",
    "weight_decay": "weight_decay",
    "max_gradient_norm": "max_grad_norm",
    "neftune_alpha": "neftune_noise_alpha",
    "epochs": "num_epochs",
    "seed": "seed",
}
LIGER = "axolotl.integrations.liger.LigerPlugin"


def axolotl_config(job: TrainJob) -> Recipe:
    """Axolotl's settings for the job, for `axolotl train axolotl.yaml` in the files' folder.

    Raises PlanError for an objective or method that Axolotl has not, DatasetError for samples that
    its formats cannot hold.
    """
    plan = job.plan
    if plan.objective not in OBJECTIVES or plan.method not in METHODS:
        raise PlanError(
            f"Axolotl has no '{plan.objective}' by '{plan.method}'.",
            hint=f"It takes {', '.join(OBJECTIVES)} by {', '.join(METHODS)}.",
        )
    _refuse(job)
    check_samples(job)
    if plan.objective in SINGLE:
        single_turn(job, NAME)
    told = Telling(plan, NAME)
    told.copy(SAME_NAMES)
    _precision(told)
    _method(told, plan.model)
    _loss(told)
    files = _data(told, job)
    _looks(told, job)
    _spread(told, job, files)
    told.say(
        output_dir=TRAINED_FOLDER,
        dataset_prepared_path=PREPARED_FOLDER,
        logging_steps=1,
        save_total_limit=2,
        excess_length_strategy="drop",
        use_tensorboard="tensorboard" in job.report_to or None,
    )
    for tracker in sorted(set(job.report_to) - {"tensorboard"}):
        told.note(f"Set {tracker}_project in {CONFIG_FILE} to report to {tracker}.")
    for note in row_notes(job):
        told.note(note)
    return told.recipe(files)


def _refuse(job: TrainJob) -> None:
    """Raise PlanError for what Axolotl's own checks refuse."""
    plan = job.plan
    check_group(job)
    packed = plan.method == "qlora" or plan.quantisation in ("nf4", "int8")
    if plan.strategy == "fsdp" and packed and plan.objective in ("dpo", "orpo", "kto"):
        raise PlanError(
            f"Axolotl trains no quantised base with FSDP2 for '{plan.objective}'.",
            hint="Set strategy zero2, or method lora.",
        )


def _precision(told: Telling) -> None:
    precision, compute = told.take("precision"), told.take("compute_precision")
    used = compute or precision
    told.say(bf16=used == "bfloat16", fp16=used == "float16", tf32=False)
    if used == "float32":
        told.say(float32=True)
    if precision != used:
        told.note(f"Axolotl loads the base in {used}, not in {precision}.")
    bits = told.take("matmul_bits")
    if bits == 8:
        told.say(fp8=True)
    elif bits == 4:
        told.note("Axolotl has no setting for matrix products in 4 bits.")
    told.take("base_bits")
    told.say(attn_implementation=ATTENTION[told.take("attention")])


def _method(told: Telling, model: str) -> None:
    method = told.take("method")
    if method in ("lora", "qlora", "dora"):
        _adapter(told, method)
    elif method == "freeze":
        _frozen(told, model)
    elif method == "lisa":
        told.say(
            lisa_n_layers=told.option("layers", 2),
            lisa_step_interval=told.option("interval", 20),
            lisa_layers_attribute="model.layers",
        )
    if method not in ("lora", "qlora", "dora"):
        for field in ("rank", "alpha", "dropout", "target_modules", "quantisation"):
            told.take(field)
        told.take("double_quantisation")
    trained = told.take("trained_precision")
    if trained not in (None, "float32") and method in ("lora", "qlora", "dora"):
        told.say(peft_autocast_adapter_dtype=False)


def _adapter(told: Telling, method: str) -> None:
    rank = told.take("rank")
    if rank is None:
        raise PlanError(f"{method} needs a rank.", hint="Give one with --rank, for example 16.")
    names = target_names(told)
    packed = told.take("quantisation")
    told.say(
        adapter="qlora" if method == "qlora" else "lora",
        lora_r=rank,
        lora_alpha=whole_alpha(told, rank),
        lora_dropout=told.take("dropout"),
        lora_target_modules=names,
        lora_target_linear=True if names is None else None,
        peft_use_dora=True if method == "dora" else None,
        peft_use_rslora=True if told.option("rslora") else None,
        loraplus_lr_ratio=told.option("lora_plus"),
        load_in_4bit=True if method == "qlora" or packed == "nf4" else None,
        load_in_8bit=True if packed == "int8" and method != "qlora" else None,
        gptq=True if packed == "gptq" else None,
    )
    start = told.option("init", "default")
    if start != "default":
        told.say(peft_init_lora_weights=start)
    nested = told.take("double_quantisation")
    if told.values.get("load_in_4bit"):
        told.say(bnb_config_kwargs={"bnb_4bit_use_double_quant": nested})
        if method != "qlora":
            told.say(adapter="qlora")
    if packed in ("awq", "fp8"):
        told.note(f"Axolotl has no setting for a base quantised by {packed}.")


def _frozen(told: Telling, model: str) -> None:
    """The patterns name the last layers, which takes the model's number of layers."""
    layers, count = told.option("layers", 2), layers_of(model)
    numbers = "LAYERS" if count is None else "|".join(map(str, range(count - layers, count)))
    patterns = [rf"^model\.layers\.({numbers})\."]
    if told.option("head"):
        patterns.append(r"^lm_head\.")
    told.say(unfrozen_parameters=patterns)
    if count is None:
        told.note(
            f"Axolotl freezes by names: write the numbers of the last {layers} layers for LAYERS in"
            " unfrozen_parameters, for example 30|31."
        )


def _loss(told: Telling) -> None:
    head = told.take("loss_head")
    if head == "chunked":
        told.say(chunked_cross_entropy=True)
    elif head in ("fused", "fused_linear"):
        key = "liger_cross_entropy" if head == "fused" else "liger_fused_linear_cross_entropy"
        told.say(plugins=[LIGER], **{key: True})


def _data(told: Telling, job: TrainJob) -> dict[str, str]:
    objective = told.take("objective")
    told.take("general_share")
    dataset, files = DATASETS[objective](told, job)
    told.say(datasets=[{"path": TRAIN_FILE, "ds_type": "json", "split": "train"} | dataset])
    if objective != "cpt" and "chat_template" not in told.values:
        told.say(chat_template="tokenizer_default")
    if DEV_FILE in files:
        dev = {"path": DEV_FILE, "ds_type": "json", "split": "train"} | dataset
        told.say(test_datasets=[dev])
    packing = told.take("packing")
    if packing and objective in ("sft", "cpt"):
        told.say(sample_packing=True, eval_sample_packing=False, pad_to_sequence_len=True)
        if told.values["attn_implementation"] != ATTENTION["flash"]:
            told.note("Axolotl keeps packed samples apart with flash attention only.")
    elif packing:
        told.note(f"Axolotl packs no rows for '{objective}'.")
    told.say(group_by_length=True if told.take("length_grouping") else None)
    return files


def _chat(told: Telling, job: TrainJob) -> tuple[dict[str, Any], dict[str, str]]:
    """Whole conversations; a mark on every turn lets the last answer alone be learnt."""
    _ = told

    def row(sample: Sample) -> Row:
        turns = [*turns_of(sample, job.instruction), answer_turn(sample.target)]
        last = len(turns) - 1
        return {"messages": [turn | {"train": i == last} for i, turn in enumerate(turns)]}

    chosen = {"type": "chat_template", "field_messages": "messages"}
    return chosen | {"message_field_training": "train", "roles_to_train": []}, files_of(job, row)


def _text(told: Telling, job: TrainJob) -> tuple[dict[str, Any], dict[str, str]]:
    _ = told

    def row(sample: Sample) -> Row:
        return {"text": f"{sample.input}{sample.target}"}

    return {"type": "completion", "field": "text"}, files_of(job, row)


def _pairs(told: Telling, job: TrainJob) -> tuple[dict[str, Any], dict[str, str]]:
    def row(sample: Sample) -> Row:
        return {
            "messages": turns_of(sample, job.instruction),
            "chosen": answer_turn(sample.target),
            "rejected": answer_turn(sample.rejected or ""),
        }

    told.say(rl="dpo", rl_beta=told.option("beta"))
    return {"type": "chat_template.default"}, files_of(job, row)


def _odds(told: Telling, job: TrainJob) -> tuple[dict[str, Any], dict[str, str]]:
    def row(sample: Sample) -> Row:
        system, asked = system_and_question(sample, job.instruction)
        question = {"role": "user", "content": asked}
        return {
            "system": system,
            "prompt": asked,
            "chosen": [question, answer_turn(sample.target)],
            "rejected": [question, answer_turn(sample.rejected or "")],
        }

    told.say(rl="orpo", orpo_alpha=told.option("beta", 0.1), remove_unused_columns=False)
    return {"type": "chat_template.argilla"}, files_of(job, row)


def _marked(told: Telling, job: TrainJob) -> tuple[dict[str, Any], dict[str, str]]:
    """Axolotl writes KTO's prompts in two templates of its own; the base must have one of them."""
    family = family_of(job.plan.model)
    if family not in ("chatml", "llama3"):
        raise PlanError(
            "Axolotl writes KTO prompts in the form of ChatML or Llama 3, and the base"
            f" '{job.plan.model}' has neither{' that can be seen' if family == '' else ''}.",
            hint="Train with --trainer trl or llamafactory.",
        )

    def row(sample: Sample) -> Row:
        system, asked = system_and_question(sample, job.instruction)
        told_row = {"system": system, "prompt": asked, "completion": sample.target}
        return told_row | {"label": bool(sample.is_good)}

    told.say(rl="kto", rl_beta=told.option("beta"), remove_unused_columns=False)
    return {"type": f"{family}.ultra"}, files_of(job, row)


def _reward(told: Telling, job: TrainJob) -> tuple[dict[str, Any], dict[str, str]]:
    def row(sample: Sample) -> Row:
        system, asked = system_and_question(sample, job.instruction)
        pair = {"chosen": sample.target, "rejected": sample.rejected or ""}
        return {"system": system, "input": asked} | pair

    told.say(reward_model=True, model_type="AutoModelForSequenceClassification", num_labels=1)
    told.say(remove_unused_columns=False)
    return {"type": "bradley_terry.chat_template"}, files_of(job, row)


def _drawn(told: Telling, job: TrainJob) -> tuple[dict[str, Any], dict[str, str]]:
    def row(sample: Sample) -> Row:
        return {"prompt": turns_of(sample, job.instruction), "answer": sample.target}

    group = told.option("num_generations", 8)
    trl = {"num_generations": group, "reward_funcs": ["rewards.same_answer"]}
    trl |= {"beta": told.option("beta", 0.0)}
    if job.plan.generated_tokens:
        trl["max_completion_length"] = job.plan.generated_tokens
    told.say(rl="grpo", trl=trl)
    told.note(f"The reward is equality with the reference answer, as {REWARDS_FILE} has it.")
    return {"type": "rewards.rows"}, files_of(job, row) | {REWARDS_FILE: REWARDS_TEXT}


DATASETS = {
    "sft": _chat,
    "cpt": _text,
    "dpo": _pairs,
    "orpo": _odds,
    "kto": _marked,
    "reward": _reward,
    "grpo": _drawn,
}


def _looks(told: Telling, job: TrainJob) -> None:
    told.say(eval_batch_size=told.take("evaluation_batch_size"))
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
    told.say(early_stopping_patience=patience)
    if chosen != "last":
        told.say(load_best_model_at_end=True, metric_for_best_model="eval_loss")
        told.say(greater_is_better=False)
    if chosen == "metric":
        told.note("Axolotl chooses the checkpoint by the dev loss: it cannot ask for the metric.")


def _spread(told: Telling, job: TrainJob, files: dict[str, str]) -> None:
    plan = job.plan
    for field in ("strategy", "offload", "gpus", "nodes"):
        told.take(field)
    text, fsdp = deepspeed_text(plan), fsdp_settings(plan)
    if text:
        files[DEEPSPEED_FILE] = text
        told.say(deepspeed=DEEPSPEED_FILE)
    if fsdp is not None:
        told.say(fsdp_version=2, fsdp_config=fsdp)
    if plan.offload == "activations":
        told.say(activation_offloading=True)
    if plan.strategy == "layer_split":
        told.note("Axolotl has no setting for a model whose layers are split over GPUs.")
    if plan.gpus > 1:
        told.note(f"It is one process on each of {plan.gpus} GPUs: --num-processes {plan.gpus}.")
    if plan.nodes > 1:
        told.note(f"The plan has {plan.nodes} nodes: start it by torchrun on each of them.")
