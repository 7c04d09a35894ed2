"""Adds adapters up by PEFT, on a stand-in for their base that takes no memory."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from advisor.contracts.base_facts import BASE_FACTS
from advisor.errors import MissingExtraError, ModelFolderError, PlanError, StorageError
from advisor.schema.combine import Combined, CombineJob
from advisor.schema.train import Served
from trainers.combining.parts import TOKENIZER_FILES, WEIGHTS, Part
from trainers.combining.ways import DENSITIES, Way
from trainers.engines.trl.disk import check_room
from trainers.origin import base_of, hub_id, is_stacked

RESULT = "combined"
SELECTIONS = ("layers_to_transform", "layers_pattern", "exclude_modules")
"""Settings that say which layers an adapter has; PEFT takes those of the first part for all."""


class Factors(NamedTuple):
    """One layer's change: scale x up @ down."""

    down: torch.Tensor
    up: torch.Tensor
    scale: float


def combined(parts: Sequence[Part], job: CombineJob, way: Way) -> Combined:
    """The combination as an adapter folder in `job.output_dir`.

    Raises PlanError where nothing is left, ModelFolderError, MissingExtraError and StorageError.
    """
    check_room(room_for(parts, way), Path(job.output_dir))
    base = _place_of_base(parts)
    model, names = _with_parts(_stand_in(base), parts)
    asked = dict(zip(names, job.weights, strict=True))
    wanted = {layer for name in asked for layer in changes(model, name)}
    _add_up(model, asked, way, job.seed)
    result = changes(model, RESULT)
    _check(result, wanted, job)
    apart = distance(result, [(changes(model, n), w) for n, w in asked.items()])
    _write(model, base, parts, Path(job.output_dir))
    rank = model.peft_config[RESULT].r
    return Combined(
        combiner="peft",
        how=way.name,
        output_dir=job.output_dir,
        served_by=Served(backend="transformers", model=job.output_dir),
        rank=rank,
        versions={name: version(name) for name in ("peft", "torch", "transformers")},
        notes=(*way.notes, *_differences(parts), _told_distance(apart, rank)),
    )


def _place_of_base(parts: Sequence[Part]) -> str:
    """The base's folder by the first part that knows it, else its name."""
    return next((p.base for p in parts if Path(p.base).is_dir()), parts[0].base)


def _stand_in(base: str) -> Any:
    """A model with the layers of the base and none of its numbers: adding up needs only shapes.

    Every weight is one number that is shown at all places, so that a model of any size fits.
    Raises ModelFolderError.
    """
    below = base
    while is_stacked(below):
        below = base_of(Path(below))
    try:
        config = AutoConfig.from_pretrained(below, local_files_only=True)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError, KeyError) as error:
        raise ModelFolderError(
            f"The base '{below}' cannot be opened: {str(error).splitlines()[0]}",
            hint="Put the base back, or name its new place in adapter_config.json"
            " (base_model_name_or_path).",
            where=below,
        ) from error
    place = "cuda" if torch.cuda.is_available() else "cpu"
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            shown = torch.zeros(1, device=place).expand(weight.shape)
            setattr(module, name, torch.nn.Parameter(shown, requires_grad=False))
    return model


def _with_parts(model: Any, parts: Sequence[Part]) -> tuple[Any, list[str]]:
    try:
        from peft import PeftModel  # noqa: PLC0415 - told as an extra where it is missing
    except ImportError:
        raise MissingExtraError("Combining adapters", "train") from None
    names = [f"part{number}" for number in range(len(parts))]
    place = str(next(model.parameters()).device)
    for name, part in zip(names, parts, strict=True):
        told = {"adapter_name": name, "local_files_only": True, "torch_device": place}
        try:
            if name == names[0]:
                model = PeftModel.from_pretrained(model, str(part.folder), **told)
            else:
                model.load_adapter(str(part.folder), **told)
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            raise ModelFolderError(
                f"The adapter does not fit its base: {str(error).splitlines()[0]}",
                hint="Check that the base is the one it was trained on.",
                where=part.name,
            ) from error
    return model, names


