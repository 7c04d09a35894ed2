"""Makes one whole model of what was tuned and the base that it stands on, never in packed weights.

Each layer is multiplied out in float32 and cast at the end, so that an adapter is rounded once; the
model itself stays in its own precision, and memory near one copy of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from advisor.contracts import Keeping, Method
from advisor.errors import AdvisorError, MissingExtraError, ModelFolderError, PlanError
from trainers.engines.trl._model import DTYPES, opened, stays_offline, tokenizer_at
from trainers.engines.trl.failures import first_line
from trainers.engines.trl.quiet import quiet
from trainers.exporting.origins import WEIGHTS, Lineage, header_of, lineage_of, refuse_unmergeable
from trainers.origin import Origin, another_base, is_place

MISFITS = ("size mismatch", "target modules", "not found in the base model")
"""What PEFT says of an adapter whose layers the base does not have."""
Methods = Callable[[str], Method]


def merged_model(
    folder: Path, *, dtype: str | None = None, method: Methods | None = None
) -> tuple[Any, Any]:
    """Model and tokenizer of a tuned folder, whole, on the CPU; the folder stays as it is.

    `dtype` (float32, bfloat16 or float16) is that of the weights; None is that of the base's own
    checkpoint. `method` opens what a method has kept. Raises PlanError for what cannot be merged,
    ModelFolderError where the base is gone, packed or another one, UnsupportedArchitectureError and
    MissingExtraError.
    """
    line = lineage_of(folder, at_hand)
    with quiet():
        return _whole(line, dtype, method), tokenizer_at(str(line.tokenizer))


def _whole(line: Lineage, dtype: str | None, method: Methods | None) -> Any:
    model = opened(line.base, "language", {"dtype": DTYPES[_loaded_in(line, dtype)]})
    for origin in reversed(line.layers):
        model = _with(model, origin, method)
    wanted = DTYPES[dtype or line.dtype]
    if any(one.is_floating_point() and one.dtype != wanted for one in model.parameters()):
        model = model.to(wanted)
    _check_finite(model, (*(str(one.folder) for one in line.layers), line.base)[0])
    return model.eval()


def at_hand(reference: str) -> Path:
    """The folder of a model; of a hub id, its snapshot in the local cache.

    Raises ModelFolderError where it is not at hand.
    """
    if Path(reference).is_dir():
        return Path(reference)
    if is_place(reference):
        raise _base_gone(reference, "there is no such folder")
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - only for hub ids

    try:
        place = snapshot_download(reference, local_files_only=stays_offline(reference))
    except Exception as error:
        raise _base_gone(reference, first_line(error)) from error
    return Path(place)


def _base_gone(reference: str, why: str) -> ModelFolderError:
    return ModelFolderError(
        f"The base model '{reference}' is not at hand: {why}",
        hint="Put it back, or name its new place in the adapter's files (base_model_name_or_path).",
        where=reference,
    )


def _loaded_in(line: Lineage, dtype: str | None) -> str:
    """The wider of what the checkpoint has and what is asked: nothing is rounded before merging."""
    return "float32" if "float32" in (dtype, line.dtype) else line.dtype


def _with(model: Any, origin: Origin, method: Methods | None) -> Any:
    """The model with what lies in a folder made a part of its own weights."""
    if origin.kind == "kept":
        return _restored(model, origin, method)
    try:
        from peft import PeftConfig  # noqa: PLC0415 - only adapters need it
    except ImportError:
        raise MissingExtraError("Merging an adapter", "train") from None
    config = PeftConfig.from_pretrained(str(origin.folder))
    refuse_unmergeable(origin, is_prompt=bool(config.is_prompt_learning))
    _fit_vocabulary(model, origin.folder)
    was_one = bool(model.config.get_text_config().tie_word_embeddings)
    merged = _multiplied_out(_adapted(model, origin.folder), origin.folder)
    merged.config.get_text_config().tie_word_embeddings = was_one  # PEFT says no to equal tables
    return _joined(merged)


def _adapted(model: Any, folder: Path) -> Any:
    from peft import PeftModel  # noqa: PLC0415 - only adapters need it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tied weights, which are seen to here
            return PeftModel.from_pretrained(model, str(folder), local_files_only=True)
    except Exception as error:
        if any(words in str(error).lower() for words in MISFITS):
            raise another_base(folder, model.name_or_path) from error
        raise ModelFolderError(
            f"The adapter cannot be put on its base: {first_line(error)}",
            hint="Train it again, or check that the base is the one it was trained on.",
            where=str(folder),
        ) from error


def _multiplied_out(adapted: Any, folder: Path) -> Any:
    """Every layer merged in float32; then PEFT takes its modules away.

    Raises PlanError where this kind of adapter cannot be merged.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer  # noqa: PLC0415 - only adapters need it

    tuner = adapted.base_model
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # that layers are merged already, below
            _parted(adapted)
            for module in list(tuner.modules()):
                if isinstance(module, BaseTunerLayer) and callable(getattr(module, "merge", None)):
                    _merge_layer(module)
            return tuner.merge_and_unload(safe_merge=True)
    except AdvisorError:
        raise
    except Exception as error:  # each kind of adapter says it in its own class
        raise PlanError(
            f"This adapter cannot be merged into its base: {first_line(error)}",
            hint="Serve it as an adapter beside its base (--to vllm, or by transformers and peft).",
            where=str(folder),
        ) from error


