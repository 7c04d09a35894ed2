"""Published speed rows as plans on GPUs; what cannot be one, with its reason."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from advisor import registry
from advisor.catalog import query
from advisor.errors import AdvisorError
from advisor.schema.catalog import Gpu
from advisor.schema.plan import Plan
from advisor.stages.estimate.memory.work import Work
from advisor.stages.estimate.throughput.batches import Batch, batch_of
from advisor.stages.estimate.throughput.flops import product_work
from benchmarks.throughput.models import model_of

METHODS = {
    "full": "full",
    "pretrain": "full",
    "lora": "lora",
    "qlora": "qlora",
    "gptq-lora": "qlora",
    "peft-other:lora-dora": "dora",
    "peft-other:ia3": "ia3",
    "peft-other:vera": "vera",
    "peft-other:loha": "loha",
    "peft-other:lokr": "lokr",
    "peft-other:oft": "oft",
    "peft-other:boft": "boft",
    "peft-other:prefixtuning": "prefix",
    "peft-other:prompt_tuning": "prompt",
    "peft-other:ptuning": "p_tuning",
}
STACKS = {"stock_hf": "stock", "tuned_pytorch": "tuned", "vendor": "vendor"}
BITS = {"bf16": 16, "fp16": 16, "fp32": 16, "fp8": 8, "fp4": 4}
GPUS = {
    "a100": "a100-80gb",
    "a5000": "rtx-a5000",
    "a6000": "rtx-a6000",
    "dgx spark gb10": "gb10",
    "h200-nvl": "h200-nvl",
    "mi325x": "mi325x",
}
CHECKPOINTING = {"full": (True,), "no": (False,), "selective": (False,)}
CHECKPOINTING |= {"selective or none": (False,)}
UNKNOWN = (False, True)
"""A row that does not say whether it recomputes lies between the two."""
FASTER = {16: 1.0, 8: 2.0, 4: 6.0}
"""Peak of 8-bit and 4-bit products over 16-bit ones, at most."""
NO_RECOMPUTATION = {"gradient_checkpointing": False}
ANSWER_LENGTH = re.compile(r"mean ~?(\d+) tokens")
DEFAULT_LENGTH = 2048
LABEL = ("model", "method", "num_gpus", "gpu", "framework")


@dataclass(frozen=True)
class Case:
    """One row, in as many ways as it can be read, with what it measured."""

    works: tuple[Work, ...]
    gpu: Gpu
    batches: tuple[Batch, ...]
    seconds: float
    """Measured, for the tokens of one micro-batch on one device."""
    source: str
    in_stats: bool
    label: str


class UnmappedError(Exception):
    """Why a row cannot be put to the estimator."""


def read_cases(file: Path) -> tuple[list[Case], Counter[str]]:
    """The cases of a table, and how many rows are no case, by reason."""
    with file.open(encoding="utf-8", newline="") as lines:
        return cases_of(csv.DictReader(lines))


def cases_of(rows: Iterable[Mapping[str, str]]) -> tuple[list[Case], Counter[str]]:
    """The same of rows already read."""
    found, unmapped = [], Counter[str]()
    for row in rows:
        try:
            found.append(case_of(row))
        except UnmappedError as error:
            unmapped[str(error)] += 1
    return found, unmapped


def case_of(row: Mapping[str, str]) -> Case:
    """The row as a case.

    Raises UnmappedError with the reason when it is none.
    """
    speed, billions = _number(row, "tokens_per_s_per_gpu"), _number(row, "params_b")
    if not speed:
        raise UnmappedError("no tokens per second")
    if not billions:
        raise UnmappedError("no parameter count")
    gpu = _gpu(row["gpu"])
    works = tuple(_works(row, billions, gpu))
    batches = tuple(batch_of(work) for work in works)
    _refuse_impossible(works[0], gpu, speed)
    return Case(
        works=works,
        gpu=gpu,
        batches=batches,
        seconds=batches[0].useful / speed,
        source=source_of(row.get("source") or ""),
        in_stats=row.get("use_in_stats", "y") == "y",
        label=" ".join(row.get(key) or "" for key in LABEL),
    )


def _refuse_impossible(work: Work, gpu: Gpu, speed: float) -> None:
    """A speed above the card's peak counts padding, or something else that is no token."""
    peak = (gpu.bf16_tflops or gpu.fp16_tflops or 0.0) * 1e12 * FASTER[work.plan.matmul_bits]
    least = product_work(replace(work, plan=work.plan.model_copy(update=NO_RECOMPUTATION)))
    if least * speed > peak:
        raise UnmappedError("faster than the peak of the card")


