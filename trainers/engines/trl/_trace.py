"""Follows a plan's step on tensors without content: the real model, adapter, loss and optimizer.

Run as a program of its own, since some operations on such tensors abort the whole process: reads
`{"plan": ..., "configuration": ...}` from standard input and writes one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from textwrap import shorten
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig, AutoModelForCausalLM

from advisor.schema.plan import Plan
from advisor.units import gib_from_bytes
from trainers.engines.trl._gpu_ways import as_on_gpu
from trainers.engines.trl._live import Live
from trainers.engines.trl._trace_parts import (
    adapter_config,
    cuda_like_head,
    freeze_as_planned,
    optimizer_of,
    pack_linears,
)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
LIBRARIES = ("torch", "transformers", "peft", "trl")
LONGEST_REASON = 160
STEPS = 2
"""The first step makes the optimizer's states; the second one shows the lasting height."""


class UntraceableError(Exception):
    """A plan that cannot be followed, with the reason."""


def follow(plan: Plan, configuration: dict[str, Any]) -> dict[str, Any]:
    """Allocated memory of the plan's second step by phase, in the fields of `Trace`.

    Raises UntraceableError with the reason, or whatever the libraries raise.
    """
    refuse(plan)
    began = time.perf_counter()
    model, notes = _model(plan, configuration)
    base = model
    closed = []
    if plan.base_bits in (4, 8):
        count = pack_linears(model, plan)
        closed.append(f"{count} linear layers as packed {plan.base_bits}-bit weights")
    model = adapted(model, plan)
    live = Live()
    with FakeTensorMode(allow_non_fake_inputs=True):
        _empty(model.train())
        prepared(model, base, plan, head=cuda_like_head)
        parameters = [p for p in model.parameters() if p.requires_grad]
        optimizer = optimizer_of(plan, parameters)
        with live, as_on_gpu():
            live.count([*model.parameters(), *model.buffers()])
            standing = _steps(model, plan, optimizer, live)
    phases = {name: gib_from_bytes(size) for name, size in live.highest.items()}
    return {
        "kind": "simulated",
        "allocated_gib": max(phases.values()),
        "phases_gib": phases,
        "peak_phase": max(phases, key=lambda name: phases[name]),
        "trainable_parameters": sum(p.numel() for p in parameters),
        "seconds": time.perf_counter() - began,
        "closed_form": closed,
        "versions": {name: version(name) for name in LIBRARIES},
        "notes": notes,
        "standing_gib": {name: gib_from_bytes(size) for name, size in standing.items()},
    }


def refuse(plan: Plan) -> None:
    """Raise UntraceableError for what neither program does."""
    if plan.loss_head not in ("stock", "chunked"):
        raise UntraceableError(f"the loss head '{plan.loss_head}' is one GPU kernel")
    if plan.gpus > 1:
        raise UntraceableError("a trace follows one GPU")
    if plan.offload != "none":
        raise UntraceableError("offloading moves tensors that a trace does not place")
    if plan.objective not in ("sft", "cpt"):
        raise UntraceableError(
            f"only plain next-token training is followed, not '{plan.objective}'"
        )


def _model(plan: Plan, configuration: dict[str, Any]) -> tuple[Any, list[str]]:
    """The model without storage, in the plan's precision, and remarks on it."""
    config = AutoConfig.for_model(**configuration)
    config = config.get_text_config(decoder=True)
    config.use_cache = False
    attention = "eager" if plan.attention == "eager" else "sdpa"
    notes = []
    try:
        model = built(config, attention, DTYPES[plan.precision])
    except ValueError as error:
        if attention == "eager" or "scaled_dot_product" not in str(error):
            raise
        model = built(config, "eager", DTYPES[plan.precision])
        notes.append("This model has no SDPA attention; eager attention was followed.")
    if "linear_attention" in (getattr(config, "layer_types", None) or ()):
        notes.append("Linear attention was followed in its reference form, which keeps more.")
    if plan.attention == "flash":
        notes.append("Flash attention keeps what SDPA's flash kernel keeps, which was followed.")
    return model, notes


