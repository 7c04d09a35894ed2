"""Answers questions to the catalog: which model, which GPU, at which price on a given day."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from advisor.catalog.compiled import compiled
from advisor.catalog.hosted import hosted_tuning, inference_prices
from advisor.catalog.load import catalog_root, files_in, recipes_root
from advisor.catalog.names import mirrored, packed_as, plain, suggestion
from advisor.catalog.prices import (
    LOCAL,
    all_offers,
    check_provider,
    offers,
    own_offer,
    providers,
)
from advisor.catalog.throughput import throughput
from advisor.errors import CatalogError, UnknownGpuError, UnknownModelError
from advisor.resources import embedded_model_root
from advisor.schema.base import Provenance
from advisor.schema.catalog import Gpu, ModelCard, Recipe, Reference, Stack
from advisor.schema.machine import MachineFacts
from advisor.schema.tiers import Tiers

__all__ = [
    "DEFAULT_STACK",
    "EMBEDDED_MODEL",
    "LOCAL",
    "all_offers",
    "check_provider",
    "find_gpu",
    "find_model",
    "gpus",
    "gpus_by_name",
    "hosted_tuning",
    "inference_prices",
    "local_gpu",
    "models",
    "offers",
    "own_offer",
    "providers",
    "reference",
]

EMBEDDED_MODEL = "tiny"
DEFAULT_STACK = "stock"
COMMON_SIZES = ("0.5b", "1b", "3b", "7b", "8b", "13b", "14b", "32b", "70b", "8x7b")
"""Sizes an error names; the catalog has more."""

Plain = dict[str, Any]


@cache
def _entries(kind: str) -> list[Plain]:
    """Entries of a kind as plain data; a kind is read when it is first asked for."""

    def build(file: Path) -> list[Plain]:
        from advisor.catalog.build import entries  # noqa: PLC0415 - only to rebuild the cache

        return entries(kind, file)

    folder = recipes_root() if kind == "recipes" else catalog_root() / kind
    return compiled(kind, files_in(folder), build)


@cache
def _by_name(kind: str) -> dict[str, Plain]:
    """Models or GPUs under every name they answer to."""
    return {name: entry for entry in _entries(kind) for name in entry["plain"]}


def gpus_by_name() -> dict[str, Plain]:
    """The catalog's GPUs as plain data under every name they answer to, in plain spelling."""
    return {name: entry["card"] for name, entry in _by_name("gpus").items()}


@cache
def models() -> tuple[ModelCard, ...]:
    """Reference shapes of the catalog, smallest first."""
    cards = [ModelCard.model_validate_json(entry["card"]) for entry in _entries("models")]
    return tuple(sorted(cards, key=lambda c: c.parameters))


@cache
def gpus() -> tuple[Gpu, ...]:
    """GPUs of the catalog, by memory."""
    cards = [Gpu(**entry["card"]) for entry in _entries("gpus")]
    return tuple(sorted(cards, key=lambda c: (c.memory_gib, c.id)))


def _hub_cache_config(ref: str) -> Path | None:
    """`config.json` of a hub id in the local cache, newest snapshot first."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    cache_dir = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    snapshots = cache_dir / f"models--{ref.replace('/', '--')}" / "snapshots"
    found = sorted(snapshots.glob("*/config.json"), key=lambda p: p.stat().st_mtime)
    return found[-1] if found else None


def _read_config(file: Path, name: str, local_path: str) -> ModelCard:
    from advisor.catalog.architectures import read_config  # noqa: PLC0415 - catalog models need none

    return read_config(file, name, local_path)


def _base_of(folder: Path) -> str:
    """The model that a folder of trained weights stands on; empty for any other folder."""
    for name, key in (("adapter_config.json", "base_model_name_or_path"), ("base.json", "model")):
        try:
            told = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        found = str(told.get(key) or "") if isinstance(told, dict) else ""
        if found and Path(found) != folder:
            return found
    return ""


def _on_base(folder: Path, base: str) -> ModelCard:
    """The card of the base under the adapter's name and place: merged, it has the same shape."""
    card = with_configuration(find_model(base))
    card = card.model_copy(update={"id": folder.name, "local_path": str(folder)})
    return _noted(card, f"{folder.name} was trained beside {base}")


