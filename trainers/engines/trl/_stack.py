"""Opens what an earlier training left as the base of a new one: SFT first, then DPO on top."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Literal

from peft import PeftConfig, PeftModel

from advisor.contracts.base_facts import BASE_FACTS, weights_digest
from advisor.errors import ModelFolderError, PlanError
from advisor.schema.plan import Plan
from trainers.engines.trl._model import QUANTISED, open_base

ADAPTER = "adapter_config.json"


def is_stacked(model: str) -> bool:
    """Whether a model reference is a folder that only holds what was trained beside a base."""
    folder = Path(model)
    if (folder / "config.json").is_file():
        return False
    return (folder / ADAPTER).is_file() or (folder / BASE_FACTS).is_file()


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
    base = _base_of(folder)
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
        raise _another_base(folder, base) from error
    return model.merge_and_unload(safe_merge=True)


def _base_of(folder: Path) -> str:
    """Where the base of a folder lies; raises ModelFolderError where it is not that base."""
    facts = _read(folder / BASE_FACTS)
    named = _read(folder / ADAPTER).get("base_model_name_or_path") or facts.get("model")
    if not named:
        raise ModelFolderError(
            f"The adapter in {folder} names no base model.",
            hint=f"Set base_model_name_or_path in {ADAPTER}.",
            where=str(folder),
        )
    told, place = facts.get("base_digest"), Path(str(named))
    if told and place.is_dir() and weights_digest(place) != told:
        raise _another_base(folder, str(named))
    return str(named)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelFolderError(
            f"{file.name} cannot be read: {error}",
            hint="Copy the folder again, or train again.",
            where=str(file.parent),
        ) from error
    return found if isinstance(found, dict) else {}


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


def _another_base(folder: Path, base: str) -> ModelFolderError:
    return ModelFolderError(
        f"The adapter in {folder} was trained on another base than '{base}': the weights there"
        " are others.",
        hint="Put the old base back, name its place in the adapter's files, or train again.",
        where=str(folder),
    )