def _add_up(model: Any, asked: dict[str, float], way: Way, seed: int) -> None:
    """Put the combination beside the parts, under the name RESULT."""
    settings = [model.peft_config[name] for name in asked]
    if any(getattr(one, key, None) for one in settings for key in SELECTIONS) or any(
        isinstance(one.target_modules, str) for one in settings
    ):
        for name, one in zip(asked, settings, strict=True):
            one.target_modules = set(changes(model, name))
            for key in SELECTIONS:
                setattr(one, key, None)
    is_cut = way.name == "svd"
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The density")  # 1 keeps all, as was asked
        torch.manual_seed(seed)
        model.base_model.add_weighted_adapter(
            list(asked),
            list(asked.values()),
            RESULT,
            combination_type="cat" if is_cut else way.name,
            svd_rank=way.rank,
            svd_full_matrices=False,
            density=way.density,
        )
    if is_cut:
        _cut(model, way.rank or max(one.r for one in settings))
    # PEFT has put every scale into the factors, and yet keeps the first part's rule for scales
    # (huggingface/peft#3761): with rsLoRA the result would be too large by the root of the rank.
    model.peft_config[RESULT].use_rslora = False
    model.peft_config[RESULT].init_lora_weights = True


def _cut(model: Any, rank: int) -> None:
    """Cut the sum's factors to a rank: the nearest matrix of that rank in every layer.

    The same as PEFT's `svd`, which multiplies every layer out first: for a layer of 4096 x 14336
    that takes minutes, and the factors alone fractions of a second.
    """
    config = model.peft_config[RESULT]
    rank = min(rank, config.r)
    for layer in _layers(model, RESULT).values():
        down, up = _tensors(layer, RESULT)
        q_up, r_up = torch.linalg.qr(up.double())
        q_down, r_down = torch.linalg.qr(down.double().T)
        left, sizes, right = torch.linalg.svd(r_up @ r_down.T, full_matrices=False)
        kept = min(rank, len(sizes))
        new_up = torch.zeros(up.shape[0], rank, dtype=up.dtype, device=up.device)
        new_down = torch.zeros(rank, down.shape[1], dtype=down.dtype, device=down.device)
        new_up[:, :kept] = (q_up @ left[:, :kept] * sizes[:kept]).to(up.dtype)
        new_down[:kept] = (right[:kept] @ q_down.T).to(down.dtype)
        down.data, up.data = new_down, new_up
    config.r = config.lora_alpha = rank


def _layers(model: Any, name: str) -> dict[str, Any]:
    """Layer's name -> layer, of those that an adapter changes."""
    found = {}
    for key, layer in model.base_model.model.named_modules():
        held = (*getattr(layer, "lora_A", ()), *getattr(layer, "lora_embedding_A", ()))
        if name in held:
            found[key] = layer
    return found


def _tensors(layer: Any, name: str) -> tuple[Any, Any]:
    """The factors of a layer: down and up."""
    if name in layer.lora_A:
        return layer.lora_A[name].weight, layer.lora_B[name].weight
    return layer.lora_embedding_A[name], layer.lora_embedding_B[name]


def changes(model: Any, name: str) -> dict[str, Factors]:
    """What an adapter adds to each layer."""
    found = {}
    for key, layer in _layers(model, name).items():
        down, up = _tensors(layer, name)
        scale = 1.0 if name == RESULT else float(layer.scaling[name])
        found[key] = Factors(down.data, up.data, scale)
    return found


def distance(result: dict[str, Factors], parts: list[tuple[dict[str, Factors], float]]) -> float:
    """How far a result lies from the weighted sum of the parts' changes, as a share of its size.

    Frobenius norms over all layers, from the factors: |U D|^2 = sum of (U'U) * (D D').
    """
    off = size = 0.0
    for layer in {name for part, _ in parts for name in part}:
        terms = [(part[layer], weight) for part, weight in parts if layer in part]
        size += _squared(terms)
        off += _squared([(result[layer], -1.0), *terms])
    return float((off / size) ** 0.5) if size else 0.0