def built(config: Any, attention: str, dtype: torch.dtype, device: str = "meta") -> Any:
    """The model with random weights, or on `meta` without any."""
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=dtype)


def adapted(model: Any, plan: Plan) -> Any:
    """The model with the plan's adapter, or with what the plan freezes frozen."""
    adapter = adapter_config(plan, model)
    if adapter is None:
        freeze_as_planned(model, plan)
        return model
    from peft import get_peft_model  # noqa: PLC0415 - slow to load, and full tuning needs none

    wrapped = get_peft_model(model, adapter)
    wanted = plan.trained_precision or "float32"
    for parameter in wrapped.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(DTYPES[wanted])
    return wrapped


def _empty(model: Any) -> None:
    """Give every parameter and buffer storage without content, shared ones once."""
    made: dict[int, torch.Tensor] = {}
    for module in model.modules():
        for name, old in module._parameters.items():  # noqa: SLF001 - torch has no other way
            if old is not None:
                fresh = made.get(id(old))
                if fresh is None:
                    empty = torch.empty_like(old, device="cpu")
                    fresh = torch.nn.Parameter(empty, requires_grad=old.requires_grad)
                made[id(old)] = module._parameters[name] = fresh  # noqa: SLF001
        for name, old in module._buffers.items():  # noqa: SLF001
            if old is not None:
                fresh = made.get(id(old))
                made[id(old)] = module._buffers[name] = (  # noqa: SLF001
                    torch.empty_like(old, device="cpu") if fresh is None else fresh
                )


def prepared(model: Any, base: Any, plan: Plan, *, head: Callable[[Any], None]) -> None:
    """Loss head and checkpointing as the trainer sets them."""
    if plan.loss_head == "chunked":
        head(base)
    if plan.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        if model is not base:
            model.enable_input_require_grads()
    if plan.compute_precision is not None:
        from accelerate.utils.operations import (  # noqa: PLC0415
            convert_outputs_to_fp32,
        )

        model.forward = convert_outputs_to_fp32(model.forward)


@contextlib.contextmanager
def autocast(plan: Plan, device: str = "cpu") -> Iterator[None]:
    """The plan's lower precision, where it has one."""
    if plan.compute_precision is None or plan.compute_precision == "float32":
        yield
        return
    with torch.autocast(device, dtype=DTYPES[plan.compute_precision]):
        yield


def _steps(model: Any, plan: Plan, optimizer: Any, live: Live) -> dict[str, int]:
    """Two optimizer steps; with accumulation, two micro-batches in each.

    Returns what stood in memory before the last step and after its first forward pass.
    """
    standing = {}
    shape = (plan.micro_batch_size, plan.sequence_length)
    ids = torch.zeros(shape, dtype=torch.long)
    more = {"fused_lm_head": True} if plan.loss_head == "chunked" else {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for step in range(STEPS):
        last = step == STEPS - 1
        if last:
            live.highest = {}
            standing["before"] = live.now
        for _ in range(min(plan.gradient_accumulation_steps, 2)):
            live.phase = "loss"
            with autocast(plan):
                loss = model(input_ids=ids, labels=ids, **more).loss
            standing["after_forward"] = live.now
            live.phase = "backward"
            loss.backward()
            del loss
        live.phase = "optimizer_step"
        torch.nn.utils.clip_grad_norm_(parameters, plan.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad()
    return standing


def answered(look: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Read the request, look, write the answer or the reason why there is none; ends the process.

    Leaving at once spares taking down tensors without content one by one.
    """
    request = json.loads(sys.stdin.read())
    try:
        answer = look(request)
    except Exception as error:  # noqa: BLE001 - told by the parent process
        reason = shorten(str(error), LONGEST_REASON, placeholder=" ...")
        if not isinstance(error, UntraceableError):
            reason = f"{type(error).__name__}: {reason}"
        if isinstance(error, torch.OutOfMemoryError):
            reason = "out of memory"
        answer = {"error": reason}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    """Follow the step that standard input asks for."""
    torch.set_num_threads(1)
    answered(lambda asked: follow(Plan.model_validate(asked["plan"]), asked["configuration"]))


if __name__ == "__main__":
    main()
