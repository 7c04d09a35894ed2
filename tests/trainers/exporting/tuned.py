"""Tuned folders made on the spot: adapters of every kind, with weights that change the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from advisor import registry
from advisor.contracts import Keeping
from advisor.contracts.base_facts import weights_digest
from advisor.schema.export import ExportJob
from advisor.schema.plan import Plan
from tests.fixtures.training import INSTRUCTION, training_plan
from trainers.engines.trl.quiet import quiet

IDS = [[1, 5, 60, 70, 80, 90, 33, 2], [1, 4, 100, 7, 200, 31, 32, 5]]
NEEDS_RANK = {"lora", "qlora", "dora", "loha", "lokr", "vera", "boft"}


def opened(folder: str, **more: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, **more).eval()


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.tensor(IDS)).logits.float()


def stirred(model: Any, *, by: float = 0.05) -> Any:
    """The model with noise on all that is trained, always the same."""
    import torch

    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(by * torch.randn_like(parameter))
    return model.eval()


def tuned_by(method: str, base: str, folder: Path, **changes: Any) -> Any:
    """What a method leaves in a folder, as the engine keeps it; the tuned model itself."""
    from trainers.engines.trl._model import tokenizer_at

    changes.setdefault("rank", 4 if method in NEEDS_RANK else None)
    plan = training_plan(base, method, **{"dropout": 0.0} | changes)
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        model = _applied(plan, folder)
        tokenizer_at(base).save_pretrained(str(folder))
    note_base(folder, base, method, plan.base_bits if plan.base_bits in (4, 8) else None)
    return model


def _applied(plan: Plan, folder: Path) -> Any:
    from trainers.engines.trl._model import open_base

    plugin = registry.method(plan.method)
    model = stirred(plugin.apply(open_base(plan), plan).model)
    if isinstance(plugin, Keeping):
        plugin.keep(model, folder)
    else:
        model.save_pretrained(str(folder))
    return model


def peft_adapter(base: str, folder: Path, **settings: Any) -> Any:
    """A foreign LoRA adapter: no facts beside it, no tokenizer."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(**{"r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM"} | settings)
    model = stirred(get_peft_model(opened(base), config))
    model.save_pretrained(str(folder))
    return model


def note_base(folder: Path, base: str, method: str, bits: int | None) -> None:
    facts = {
        "model": base,
        "base_digest": weights_digest(Path(base)),
        "method": method,
        "objective": "sft",
        "precision": "float32",
        "base_bits": bits,
        "double_quantisation": True,
    }
    (folder / "base.json").write_text(json.dumps(facts))


def export_job(model: Path | str, folder: Path, **options: str) -> ExportJob:
    folder.mkdir(parents=True, exist_ok=True)
    return ExportJob(
        model=str(model),
        name="tuned",
        output_dir=str(folder),
        instruction=INSTRUCTION,
        max_new_tokens=4,
        options=options,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
