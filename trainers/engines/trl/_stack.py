"""Opens what an earlier training left as the base of a new one: SFT first, then DPO on top."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Literal

from peft import PeftConfig, PeftModel

from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.engines.trl._model import QUANTISED, open_base
from trainers.origin import ADAPTER, another_base, base_of, is_stacked


def stack_notes(plan: Plan) -> tuple[str, ...]:
    """What to know of a plan whose base is an adapter folder; nothing for others."""
    if not is_stacked(plan.model):
        return ()
    packed = " and packed afterwards" if plan.base_bits in QUANTISED else ""
    note = (
        f"The adapter in {plan.model} was merged into its unpacked base{packed};"
        " what is trained now stands on both, so keep that folder."
    )
    return (note,)


def open_stacked_base(plan: Plan, *, head: Literal["language", "score"] = "language") -> Any:
    """The base with its adapter merged in, unpacked; then packed, or with another head, as planned.

    Raises PlanError for an adapter that cannot be merged, ModelFolderError where the base is gone
    or another one, and what `open_base` raises.
    """
    merged = _merged(Path(plan.model), plan)
    if head == "language" and plan.method != "qlora" and plan.base_bits not in QUANTISED:
        return _named(merged, plan.model)
    with tempfile.TemporaryDirectory(prefix="advisor-merged-") as place:
        merged.save_pretrained(place)
        del merged
        model = open_base(plan.model_copy(update={"model": place}), head=head)
    return _named(model, plan.model)


def _merged(folder: Path, plan: Plan) -> Any:
    base = base_of(folder)
    if not (folder / ADAPTER).is_file():
        raise _stays_beside(folder, "what its method has kept")
    config = PeftConfig.from_pretrained(str(folder))
    kind = str(getattr(config.task_type, "value", config.task_type))
    if config.is_prompt_learning or kind == "SEQ_CLS":
        raise _stays_beside(folder, "trained tokens" if config.is_prompt_learning else "a new head")
    plain = {"model": base, "method": "lora", "base_bits": 32, "quantisation": "none"}
    model = open_base(plan.model_copy(update=plain))
    try:
        model = PeftModel.from_pretrained(model, str(folder), local_files_only=True)
    except (RuntimeError, ValueError, KeyError) as error:
        raise another_base(folder, base) from error
    return model.merge_and_unload(safe_merge=True)


def _named(model: Any, name: str) -> Any:
    """What is trained on it must name the stack as its base, and not what the stack stands on."""
    model.name_or_path = name
    model.config._name_or_path = name  # noqa: SLF001 - the library's only place for it
    return model


def _stays_beside(folder: Path, what: str) -> PlanError:
    return PlanError(
        f"{folder} cannot be the base of another training: {what} cannot be merged into the base.",
        hint="Train on the base itself, or make the first training one of lora, dora, loha, lokr,"
        " ia3, vera, oft, boft, or full.",
        where=str(folder),
    )