def _from_path(path: Path, ref: str) -> ModelCard:
    if path.is_file():
        return _read_config(path, path.parent.name or ref, str(path.parent))
    config = path / "config.json"
    if not config.is_file():
        base = _base_of(path)
        if base:
            return _on_base(path, base)
        raise UnknownModelError(
            f"The folder '{ref}' holds no config.json.",
            hint="Name a folder with a model as transformers saves it.",
            where=str(path),
        )
    return _read_config(config, ref if ref == EMBEDDED_MODEL else path.name or ref, str(path))


def _noted(card: ModelCard, said: str) -> ModelCard:
    """The card, its provenance saying how the name was understood."""
    note = "; ".join(part for part in (said, card.provenance.note) if part)
    provenance = card.provenance.model_copy(update={"note": note})
    return card.model_copy(update={"provenance": provenance})


def _packed_by_name(card: ModelCard, ref: str) -> ModelCard:
    """The card of a model of the catalog, packed where the name asked for says so."""
    packing = packed_as(ref)
    if packing is None:
        return card
    update = {"packing": f"{packing} by its name", "quantised_as": packing}
    return _noted(card.model_copy(update=update), f"{ref} is packed as {packing} by its name")


def find_model(ref: str) -> ModelCard:
    """The model a user means: a size, catalog name, hub id, folder or `config.json`.

    Raises UnknownModelError with a suggestion, UnsupportedArchitectureError for a configuration
    that cannot be counted.
    """
    if ref == EMBEDDED_MODEL:
        return _from_path(embedded_model_root(), ref)
    named = _by_name("models").get(plain(ref))
    if named is not None:
        card = ModelCard.model_validate_json(named["card"])
        is_size = plain(ref) in map(plain, named["sizes"])
        said = f"size {ref.lower()} means {card.id}"
        return _noted(card, said) if is_size else _packed_by_name(card, ref)
    path = Path(ref).expanduser()
    if path.exists():
        return _from_path(path, ref)
    cached = _hub_cache_config(ref) if ref.count("/") == 1 else None
    if cached is not None:
        return _read_config(cached, ref, str(cached.parent))
    named = _by_name("models").get(plain(mirrored(ref)))
    if named is not None:
        card = ModelCard.model_validate_json(named["card"])
        card = _noted(card, f"{ref} is taken for {card.id}, which its name says it copies")
        return _packed_by_name(card, ref)
    if ref.count("/") == 1 and os.environ.get("ADVISOR_ALLOW_DOWNLOAD") == "1":
        from advisor.catalog.hub import hub_model, may_ask  # noqa: PLC0415 - rarely allowed

        if may_ask(ref):
            return hub_model(ref)
    if ref.startswith((".", "/", "~")) or ref.count("/") > 1:
        raise UnknownModelError(
            f"There is no model folder '{ref}'.",
            hint="Check the path, or use `tiny` for the embedded model.",
            where=ref,
        )
    raise UnknownModelError(
        f"Unknown model '{ref}'.{_meant(ref)}",
        hint=f"Name a size ({', '.join(COMMON_SIZES)}, and others), a catalog model "
        "(`advisor catalog show models`), or a folder with config.json.",
    )


def with_configuration(card: ModelCard) -> ModelCard:
    """The card with its `config.json` as text, where the catalog or its folder has one."""
    if card.configuration:
        return card
    if card.local_path is not None:
        file = Path(card.local_path) / "config.json"
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
    else:
        from advisor.catalog.load import catalog_root, files_in  # noqa: PLC0415 - reads no cache
        from advisor.catalog.models import configuration  # noqa: PLC0415 - readers load slowly

        text = configuration(card.id, files_in(catalog_root() / "models"))
    return card.model_copy(update={"configuration": text})


def _meant(ref: str) -> str:
    """A suggestion: a name nearly the same, else the size an unknown name holds."""
    known = [EMBEDDED_MODEL, *(name for entry in _entries("models") for name in entry["names"])]
    close = suggestion(ref, known, cutoff=0.85)
    if close:
        return close
    by_size = {size: entry for entry in _entries("models") for size in entry["sizes"]}
    for word in reversed(ref.lower().replace("_", "-").replace("/", "-").split("-")):
        if word in by_size:
            return f" Did you mean '{word}' ({by_size[word]['names'][0]})?"
    return suggestion(ref, known)


