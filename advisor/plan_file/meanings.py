"""Keys whose value has to be understood before it says something about a plan.

A meaning takes what stands in the file and yields slots with values: `plan.rank`, `option.beta`,
`method`, `family` (how weights are tuned), `bits` (of a packed base), `objective`, `model`,
`loss_objective` (an objective that a loss of preferences means), `report_to`, `general_data`, or `aside` with a reason for what has no place in a plan. It raises
ValueError, in words, for what cannot be meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Slots = Iterator[tuple[str, Any]]
ASIDE = "aside"

_TRUE, _FALSE = {"true", "yes", "on"}, {"false", "no", "off"}
_FAMILIES = {
    "lora": "lora",
    "qlora": "qlora",
    "full": "full",
    "freeze": "freeze",
    "oft": "oft",
    "ia3": "ia3",
    "dora": "dora",
    "adapter": "adapter",
    "llama-adapter": "adapter",
    "none": "full",
}
_STAGES = {
    "sft": "sft",
    "pt": "cpt",
    "cpt": "cpt",
    "pretrain": "cpt",
    "rm": "reward",
    "reward": "reward",
    "dpo": "dpo",
    "ipo": "dpo",
    "orpo": "orpo",
    "kto": "kto",
    "grpo": "grpo",
    "classification": "classification",
}
_GONE = {
    "ppo": "TRL removed PPO in 2026; objective grpo does the same without a value model",
    "bco": "TRL removed BCO; objective kto takes the same marks",
    "simpo": "SimPO is not trained here; objective orpo needs no reference either",
    "cpo": "CPO is not trained here; objective orpo needs no reference either",
}
_PRECISIONS = {
    "bf16": "bfloat16",
    "bfloat16": "bfloat16",
    "fp16": "float16",
    "float16": "float16",
    "half": "float16",
    "fp32": "float32",
    "float32": "float32",
    "float": "float32",
}
_ATTENTIONS = {
    "eager": "eager",
    "sdpa": "sdpa",
    "disabled": "eager",
    "fa2": "flash",
    "fa3": "flash",
    "flash_attention_2": "flash",
    "flash_attention_3": "flash",
    "flash_attention": "flash",
    "flash": "flash",
}


def is_true(value: Any) -> bool:
    """A switch, however it is written; raises ValueError for anything else."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE or word == "1":
        return True
    if word in _FALSE or word == "0":
        return False
    msg = f"true or false is expected, not {value!r}"
    raise ValueError(msg)


def _one_of(table: dict[str, str], value: Any, what: str) -> str:
    word = str(value).strip().lower()
    if word in table:
        return table[word]
    msg = f"{value!r} is no {what} that is known here: {', '.join(table)}"
    raise ValueError(msg)


def _as(slot: str) -> Callable[[Any], Slots]:
    def meaning(value: Any) -> Slots:
        yield slot, str(value) if not isinstance(value, bool | int | float) else value

    return meaning


def _method(value: Any) -> Slots:
    yield "method", str(value).strip().lower()


def _family(value: Any) -> Slots:
    yield "family", _one_of(_FAMILIES, value, "way to tune")


def _use_peft(value: Any) -> Slots:
    yield "family", "lora" if is_true(value) else "full"


def _packed_to(bits: int) -> Callable[[Any], Slots]:
    def meaning(value: Any) -> Slots:
        if is_true(value):
            yield "bits", bits

    return meaning


def _bits(value: Any) -> Slots:
    if int(value) not in (4, 8):
        msg = f"{value!r} bits: a base is packed to 4 or 8"
        raise ValueError(msg)
    yield "bits", int(value)


def _packing_kind(value: Any) -> Slots:
    word = str(value).strip().lower()
    if word in {"nf4", "gptq", "awq"}:
        yield "plan.quantisation", word
    elif word not in {"bitsandbytes", "bnb"}:
        yield ASIDE, f"{value} is no packing that is trained on here (nf4, int8, gptq, awq)"


def _dora(value: Any) -> Slots:
    if is_true(value):
        yield "family", "dora"


def _option(name: str) -> Callable[[Any], Slots]:
    def meaning(value: Any) -> Slots:
        yield f"option.{name}", value

    return meaning


def _switch_option(name: str) -> Callable[[Any], Slots]:
    def meaning(value: Any) -> Slots:
        yield f"option.{name}", is_true(value)

    return meaning


def _pissa(value: Any) -> Slots:
    if is_true(value):
        yield "option.init", "pissa"


