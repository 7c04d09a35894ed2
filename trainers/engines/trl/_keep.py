"""Writes down what was trained, and on which base it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from advisor.contracts import Keeping, Tools
from advisor.contracts.base_facts import BASE_FACTS, weights_digest
from advisor.schema.plan import Plan
from trainers.engines.trl._build import Ready
from trainers.engines.trl._model import QUANTISED


def keep(model: Any, ready: Ready, plan: Plan, draft: Path, tools: Tools) -> None:
    """Adapter or full weights, the tokenizer with its chat form, and the facts of the base."""
    method = tools.method(plan.method)
    if isinstance(method, Keeping):
        method.keep(model, draft)
    else:
        model.save_pretrained(str(draft))
    ready.tokenizer.save_pretrained(str(draft))
    for card in (draft / "README.md", draft.parent / "README.md"):
        card.unlink(missing_ok=True)  # the libraries' empty model cards say nothing
    facts = {
        "model": plan.model,
        "base_digest": weights_digest(Path(plan.model)),
        "method": plan.method,
        "objective": plan.objective,
        "precision": plan.precision,
        "base_bits": plan.base_bits if plan.base_bits in QUANTISED else None,
        "double_quantisation": plan.double_quantisation,
    }
    (draft / BASE_FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
