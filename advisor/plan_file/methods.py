"""What keys of configurations say of the method, its options and the objective."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from advisor.plan_file.words import ASIDE, Slots, as_slot, block, is_true, one_of

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


def _method(value: Any) -> Slots:
    yield "method", str(value).strip().lower()


def _family(value: Any) -> Slots:
    yield "family", one_of(_FAMILIES, value, "way to tune")


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
    """Axolotl joins it with the layers that are named."""
    yield "every_linear_layer", is_true(value)


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
    yield "objective", one_of(_STAGES, word, "objective")


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
    for name, inner in block(value).items():
        if name in {"beta", "num_generations"}:
            yield f"option.{name}", inner
        elif name == "temperature":
            yield name, inner
        elif name in {"max_completion_length", "response_length"}:
            yield "plan.generated_tokens", inner
        else:
            yield ASIDE, f"trl.{name} is settled by the engine"


def _own_options(value: Any) -> Slots:
    for name, inner in block(value).items():
        yield f"option.{name}", inner


METHOD_MEANINGS: dict[str, Callable[[Any], Slots]] = {
    **dict.fromkeys(("model", "model_name_or_path", "base_model", "model_name"), as_slot("model")),
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
    "temperature": as_slot("temperature"),
    "trl": _within_trl,
    "method_options": _own_options,
}
