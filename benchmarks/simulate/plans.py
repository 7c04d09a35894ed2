"""The plans that formulas are held against: random ones of few layers, and some of full depth."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from advisor.schema.plan import Plan
from benchmarks.simulate.shapes import CHECK_SHAPES, SHAPES, TARGETS

SEED = 20261126
LENGTHS = (128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
MOST_TOKENS = 16384
RANDOM = 200
QUANTISED = 24
CHECKS = 100
"""Plans that were traced after the last change of the formulas, half of them on other shapes."""
CHECK_SEED = 20261129


@dataclass(frozen=True)
class Case:
    """One plan on one shape."""

    id: str
    shape: str
    layers: int | None
    """None: the model's own depth."""
    plan: Plan


def cases() -> list[Case]:
    """All cases, the same in every run."""
    dice = random.Random(SEED)  # noqa: S311 - a seeded choice
    names = list(SHAPES)
    found = []
    for index in range(RANDOM):
        name = names[index % len(names)]
        found.append(Case(f"r{index}", name, dice.randint(2, 4), _random(dice, name)))
    for index in range(QUANTISED):
        name = names[index % len(names)]
        plan = _random(dice, name, method="qlora")
        found.append(Case(f"q{index}", name, dice.randint(2, 4), plan))
    return [*found, *_full_depth(), *_checks()]


def _checks() -> list[Case]:
    dice = random.Random(CHECK_SEED)  # noqa: S311
    seen, others = list(SHAPES), list(CHECK_SHAPES)
    found = []
    for index in range(CHECKS):
        names = others if index % 2 else seen
        name = names[index // 2 % len(names)]
        found.append(Case(f"c{index}", name, dice.randint(2, 4), _random(dice, name)))
    return found


def _random(dice: random.Random, shape: str, method: str = "") -> Plan:
    keys_of = (SHAPES | CHECK_SHAPES)[shape]
    positions = keys_of.get("max_position_embeddings") or 1024
    length = dice.choice([n for n in LENGTHS if n <= positions])
    batch = dice.choice([n for n in (1, 2, 3, 4, 6, 8) if n * length <= MOST_TOKENS])
    method = (
        method
        or dice.choices(
            ("full", "lora", "dora", "ia3", "vera", "loha", "lokr", "prompt"),
            (30, 48, 7, 5, 3, 2, 3, 2),
        )[0]
    )
    precision = "bfloat16" if method == "qlora" else dice.choice(("bfloat16",) * 4 + ("float32",))
    is_mixture = any("experts" in key for key in keys_of)
    if is_mixture:  # grouped products take 16 bits, PEFT's experts neither DoRA nor dropout
        method, precision = method.replace("dora", "lora"), "bfloat16"
    autocast = dice.choice((None, "bfloat16")) if precision == "bfloat16" else "bfloat16"
    keys: dict[str, Any] = {
        "method": method,
        "precision": precision,
        "compute_precision": autocast,
        "base_bits": {"float32": 32, "bfloat16": 16}[precision],
        "sequence_length": length,
        "micro_batch_size": batch,
        "gradient_accumulation_steps": dice.choice((1, 1, 2)),
        "gradient_checkpointing": dice.random() < 0.5,
        "loss_head": dice.choice(("stock", "chunked")),
        "attention": dice.choice(("sdpa",) * 5 + ("eager",)),
        "optimizer": dice.choice(("adamw_torch", "adamw_torch_fused", "adamw_torch_fused", "sgd")),
    }
    if method == "qlora":
        keys |= {"base_bits": 4, "quantisation": "nf4"}
    if method in ("lora", "qlora", "dora", "vera", "loha", "lokr"):
        keys |= {"rank": dice.choice((4, 8, 16, 32, 64, 128))}
    if method in ("lora", "qlora", "dora"):
        keys |= {
            "dropout": dice.choice((0.0, 0.0, 0.05, 0.1)) * (not is_mixture),
            "target_modules": dice.choice(("all-linear", "all-linear", TARGETS[shape])),
        }
    return _plan(shape, keys)


def _plan(shape: str, keys: dict[str, Any]) -> Plan:
    fixed = {"model": shape, "learning_rate": 1e-4, "epochs": 1.0, "gpu": "h100"}
    return Plan.model_validate(fixed | keys)


def _full_depth() -> list[Case]:
    lora = {"method": "lora", "rank": 16, "precision": "bfloat16", "base_bits": 16}
    full = {"method": "full", "precision": "bfloat16", "base_bits": 16}
    size = {"sequence_length": 2048, "micro_batch_size": 1}
    chosen: list[tuple[str, dict[str, Any]]] = [
        ("llama-3.2-1b", full | size | {"gradient_checkpointing": False, "loss_head": "stock"}),
        ("llama-3.1-8b", lora | size),
        ("llama-3.1-8b", full | size | {"optimizer": "adamw_torch"}),
        ("llama-2-7b", lora | size | {"gradient_checkpointing": False, "dropout": 0.05}),
        ("mistral-7b", lora | size | {"compute_precision": "bfloat16", "loss_head": "stock"}),
        ("qwen2.5-7b", lora | {"sequence_length": 4096, "micro_batch_size": 2}),
        ("qwen3-4b", full | size | {"compute_precision": "bfloat16"}),
        ("gemma-2-2b", lora | size | {"gradient_checkpointing": False}),
        ("phi-3-mini", lora | {"sequence_length": 1024, "micro_batch_size": 4}),
        ("pythia-6.9b", full | {"sequence_length": 512, "micro_batch_size": 2}),
    ]
    return [
        Case(f"f{index}", name, None, _plan(name, keys))
        for index, (name, keys) in enumerate(chosen)
    ]