def _first_weights(value: Any) -> Slots:
    if not isinstance(value, bool):
        yield "option.init", str(value).lower()


def _targets(value: Any) -> Slots:
    names = value if isinstance(value, list) else [n.strip() for n in str(value).split(",")]
    everything = {"all", "all-linear", "all_linear"} & {str(name) for name in names}
    yield "plan.target_modules", "all-linear" if everything else ",".join(map(str, names))


def _linear_targets(value: Any) -> Slots:
    if is_true(value):
        yield "plan.target_modules", "all-linear"


def _freeze(value: Any) -> Slots:
    if int(value) > 0:
        yield "option.layers", int(value)
    else:
        yield ASIDE, "layers are counted from the top here"


def _objective(value: Any) -> Slots:
    word = str(value).strip().lower()
    if word in _GONE:
        raise ValueError(_GONE[word])
    if word == "ipo":
        yield "option.loss", "ipo"
    yield "objective", _one_of(_STAGES, word, "objective")


def _reward_model(value: Any) -> Slots:
    if is_true(value):
        yield "objective", "reward"


def _preference_loss(value: Any) -> Slots:
    word = str(value).strip().lower()
    if word in _GONE:
        raise ValueError(_GONE[word])
    if word == "orpo":
        yield "loss_objective", "orpo"
    elif word == "ipo":
        yield "option.loss", "ipo"
    elif word != "sigmoid":
        yield ASIDE, f"loss {value} is not trained here"


def _loss_type(value: Any) -> Slots:
    words = value if isinstance(value, list) else [value]
    if len(words) != 1:
        yield ASIDE, "several losses at once are not trained here"
    elif words[0] in {"nll", "chunked_nll", "sigmoid", "dpo"}:
        return
    elif words[0] == "ipo":
        yield "option.loss", "ipo"
    else:
        yield ASIDE, f"loss {words[0]} is not trained here"


def _within_trl(value: Any) -> Slots:
    """Axolotl's block for reinforcement."""
    for name, inner in (value or {}).items():
        if name in {"beta", "num_generations"}:
            yield f"option.{name}", inner
        elif name in {"max_completion_length", "response_length"}:
            yield "plan.generated_tokens", inner
        else:
            yield ASIDE, f"trl.{name} is settled by the engine"


def _warmup_ratio(value: Any) -> Slots:
    yield "plan.warmup_share", float(value)


def _eval_steps(value: Any) -> Slots:
    steps = float(value)
    if 0 < steps < 1:
        yield "plan.evaluations", round(1 / steps)
    else:
        yield "plan.evaluation_steps", value


def _eval_strategy(value: Any) -> Slots:
    word = str(value).strip().lower()
    if word == "epoch":
        yield "plan.evaluations_per_epoch", 1
    elif word in {"no", "false"}:
        yield "plan.evaluations", 0
    elif word != "steps":
        msg = f"{value!r} is none of no, steps, epoch"
        raise ValueError(msg)


def _sampling(value: Any) -> Slots:
    word = str(value).strip().lower()
    if word in {"group_by_length", "random"}:
        yield "plan.length_grouping", word == "group_by_length"
    else:
        yield ASIDE, f"rows are drawn at random or by length, not {value}"


def _best_at_end(value: Any) -> Slots:
    if not is_true(value):
        yield "plan.choose_checkpoint_by", "last"


def _best_by(value: Any) -> Slots:
    is_loss = str(value).strip().lower() in {"loss", "eval_loss"}
    yield "plan.choose_checkpoint_by", "loss" if is_loss else "metric"


def _half(kind: str) -> Callable[[Any], Slots]:
    def meaning(value: Any) -> Slots:
        if str(value).strip().lower() == "auto":
            return
        if str(value).strip().lower() == "full" or is_true(value):
            yield "plan.precision", kind

    return meaning


def _precision(value: Any) -> Slots:
    word = str(value).strip().lower().removeprefix("torch.")
    if word != "auto":
        yield "plan.precision", _one_of(_PRECISIONS, word, "precision")


def _within_init(value: Any) -> Slots:
    """TRL's block of what the model is opened with."""
    for name, inner in (value or {}).items():
        if name in {"dtype", "torch_dtype"}:
            yield from _precision(inner)
        elif name == "attn_implementation":
            yield from _attention(inner)
        else:
            yield ASIDE, f"model_init_kwargs.{name} is settled by the engine"


def _checkpointing(value: Any) -> Slots:
    if str(value).strip().lower() in {"unsloth", "offload", "offload_disk"}:
        yield "plan.gradient_checkpointing", True
        yield ASIDE, "what is recomputed does not wait on the disk here"
    else:
        yield "plan.gradient_checkpointing", is_true(value)