def _squared(terms: Iterable[tuple[Factors, float]]) -> float:
    listed = list(terms)
    up = torch.cat([weight * one.scale * one.up.double() for one, weight in listed], dim=1)
    down = torch.cat([one.down.double() for one, _ in listed], dim=0)
    return max(0.0, float(((up.T @ up) * (down @ down.T)).sum()))


def _told_distance(apart: float, rank: int) -> str:
    if apart < 1e-5:
        return f"The result is the weighted sum of the changes, in rank {rank}."
    return (
        f"The result, in rank {rank}, lies {100 * apart:.0f} % of the size of the weighted sum of"
        " the changes away from it; `cat` gives that sum itself."
    )


def _check(result: dict[str, Factors], wanted: set[str], job: CombineJob) -> None:
    """Raise PlanError where layers were lost, or where nothing is left of the changes."""
    lost = sorted(wanted - set(result))
    if lost:
        raise PlanError(
            f"PEFT would lose the changes of {len(lost)} layers, the first is {lost[0]}.",
            hint="Train the adapters on the same layers.",
        )
    if not any(one.up.any() and one.down.any() for one in result.values()):
        raise _nothing_left(job)


def _nothing_left(job: CombineJob) -> PlanError:
    if job.how in DENSITIES:
        return PlanError(
            f"Nothing is left of the changes: '{job.how}' has pruned all of them.",
            hint="Keep a larger share with --density.",
        )
    told = ", ".join(f"{weight:g}" for weight in job.weights)
    return PlanError(
        f"Nothing is left of the changes: with the weights {told} they cancel each other.",
        hint="Give other --weights; the parts may also be the same training.",
    )


def _differences(parts: Sequence[Part]) -> list[str]:
    """What the parts were trained with differently, in sentences."""
    bits = {part.origin.facts.get("base_bits") for part in parts}
    if len(bits) == 1:
        return []
    told = (
        "Some parts were trained on a quantised base and others not; the combination is opened on"
        " the base as it is."
    )
    return [told]


def _write(model: Any, base: str, parts: Sequence[Part], folder: Path) -> None:
    from peft import get_peft_model_state_dict  # noqa: PLC0415 - as above

    config = model.peft_config[RESULT]
    config.inference_mode, config.base_model_name_or_path = True, hub_id(base) or None
    tensors = get_peft_model_state_dict(model, adapter_name=RESULT, save_embedding_layers=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: one.cpu().contiguous() for name, one in tensors.items()},
            folder / WEIGHTS,
            metadata={"format": "pt"},
        )
        config.save_pretrained(str(folder))
        (folder / BASE_FACTS).write_text(json.dumps(_facts(parts, base), indent=1) + "\n")
        place = next((p.tokenizer_folder for p in parts if p.tokenizer_folder == p.folder), None)
        for name in TOKENIZER_FILES if place else ():
            if place and (place / name).is_file():
                shutil.copyfile(place / name, folder / name)
    except (OSError, SafetensorError) as error:
        raise StorageError(
            f"The combination cannot be written: {getattr(error, 'strerror', None) or error}.",
            hint="Choose another place with --out, or free some space.",
            where=str(folder),
        ) from error


def room_for(parts: Sequence[Part], way: Way) -> int:
    """Bytes of the result's weights, about: of as many ranks as the way leaves."""
    sizes = [(part.folder / WEIGHTS).stat().st_size for part in parts]
    if way.rank is not None:
        return max(s * way.rank // max(p.ranks) for s, p in zip(sizes, parts, strict=True))
    return sum(sizes) if way.name == "cat" else max(sizes)


def _facts(parts: Sequence[Part], base: str) -> dict[str, Any]:
    """Of the base below the combination; what the parts disagree on is left at its plain value."""
    plain = {"objective": "sft", "precision": "float32", "base_bits": None}
    facts: dict[str, Any] = {"model": base, "base_digest": _digest(parts), "method": "lora"}
    for key, value in (plain | {"double_quantisation": True}).items():
        told = [part.origin.facts.get(key, value) for part in parts]
        facts[key] = told[0] if all(one == told[0] for one in told) else value
    return facts


def _digest(parts: Sequence[Part]) -> str:
    """Of the base's weights; empty where only its name is known."""
    digest = parts[0].base_digest
    return "" if digest == parts[0].base else digest
