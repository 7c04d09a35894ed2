"""Keys whose value has to be understood before it says something about a plan.

A meaning takes what stands in the file and yields slots with values: `plan.rank`, `option.beta`,
`method`, `family` (how weights are tuned), `bits` (of a packed base), `objective`, `loss_objective`
(one that a loss of preferences means), `model`, `report_to`, `general_data`, or `aside` with a
reason for what has no place in a plan. `half.bfloat16`, `every_linear_layer` and `temperature` wait
for what the other keys say (`composing`). It raises ValueError, in words, for what cannot be meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from advisor.plan_file.methods import METHOD_MEANINGS
from advisor.plan_file.words import ASIDE, Slots, as_slot, block, is_true, one_of

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


def _warmup_ratio(value: Any) -> Slots:
    yield "plan.warmup_share", float(value)


def _warmup_steps(value: Any) -> Slots:
    """Since transformers 5 a number below one is a ratio."""
    is_share = 0 < float(value) < 1
    yield ("plan.warmup_share" if is_share else "plan.warmup_steps"), value


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
    """Whether one computes in `kind`; what that says of the weights depends on the other keys."""

    def meaning(value: Any) -> Slots:
        word = str(value).strip().lower()
        if word == "full":
            yield "plan.precision", kind
        elif word != "auto":
            yield f"half.{kind}", is_true(value)

    return meaning


def _pure(kind: str) -> Callable[[Any], Slots]:
    """Whether the weights themselves lie in `kind`."""

    def meaning(value: Any) -> Slots:
        if is_true(value):
            yield "plan.precision", kind

    return meaning


def _most_steps(value: Any) -> Slots:
    """Nothing where passes decide: trainers write -1."""
    if float(value) > 0:
        yield "plan.max_steps", value


def _precision(value: Any) -> Slots:
    word = str(value).strip().lower().removeprefix("torch.")
    if word != "auto":
        yield "plan.precision", one_of(_PRECISIONS, word, "precision")


def _within_init(value: Any) -> Slots:
    """TRL's block of what the model is opened with."""
    for name, inner in block(value).items():
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
        yield "plan.attention", one_of(_ATTENTIONS, word, "attention")


def _attention_switch(kind: str) -> Callable[[Any], Slots]:
    def meaning(value: Any) -> Slots:
        if is_true(value):
            yield "plan.attention", kind

    return meaning


def _liger(value: Any) -> Slots:
    if is_true(value):
        yield "plan.loss_head", "fused_linear"


def _every_turn(value: Any) -> Slots:
    """TRL then learns from every answer of a conversation."""
    if is_true(value):
        yield "option.all_turns", True


def _tokens(value: Any) -> Slots:
    if isinstance(value, list):
        yield ASIDE, "the model's own files say it"
    else:
        yield "plan.tokens", value


def _trackers(value: Any) -> Slots:
    names = value if isinstance(value, list) else str(value).split(",")
    kept = [str(name).strip() for name in names]
    yield "report_to", tuple(name for name in kept if name and name.lower() != "none")


def _tracker(name: str) -> Callable[[Any], Slots]:
    def meaning(value: Any) -> Slots:
        if is_true(value):
            yield "report_to", (name,)

    return meaning


MEANINGS: dict[str, Callable[[Any], Slots]] = {
    **METHOD_MEANINGS,
    "warmup_ratio": _warmup_ratio,
    "warmup_steps": _warmup_steps,
    **dict.fromkeys(("eval_steps", "evaluation_steps"), _eval_steps),
    **dict.fromkeys(("eval_strategy", "evaluation_strategy"), _eval_strategy),
    "train_sampling_strategy": _sampling,
    "load_best_model_at_end": _best_at_end,
    "metric_for_best_model": _best_by,
    "max_steps": _most_steps,
    "bf16": _half("bfloat16"),
    "fp16": _half("float16"),
    **dict.fromkeys(("pure_bf16", "bfloat16"), _pure("bfloat16")),
    "float16": _pure("float16"),
    **dict.fromkeys(("dtype", "torch_dtype", "precision"), _precision),
    "model_init_kwargs": _within_init,
    **dict.fromkeys(("gradient_checkpointing", "activation_checkpointing"), _checkpointing),
    "disable_gradient_checkpointing": _no_checkpointing,
    **dict.fromkeys(("attention", "attn_implementation", "flash_attn"), _attention),
    "flash_attention": _attention_switch("flash"),
    "sdp_attention": _attention_switch("sdpa"),
    "eager_attention": _attention_switch("eager"),
    **dict.fromkeys(
        ("use_liger_kernel", "enable_liger_kernel", "liger", "liger_fused_linear_cross_entropy"),
        _liger,
    ),
    "assistant_only_loss": _every_turn,
    "tokens": _tokens,
    "report_to": _trackers,
    "use_wandb": _tracker("wandb"),
    "use_mlflow": _tracker("mlflow"),
    "use_tensorboard": _tracker("tensorboard"),
    "general_data": as_slot("general_data"),
}
