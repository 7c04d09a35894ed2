"""What a traced step puts in place of GPU kernels, and the parts that the plan chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from advisor.schema.plan import Plan
from trainers.methods.ia3 import READERS

PACKED_BYTES = {4: 0.5 + 1 / 64 + 4 / 16384, 8: 1.0}
"""Bytes per weight: NF4 with double quantisation, and LLM.int8 without its column scales."""
EIGHT_BIT_FROM = 4096
"""bitsandbytes keeps the states of smaller tensors in 32 bits."""


class _Unpacked(torch.autograd.Function):  # type: ignore[misc]
    """A product with a packed matrix, unpacked for it and again in the backward pass."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        ctx.shape = shape
        return value @ value.new_empty(shape).t()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient @ gradient.new_empty(ctx.shape), None


class PackedLinear(nn.Linear):  # type: ignore[misc]
    """A frozen linear layer whose weights take as many bytes as quantised ones."""

    def __init__(self, linear: Any, bits: int) -> None:
        nn.Module.__init__(self)
        shape = linear.weight.shape
        self.out_features, self.in_features = shape[::-1] if hasattr(linear, "nf") else shape
        size = round(PACKED_BYTES[bits] * linear.weight.numel())
        packed = torch.empty(size, dtype=torch.uint8, device="meta")
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.bias = linear.bias

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """The product, and the bias where there is one."""
        if torch.is_autocast_enabled("cpu"):
            value = value.to(torch.get_autocast_dtype("cpu"))
        result = _Unpacked.apply(value, (self.out_features, self.in_features))
        return result if self.bias is None else result + self.bias.to(result.dtype)


def pack_linears(model: Any, plan: Plan) -> int:
    """Replace every linear layer but the head by a packed one; how many there were."""
    model.requires_grad_(requires_grad=False)
    head = model.get_output_embeddings()
    places = [
        (module, name, child)
        for module in model.modules()
        for name, child in module.named_children()
        if isinstance(child, (nn.Linear, Conv1D)) and child is not head
    ]
    for module, name, child in places:
        setattr(module, name, PackedLinear(child, plan.base_bits))
    if plan.unquantised_precision == "float32":
        for parameter in model.parameters():
            if parameter.dtype.is_floating_point:
                parameter.data = parameter.data.float()
    return len(places)