def _no_checkpointing(value: Any) -> Slots:
    yield "plan.gradient_checkpointing", not is_true(value)


def _attention(value: Any) -> Slots:
    word = str(value).strip().lower()
    if word != "auto":
        yield "plan.attention", _one_of(_ATTENTIONS, word, "attention")


def _attention_switch(kind: str) -> Callable[[Any], Slots]:
    def meaning(value: Any) -> Slots:
        if is_true(value):
            yield "plan.attention", kind

    return meaning


def _liger(value: Any) -> Slots:
    if is_true(value):
        yield "plan.loss_head", "fused_linear"


def _trackers(value: Any) -> Slots:
    names = value if isinstance(value, list) else str(value).split(",")
    kept = [str(name).strip() for name in names]
    yield "report_to", tuple(name for name in kept if name and name.lower() != "none")


def _tracker(name: str) -> Callable[[Any], Slots]:
    def meaning(value: Any) -> Slots:
        if is_true(value):
            yield "report_to", (name,)

    return meaning


def _own_options(value: Any) -> Slots:
    if not isinstance(value, dict):
        msg = "a set of `name: value` is expected"
        raise ValueError(msg)  # noqa: TRY004 - told with its line like every other fault
    for name, inner in value.items():
        yield f"option.{name}", inner


MEANINGS: dict[str, Callable[[Any], Slots]] = {
    **dict.fromkeys(("model", "model_name_or_path", "base_model", "model_name"), _as("model")),
    "method": _method,
    **dict.fromkeys(("adapter", "finetuning_type", "tuner_type", "training_type"), _family),
    "use_peft": _use_peft,
    "load_in_4bit": _packed_to(4),
    "load_in_8bit": _packed_to(8),
    **dict.fromkeys(("quantization_bit", "quant_bits"), _bits),
    **dict.fromkeys(
        ("quantization_method", "quant_method", "bnb_4bit_quant_type"),
        _packing_kind,
    ),
    **dict.fromkeys(("use_dora", "peft_use_dora"), _dora),
    **dict.fromkeys(("use_rslora", "peft_use_rslora"), _switch_option("rslora")),
    "pissa_init": _pissa,
    **dict.fromkeys(("lora_init", "init_lora_weights", "peft_init_lora_weights"), _first_weights),
    "loraplus_lr_ratio": _option("lora_plus"),
    **dict.fromkeys(("target_modules", "lora_target_modules", "lora_target"), _targets),
    "lora_target_linear": _linear_targets,
    "freeze_trainable_layers": _freeze,
    **dict.fromkeys(("objective", "stage", "rl"), _objective),
    "reward_model": _reward_model,
    "pref_loss": _preference_loss,
    "loss_type": _loss_type,
    **dict.fromkeys(("beta", "pref_beta", "rl_beta", "orpo_alpha"), _option("beta")),
    "num_generations": _option("num_generations"),
    "trl": _within_trl,
    "warmup_ratio": _warmup_ratio,
    **dict.fromkeys(("eval_steps", "evaluation_steps"), _eval_steps),
    **dict.fromkeys(("eval_strategy", "evaluation_strategy"), _eval_strategy),
    "train_sampling_strategy": _sampling,
    "load_best_model_at_end": _best_at_end,
    "metric_for_best_model": _best_by,
    **dict.fromkeys(("bf16", "pure_bf16", "bfloat16"), _half("bfloat16")),
    **dict.fromkeys(("fp16", "float16"), _half("float16")),
    **dict.fromkeys(("dtype", "torch_dtype", "precision"), _precision),
    "model_init_kwargs": _within_init,
    **dict.fromkeys(("gradient_checkpointing", "activation_checkpointing"), _checkpointing),
    "disable_gradient_checkpointing": _no_checkpointing,
    **dict.fromkeys(("attention", "attn_implementation", "flash_attn"), _attention),
    "flash_attention": _attention_switch("flash"),
    "sdp_attention": _attention_switch("sdpa"),
    "eager_attention": _attention_switch("eager"),
    **dict.fromkeys(("use_liger_kernel", "enable_liger_kernel", "liger"), _liger),
    "report_to": _trackers,
    "use_wandb": _tracker("wandb"),
    "use_mlflow": _tracker("mlflow"),
    "use_tensorboard": _tracker("tensorboard"),
    "general_data": _as("general_data"),
    "method_options": _own_options,
}