def source_of(text: str) -> str:
    """Who published the row: the repository or the site, so that revisions are no new source."""
    words = text.split() or ["unknown"]
    if "/" in words[0] or "." in words[0]:
        return words[0]
    return " ".join(words[:3])


def _number(row: Mapping[str, str], key: str) -> float | None:
    try:
        return float(row.get(key) or "")
    except ValueError:
        return None


def _gpu(name: str) -> Gpu:
    try:
        gpu = query.find_gpu(GPUS.get(name.lower(), name))
    except AdvisorError:
        raise UnmappedError(f"GPU not in the catalog: {name}") from None
    if gpu.bf16_tflops is None and gpu.fp16_tflops is None:
        raise UnmappedError(f"GPU without a known rate: {name}")
    return gpu


def _length(row: Mapping[str, str]) -> int:
    """Tokens of a sequence: the mean where the row gives one (its batches are sorted by length)."""
    text = row.get("seq_len") or ""
    mean, digits = ANSWER_LENGTH.search(text), re.search(r"\d+", text)
    if mean:
        return int(mean.group(1))
    return int(digits.group()) if digits else DEFAULT_LENGTH


def _works(row: Mapping[str, str], billions: float, gpu: Gpu) -> Iterable[Work]:
    name = METHODS.get(row["method"])
    if name is None:
        raise UnmappedError(f"method without a footprint: {row['method']}")
    try:
        method = registry.method(name)
    except AdvisorError:
        raise UnmappedError(f"method without a footprint: {row['method']}") from None
    active = _number(row, "active_params_b")
    model = model_of(row["model"], billions, active if active and active < billions else None)
    for checkpointing in CHECKPOINTING.get(row.get("grad_ckpt") or "", UNKNOWN):
        plan = _plan(row, name, gpu, checkpointing=checkpointing)
        yield Work(plan, model, method.footprint(plan, model), query.reference().stack)


def _plan(row: Mapping[str, str], method: str, gpu: Gpu, *, checkpointing: bool) -> Plan:
    gpus = int(_number(row, "num_gpus") or 1)
    quantised = method == "qlora"
    stack = STACKS.get(row.get("framework_class") or "", "stock")
    return Plan(
        model=row["model"],
        method=method,
        precision="bfloat16" if gpu.bf16_tflops else "float16",
        base_bits=4 if quantised else 16,
        quantisation=_packing(row) if quantised else "none",
        matmul_bits=BITS.get(row.get("precision") or "bf16", 16),
        rank=None if method == "full" else 16,
        alpha=None if method == "full" else 32,
        sequence_length=_length(row),
        micro_batch_size=int(_number(row, "micro_batch") or 1),
        gradient_checkpointing=checkpointing,
        loss_head="stock" if stack == "stock" else "fused",
        attention="flash",
        stack=stack,
        learning_rate=1e-4,
        epochs=1,
        gpu=gpu.id,
        gpus=gpus,
        nodes=_nodes(row, gpus),
        **_devices(row.get("parallelism") or "", gpus),
    )


def _packing(row: Mapping[str, str]) -> Any:
    """GPTQ where method or framework says so, else what bitsandbytes does."""
    said = f"{row['method']} {row.get('framework') or ''}".lower()
    return "gptq" if "gptq" in said else "nf4"


def _nodes(row: Mapping[str, str], gpus: int) -> int:
    stated = re.search(r"(\d+) nodes", row.get("parallelism") or "")
    if stated:
        return int(stated.group(1))
    return max(-(-gpus // 8), 1)


LAYOUT_ACCUMULATION = 16


def _devices(parallelism: str, gpus: int) -> dict[str, Any]:
    """Strategy and offload.

    Tensor, pipeline and expert layouts exchange little beside gradients, once in many
    micro-batches; the estimator has no word for them, so they stand as ddp with accumulation.
    """
    if gpus == 1:
        return {"strategy": "single"}
    text = parallelism.lower()
    strategy = "fsdp"
    if re.search(r"(tp|pp)[2-9]|(tp|pp)/", text) or re.search(r"ep\d", text):
        return {"strategy": "ddp", "gradient_accumulation_steps": LAYOUT_ACCUMULATION}
    if "ddp" in text:
        strategy = "ddp"
    elif "zero-3" in text or "zero3" in text:
        strategy = "zero3"
    elif "zero" in text or "shard_grad_op" in text:
        strategy = "zero2"
    return {"strategy": strategy, "offload": "weights" if "offload" in text else "none"}


def readings(case: Case) -> Iterable[tuple[Work, Batch]]:
    """The ways the case can be read, with their batches."""
    return zip(case.works, case.batches, strict=True)


__all__ = ["Case", "UnmappedError", "case_of", "cases_of", "read_cases", "readings"]