class _Compact(torch.autograd.Function):  # type: ignore[misc]
    """A copy, as picking the positions with a label makes one."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:  # noqa: ARG004 - autograd's shape
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        return gradient.clone()


def cuda_like_head(base: Any) -> None:
    """TRL's chunked loss head, with what its GPU kernels allocate and no more.

    On a GPU the tiles are folded in place and products are added without a temporary.
    """
    from trl.kernels import chunked_logprob  # noqa: PLC0415 - other heads do not need it
    from trl.trainer import utils  # noqa: PLC0415

    def in_place(*_: Any, **__: Any) -> None:
        return None

    class OnGpu:
        @staticmethod
        def apply(hidden: torch.Tensor, *rest: Any) -> Any:
            return chunked_logprob.ChunkedLogProbFunction.apply(_Compact.apply(hidden), *rest)

    chunked_logprob._forward_tile = in_place  # noqa: SLF001
    chunked_logprob._backward_tile = in_place  # noqa: SLF001
    chunked_logprob._addmm_fp32 = in_place  # noqa: SLF001
    utils._ChunkedLogProbFunction = OnGpu  # noqa: SLF001
    utils.add_fused_lm_head(base, outputs=("log_probs", "entropy", "is_top1"))


def adapter_config(plan: Plan, model: Any) -> Any:
    """The plan's adapter as PEFT describes it; None where the base itself is trained.

    Raises ValueError for a method that PEFT does not know.
    """
    if plan.method in ("full", "freeze", "galore", "lisa", "lomo"):
        return None
    import peft  # noqa: PLC0415 - slow to load

    names = [name.strip() for name in plan.target_modules.split(",")]
    target = names[0] if names == ["all-linear"] else names
    shared: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    low_rank = {"target_modules": target, "r": plan.rank, **shared}
    options = dict(plan.method_options)
    if plan.method in ("lora", "qlora", "dora", "rslora"):
        rank = plan.rank or 0
        return peft.LoraConfig(
            lora_alpha=plan.alpha if plan.alpha is not None else 2 * rank,
            lora_dropout=plan.dropout,
            use_dora=plan.method == "dora" or bool(options.get("dora")),
            use_rslora=plan.method == "rslora" or bool(options.get("rslora")),
            bias="none",
            **low_rank,
        )
    virtual = int(options.get("virtual_tokens", 20))
    made = {
        "ia3": lambda: peft.IA3Config(
            target_modules=target, feedforward_modules=_last_of_feed_forward(model), **shared
        ),
        "vera": lambda: peft.VeraConfig(**low_rank),
        "loha": lambda: peft.LoHaConfig(**low_rank),
        "lokr": lambda: peft.LoKrConfig(**low_rank),
        "oft": lambda: peft.OFTConfig(target_modules=target, oft_block_size=32, **shared),
        "prompt": lambda: peft.PromptTuningConfig(num_virtual_tokens=virtual, **shared),
        "p_tuning": lambda: peft.PromptEncoderConfig(num_virtual_tokens=virtual, **shared),
        "prefix": lambda: peft.PrefixTuningConfig(num_virtual_tokens=virtual, **shared),
    }
    if plan.method not in made:
        raise ValueError(f"the method '{plan.method}' has no tracer")
    return made[plan.method]()


def _last_of_feed_forward(model: Any) -> list[str]:
    """The layers that IA3 scales at their input, as far as the model has them."""
    names = [name for name, _ in model.named_modules()]
    return sorted(one for one in READERS if any(name.endswith(f".{one}") for name in names))


def freeze_as_planned(model: Any, plan: Plan) -> None:
    """Leave only the top layers trainable where the method says so."""
    count = plan.method_options.get("layers")
    if plan.method != "freeze" or count is None:
        return
    model.requires_grad_(requires_grad=False)
    for layer in model.base_model.layers[-int(count) :]:
        layer.requires_grad_(requires_grad=True)


class PackedAdam(torch.optim.Optimizer):  # type: ignore[misc]
    """Holds 8-bit states as bitsandbytes does, and updates in place."""

    def __init__(self, parameters: Sequence[torch.Tensor]) -> None:
        super().__init__(parameters, {})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> None:
        """Make the states where there are none yet."""
        _ = closure
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter not in self.state:
                    self.state[parameter] = {"packed": _packed_state(parameter)}


def _packed_state(parameter: torch.Tensor) -> list[torch.Tensor]:
    count = parameter.numel()
    if count < EIGHT_BIT_FROM:
        return [torch.zeros(count) for _ in range(2)]
    one = [torch.zeros(count, dtype=torch.uint8), torch.zeros(-(-count // 256))]
    return [part.clone() for _ in range(2) for part in one]


def optimizer_of(plan: Plan, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    """The plan's optimizer as the trainer makes it on a GPU.

    Raises ValueError for one that cannot be followed.
    """
    rate = plan.learning_rate
    made: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "adamw_torch": lambda: torch.optim.AdamW(parameters, lr=rate, foreach=True),
        "adamw_torch_fused": lambda: torch.optim.AdamW(parameters, lr=rate, fused=True),
        "sgd": lambda: torch.optim.SGD(parameters, lr=rate, foreach=True),
        "adamw_bnb_8bit": lambda: PackedAdam(parameters),
        "adamw_8bit": lambda: PackedAdam(parameters),
    }
    if plan.optimizer not in made:
        raise ValueError(f"the optimizer '{plan.optimizer}' cannot be followed")
    return made[plan.optimizer]()
