"""Two real steps of a plan on this machine's GPU, with what they took.

Run as a program of its own, so that the GPU is empty before and after: reads
`{"plan": ..., "configuration": ..., "folder": ...}` from standard input, writes one JSON object.
"""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import Any

import torch
from transformers import AutoConfig, Trainer, TrainingArguments
from trl.trainer.utils import add_fused_lm_head

from advisor.schema.plan import Plan
from advisor.units import gib_from_bytes
from trainers.engines.trl._model import DTYPES, open_base
from trainers.engines.trl._trace import (
    LIBRARIES,
    STEPS,
    UntraceableError,
    adapted,
    answered,
    autocast,
    built,
    prepared,
    refuse,
)

OUTPUTS = ("log_probs", "entropy", "is_top1")
"""What the trainer asks of the chunked loss head."""


def probe(plan: Plan, configuration: dict[str, Any], folder: str | None) -> dict[str, Any]:
    """Memory and speed of the plan's second step, in the fields of `Trace`.

    Raises UntraceableError with the reason, also where there is no GPU.
    """
    if not torch.cuda.is_available():
        raise UntraceableError("torch finds no GPU on this machine")
    refuse(plan)
    began = time.perf_counter()
    base = _base(plan, configuration, folder)
    model = adapted(base, plan).to("cuda").train()
    prepared(model, base, plan, head=lambda one: add_fused_lm_head(one, outputs=OUTPUTS))
    seconds = _steps(model, plan)
    free, total = torch.cuda.mem_get_info()
    tokens = plan.micro_batch_size * plan.sequence_length * plan.gradient_accumulation_steps
    return {
        "kind": "probed",
        "allocated_gib": gib_from_bytes(torch.cuda.max_memory_allocated()),
        "reserved_gib": gib_from_bytes(torch.cuda.max_memory_reserved()),
        "process_gib": gib_from_bytes(total - free),
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "seconds": time.perf_counter() - began,
        "tokens_per_second": tokens / seconds,
        "versions": {name: version(name) for name in LIBRARIES},
        "notes": _notes(folder),
    }


def _notes(folder: str | None) -> list[str]:
    told = f"Measured on {torch.cuda.get_device_name()}, with whatever else uses it."
    return [told] if folder else [told, "The weights were random."]


def _base(plan: Plan, configuration: dict[str, Any], folder: str | None) -> Any:
    """The user's weights where they are here; else random ones of the same shape."""
    if folder is not None:
        return open_base(plan.model_copy(update={"model": folder}))
    if plan.base_bits < 16:
        raise UntraceableError("a quantised base is probed with real weights only")
    config = AutoConfig.for_model(**configuration).get_text_config(decoder=True)
    config.use_cache = False
    attention = {"flash": "flash_attention_2"}.get(plan.attention, plan.attention)
    return built(config, attention, DTYPES[plan.precision], "cuda")


def _steps(model: Any, plan: Plan) -> float:
    """Seconds of the last of two optimizer steps; memory is counted from the first on."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    settings = TrainingArguments(
        output_dir="unused", optim=plan.optimizer, learning_rate=plan.learning_rate
    )
    kind, options = Trainer.get_optimizer_cls_and_kwargs(settings, model)
    optimizer = kind(parameters, **options)
    vocabulary = model.get_input_embeddings().weight.shape[0]
    shape = (plan.micro_batch_size, plan.sequence_length)
    ids = torch.randint(0, vocabulary, shape, device="cuda")
    more = {"fused_lm_head": True} if plan.loss_head == "chunked" else {}
    torch.cuda.reset_peak_memory_stats()
    began = 0.0
    for _ in range(STEPS):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(plan.gradient_accumulation_steps):
            with autocast(plan, "cuda"):
                loss = model(input_ids=ids, labels=ids, **more).loss
            loss.backward()
            del loss
        torch.nn.utils.clip_grad_norm_(parameters, plan.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad()
    torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    """Take the steps that standard input asks for."""
    answered(
        lambda asked: probe(
            Plan.model_validate(asked["plan"]), asked["configuration"], asked["folder"]
        )
    )


if __name__ == "__main__":
    main()