def find_gpu(name: str) -> Gpu:
    """The GPU of that name or alias.

    Raises UnknownGpuError with a suggestion, also for a name that cards of unlike memory share.
    """
    named = _by_name("gpus").get(plain(name))
    if named is not None:
        _check_memory_is_said(name, named["card"])
        return Gpu(**named["card"])
    size = _SIZE_ALONE.fullmatch(name.strip())
    if size is not None:
        return _card_of_size(float(size[1]))
    known = [n for entry in _entries("gpus") for n in entry["names"]]
    raise UnknownGpuError(
        f"Unknown GPU '{name}'.{suggestion(name, known)}",
        hint=f"Known: {', '.join(g.id for g in gpus())}, {LOCAL}; or give the memory alone: 12gb.",
    )


_SIZE_ALONE = re.compile(r"(\d{1,4}(?:\.\d+)?) ?(?:gb|gib)", re.IGNORECASE)


def _card_of_size(memory_gib: float) -> Gpu:
    """A card nobody listed: whether a plan fits can be told, time and price cannot.

    Raises UnknownGpuError for no memory at all.
    """
    if memory_gib <= 0:
        raise UnknownGpuError("A card has more than 0 GiB of memory.", hint="Say 12gb.")
    return Gpu(
        id=f"{memory_gib:g}gb",
        name=f"a card of {memory_gib:g} GiB",
        memory_gib=memory_gib,
        provenance=Provenance(kind="assumed", source="command line"),
    )


_BUILDS = ("pcie", "sxm", "nvl", *"0123456789")
"""How what follows a card's short name begins: its board, or its memory."""


def _check_memory_is_said(name: str, card: Plain) -> None:
    """An `A100` has 40 or 80 GiB; a name that is a card's own id means that card."""
    short = plain(name)
    if short == plain(card["id"]):
        return
    memory = float(card["memory_gib"])
    meant = {card["id"]: memory}
    for longer, other in _by_name("gpus").items():
        if longer.startswith(short) and longer.removeprefix(short).startswith(_BUILDS):
            meant[other["card"]["id"]] = float(other["card"]["memory_gib"])
    sizes = sorted({round(one) for one in meant.values()})
    if sizes[-1] <= 1.1 * sizes[0]:
        return
    raise UnknownGpuError(
        f"{name} is sold with {' and '.join(map(str, sizes))} GiB.",
        hint=f"Say which: {', '.join(sorted(meant))}.",
    )


_LOCAL_FACTS = (
    "bf16_tflops",
    "fp16_tflops",
    "fp8_tflops",
    "bandwidth_gb_per_second",
    "power_watt",
    "pcie_gb_per_second",
    "achievable_share",
    "architecture",
)


def local_gpu(machine: MachineFacts) -> Gpu:
    """This machine as a card: its GPU's memory, or its main memory where there is no GPU.

    Raises UnknownGpuError when the machine's memory is unknown.
    """
    on_gpu = bool(machine.gpus and machine.gpu_memory_gib)
    memory_gib = machine.gpu_memory_gib if on_gpu else machine.memory_gib
    if not memory_gib:
        raise UnknownGpuError(
            "The memory of this machine could not be measured.",
            hint="Name a card of the catalog with --gpu, for example --gpu t4.",
        )
    facts: dict[str, Any] = {}
    if on_gpu and machine.gpu:
        twin = _by_name("gpus").get(plain(machine.gpu), {}).get("card", {})
        facts = {key: twin[key] for key in _LOCAL_FACTS if key in twin}
        facts["twin"] = twin.get("id")
    return Gpu(
        id=LOCAL,
        name=(machine.gpu or "GPU of this machine") if on_gpu else "CPU of this machine",
        memory_gib=memory_gib,
        is_cpu=not on_gpu,
        provenance=Provenance(kind="measured", source="this machine"),
        **facts,
    )


@cache
def _tiers() -> Tiers:
    merged: Plain = {}
    for part in _entries("tiers"):
        merged |= part
    return Tiers(**merged)


@cache
def reference(stack: str = DEFAULT_STACK) -> Reference:
    """The stack's constants, all recipes, and what times are computed from.

    Raises CatalogError for a stack that the catalog does not know.
    """
    known = {entry["id"]: entry for entry in _entries("stacks")}
    if stack not in known:
        raise CatalogError(
            f"Unknown stack '{stack}'.{suggestion(stack, list(known))}",
            hint=f"Known: {', '.join(known)}.",
        )
    return Reference(
        stack=Stack(**{**known[stack], "tiers": _tiers()}),
        recipes=tuple(Recipe(**entry) for entry in _entries("recipes")),
        throughput=throughput(),
    )