def _merge_layer(module: Any) -> None:
    base = module.get_base_layer()
    own = {name: one.dtype for name, one in base.named_parameters()}
    module.to(torch.float32)
    module.merge(safe_merge=True)
    for name, one in module.get_base_layer().named_parameters():
        one.data = one.data.to(own.get(name, one.dtype))


def _fit_vocabulary(model: Any, folder: Path) -> None:
    """As many embeddings as the adapter brings, where it was trained with new tokens."""
    table = model.get_input_embeddings()
    file = folder / WEIGHTS
    if table is None or not file.is_file():
        return
    tables = ("embed_tokens.weight", "wte.weight", "lm_head.weight")
    shapes = [about.shape for name, about in header_of(file).items() if name.endswith(tables)]
    rows = [shape[0] for shape in shapes]
    if rows and max(rows) > table.num_embeddings:
        model.resize_token_embeddings(max(rows), mean_resizing=False)


def _parted(adapted: Any) -> None:
    """A head of its own where head or embeddings are tuned, which the base holds as one table.

    Else what is tuned in one of them would be merged into both, or twice.
    """
    inner = adapted.get_base_model()
    table, head = inner.get_input_embeddings(), inner.get_output_embeddings()
    if table is None or head is None:
        return
    below, above = _behind(table), _behind(head)
    is_one = getattr(above, "weight", None) is getattr(below, "weight", None)
    if is_one and (below is not table or above is not head):
        above.weight = nn.Parameter(below.weight.detach().clone(), requires_grad=False)


def _behind(module: Any) -> Any:
    """The base's own module behind what PEFT has put around it."""
    while True:
        inner = getattr(module, "original_module", None) or getattr(module, "base_layer", None)
        if inner is None:
            return module
        module = inner


def _joined(model: Any) -> Any:
    """One table again where head and embeddings came out the same; else told as two."""
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    if table is None or head is None or not model.config.get_text_config().tie_word_embeddings:
        return model
    if head.weight is table.weight or torch.equal(head.weight, table.weight):
        head.weight = table.weight
        return model
    for config in (model.config, model.config.get_text_config()):
        config.tie_word_embeddings = False
    model.all_tied_weights_keys = {}
    return model


def _restored(model: Any, origin: Origin, method: Methods | None) -> Any:
    """Weights that a method has kept; whole only where it adds no modules of its own."""
    name = str(origin.facts.get("method") or "")
    found: object = method(name) if method is not None and name else None
    if not isinstance(found, Keeping):
        raise ModelFolderError(
            f"Weights kept by the method '{name}' cannot be opened here.",
            hint="Install the package that brings this method, in a version that keeps weights.",
            where=str(origin.folder),
        )
    before = set(model.state_dict())
    model = found.restore(model, origin.folder)
    if set(model.state_dict()) != before:
        raise PlanError(
            f"What '{name}' has trained cannot be merged: it puts modules of its own behind the"
            " base's layers, and no weight of the base can take over what they compute.",
            hint="Keep it beside its base, or tune by lora, dora, loha, lokr, ia3, vera, oft, boft"
            " or full for a model in one piece.",
            where=str(origin.folder),
        )
    return model


def _check_finite(model: Any, where: str) -> None:
    for name, one in model.named_parameters():
        if one.is_floating_point() and not torch.isfinite(one).all():
            raise PlanError(
                f"The merged weights hold numbers that {one.dtype} cannot: first in {name}.",
                hint="Merge with dtype=bfloat16 or float32, or train again if the adapter broke.",
                where=where,
            )
