"""Operations as a GPU's kernels allocate, where a CPU's differ: attention, softmax, autocast."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional
from transformers import masking_utils

IN_32_BITS = (
    (functional, "layer_norm"),
    (functional, "log_softmax"),
    (functional, "cross_entropy"),
    (functional, "softplus"),
    (torch, "cumsum"),
    (torch, "pow"),
)
"""What autocast computes in 32 bits on a GPU, and not on a CPU."""


class _FlashAttention(torch.autograd.Function):  # type: ignore[misc]
    """What FlashAttention 2 keeps and allocates: no scores, shared keys and values not repeated."""

    @staticmethod
    def forward(ctx: Any, *tensors: torch.Tensor | None) -> torch.Tensor:
        query, value = tensors[0], tensors[2]
        assert query is not None  # noqa: S101 - by the signature of attention
        assert value is not None  # noqa: S101
        batch, heads, length, _ = query.shape
        out = query.new_empty((batch, length, heads, value.shape[-1])).transpose(1, 2)
        sums = query.new_empty((batch, heads, length), dtype=torch.float32)
        ctx.save_for_backward(*tensors, out, sums)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, _, _, sums = ctx.saved_tensors
        sums_of_gradient = torch.empty_like(sums)
        accumulated = torch.empty_like(query, dtype=torch.float32)
        found = [torch.empty_like(one) for one in (query, key, value)]
        if key.shape[1] != query.shape[1]:  # summed over the heads that share them
            wide = [key.new_empty((*query.shape[:2], *one.shape[2:])) for one in (key, value)]
            del wide
        del accumulated, sums_of_gradient, gradient
        return (*found, None)


class _Softmax(torch.autograd.Function):  # type: ignore[misc]
    """The GPU's kernel lifts 16-bit scores on the way, and needs a product for its backward."""

    @staticmethod
    def forward(ctx: Any, scores: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        out = torch.empty_like(scores, dtype=dtype)
        ctx.save_for_backward(out)
        ctx.dtype = scores.dtype
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (out,) = ctx.saved_tensors
        product = gradient * out
        result = torch.empty_like(gradient, dtype=ctx.dtype)
        del product
        return result, None


def _softmax(
    value: torch.Tensor,
    dim: int | None = None,  # noqa: ARG001 - torch's own signature
    *_: Any,
    dtype: torch.dtype | None = None,
    **__: Any,
) -> torch.Tensor:
    lifted = torch.float32 if torch.is_autocast_enabled("cpu") else value.dtype
    result: torch.Tensor = _Softmax.apply(value, dtype or lifted)
    return result


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: Any = None,
    *_: Any,
    **__: Any,
) -> torch.Tensor:
    tensors = [query, key, value]
    if torch.is_autocast_enabled("cpu"):
        tensors = [one.to(torch.get_autocast_dtype("cpu")) for one in tensors]
    result: torch.Tensor = _FlashAttention.apply(*tensors, attn_mask)
    return result


def _dropout(
    value: torch.Tensor,
    p: float = 0.5,
    training: bool = True,  # noqa: FBT001, FBT002 - torch's own signature
    inplace: bool = False,  # noqa: FBT001, FBT002
) -> torch.Tensor:
    """The GPU's kernel keeps a byte per number."""
    _ = inplace
    if not training or p == 0:
        return value
    dropped: torch.Tensor = torch.native_dropout(value, p, True)[0]  # noqa: FBT003
    return dropped


def _nothing_packed(*_: Any, **__: Any) -> None:
    """Rows are full and not packed, so attention needs no mask."""


OWN_WAYS: tuple[tuple[Any, str, Any], ...] = (
    (functional, "scaled_dot_product_attention", _attention),
    (functional, "softmax", _softmax),
    (torch, "softmax", _softmax),
    (functional, "dropout", _dropout),
    (masking_utils, "find_packed_sequence_indices", _nothing_packed),
)
"""Functions that allocate otherwise on a GPU, and what stands for them."""


@contextlib.contextmanager
def as_on_gpu() -> Iterator[None]:
    """Attention, and casts under autocast, as on a GPU; patched, since recomputation looks too."""
    places = [*IN_32_BITS, *((place, name) for place, name, _ in OWN_WAYS)]
    before = [(place, name, getattr(place, name)) for place, name in places]
    try:
        for place, name, original in before[: len(IN_32_BITS)]:
            setattr(place, name, _in_32_bits_under_autocast(original))
        for place, name, own in OWN_WAYS:
            setattr(place, name, own)
        yield
    finally:
        for place, name, original in before:
            setattr(place, name, original)


def _in_32_bits_under_autocast(original: Any) -> Any:
    def on_gpu(*args: Any, **named: Any) -> Any:
        if torch.is_autocast_enabled("cpu"):
            args = tuple(_in_32_bits(value) for value in args)
            named = {key: _in_32_bits(value) for key, value in named.items()}
        return original(*args, **named)

    return on_gpu


def _in_32_bits(value: Any) -> Any:
    is_half = isinstance(value, torch.Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if is_half else value
