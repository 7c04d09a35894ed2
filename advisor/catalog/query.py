"""Answers questions to the catalog: which model, which GPU, at which price on a given day."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path

from advisor.catalog.config import read_config
from advisor.catalog.entries import (
    Named,
    gpu_from,
    model_from,
    offers_from,
    recipe_from,
    stack_from,
)
from advisor.catalog.load import catalog_root, files_in, read, recipes_root
from advisor.errors import PriceMissingError, UnknownGpuError, UnknownModelError
from advisor.resources import embedded_model_root
from advisor.schema.base import Provenance
from advisor.schema.catalog import Gpu, ModelCard, Offer, Reference
from advisor.schema.profile import MachineFacts

EMBEDDED_MODEL = "tiny"
LOCAL = "local"
DEFAULT_STACK = "stock"


def _plain(name: str) -> str:
    kept = "".join(c for c in name.lower() if c.isalnum() or c == ".")
    for word in ("nvidia", "geforce", "tesla", "instinct", "amd"):
        kept = kept.removeprefix(word)
    return kept


def _suggestion(name: str, known: Sequence[str]) -> str:
    by_plain = {_plain(k): k for k in reversed(known)}
    close = difflib.get_close_matches(_plain(name), by_plain, n=1, cutoff=0.5)
    return f" Did you mean '{by_plain[close[0]]}'?" if close else ""


@cache
def _models() -> tuple[Named, ...]:
    return tuple(model_from(read(f)) for f in files_in(catalog_root() / "models"))


@cache
def _gpus() -> tuple[Named, ...]:
    return tuple(gpu_from(read(f)) for f in files_in(catalog_root() / "gpus"))


def models() -> tuple[ModelCard, ...]:
    """Reference shapes of the catalog, smallest first."""
    cards = [named.card for named in _models() if isinstance(named.card, ModelCard)]
    return tuple(sorted(cards, key=lambda c: c.parameters))


def gpus() -> tuple[Gpu, ...]:
    """GPUs of the catalog, by memory."""
    cards = [named.card for named in _gpus() if isinstance(named.card, Gpu)]
    return tuple(sorted(cards, key=lambda c: (c.memory_gib, c.id)))


def _hub_cache_config(ref: str) -> Path | None:
    """`config.json` of a hub id in the local cache, newest snapshot first."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    cache_dir = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    snapshots = cache_dir / f"models--{ref.replace('/', '--')}" / "snapshots"
    found = sorted(snapshots.glob("*/config.json"), key=lambda p: p.stat().st_mtime)
    return found[-1] if found else None


def _from_path(path: Path, ref: str) -> ModelCard:
    if path.is_file():
        return read_config(path, path.parent.name or ref, str(path.parent))
    config = path / "config.json"
    if not config.is_file():
        raise UnknownModelError(
            f"The folder '{ref}' holds no config.json.",
            hint="Name a folder with a model as transformers saves it.",
            where=str(path),
        )
    return read_config(config, ref if ref == EMBEDDED_MODEL else path.name or ref, str(path))


def find_model(ref: str) -> ModelCard:
    """The model a user means: a size, catalog name, hub id, folder or `config.json`.

    Raises UnknownModelError with a suggestion, UnsupportedArchitectureError for a configuration
    that cannot be counted.
    """
    if ref == EMBEDDED_MODEL:
        return _from_path(embedded_model_root(), ref)
    for named in _models():
        if isinstance(named.card, ModelCard) and _plain(ref) in map(_plain, named.names):
            return named.card
    path = Path(ref).expanduser()
    if path.exists():
        return _from_path(path, ref)
    cached = _hub_cache_config(ref) if ref.count("/") == 1 else None
    if cached is not None:
        return read_config(cached, ref, str(cached.parent))
    if ref.startswith((".", "/", "~")) or ref.count("/") > 1:
        raise UnknownModelError(
            f"There is no model folder '{ref}'.",
            hint="Check the path, or use `tiny` for the embedded model.",
            where=ref,
        )
    known = [EMBEDDED_MODEL, *(name for named in _models() for name in named.names)]
    sizes = [n for n in known if n[0].isdigit()]
    raise UnknownModelError(
        f"Unknown model '{ref}'.{_suggestion(ref, known)}",
        hint=f"Name a size ({', '.join(sizes)}), a catalog model (`advisor catalog show models`), "
        "or a folder with config.json.",
    )


def find_gpu(name: str) -> Gpu:
    """The GPU of that name or alias.

    Raises UnknownGpuError with a suggestion.
    """
    for named in _gpus():
        if isinstance(named.card, Gpu) and _plain(name) in map(_plain, named.names):
            return named.card
    known = [n for named in _gpus() for n in named.names]
    raise UnknownGpuError(
        f"Unknown GPU '{name}'.{_suggestion(name, known)}",
        hint=f"Known: {', '.join(g.id for g in gpus())}, {LOCAL}.",
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
    rates: dict[str, float | None] = {}
    if on_gpu and machine.gpu:
        twin = next((n.card for n in _gpus() if _plain(machine.gpu) in map(_plain, n.names)), None)
        if isinstance(twin, Gpu):
            rates = {"bf16_tflops": twin.bf16_tflops, "fp16_tflops": twin.fp16_tflops}
    return Gpu(
        id=LOCAL,
        name=(machine.gpu or "GPU of this machine") if on_gpu else "CPU of this machine",
        memory_gib=memory_gib,
        is_cpu=not on_gpu,
        provenance=Provenance(kind="measured", source="this machine"),
        **rates,
    )


def own_offer(as_of: str) -> Offer:
    """The price of one's own machine: nothing."""
    return Offer(
        gpu=LOCAL,
        provider=LOCAL,
        kind="own",
        usd_per_gpu_hour=Decimal(0),
        valid_from=as_of,
        checked=as_of,
        source="own machine; power and wear are not counted",
    )


def offers(gpu: str, as_of: str, provider: str | None = None) -> tuple[Offer, ...]:
    """Dated offers of a GPU valid on a day, cheapest first.

    Raises PriceMissingError when the catalog has none.
    """
    if gpu == LOCAL:
        return (own_offer(as_of),)
    check_provider(provider)
    found = [
        offer
        for offer in all_offers(as_of)
        if offer.gpu == gpu and provider in {None, offer.provider}
    ]
    if not found:
        seller = f" from {provider}" if provider else ""
        raise PriceMissingError(
            f"The catalog has no price for {gpu}{seller} on {as_of}.",
            hint="Choose another GPU, provider or --as-of date; see `advisor catalog show prices`.",
        )
    return tuple(found)


@cache
def all_offers(as_of: str) -> tuple[Offer, ...]:
    """Every offer valid on a day, by GPU and then by price."""
    found = [
        offer
        for file in files_in(catalog_root() / "prices")
        for offer in offers_from(read(file), as_of=as_of)
    ]
    return tuple(sorted(found, key=lambda o: (o.gpu, o.usd_per_gpu_hour, o.provider, o.kind)))


def providers() -> tuple[str, ...]:
    """Providers whose prices the catalog holds."""
    return tuple(f.stem for f in files_in(catalog_root() / "prices"))


def check_provider(provider: str | None) -> None:
    """Raises PriceMissingError with a suggestion when the catalog knows no such provider."""
    if provider is not None and provider not in providers():
        raise PriceMissingError(
            f"Unknown provider '{provider}'.{_suggestion(provider, providers())}",
            hint=f"Known: {', '.join(providers())}.",
        )


@cache
def reference(stack: str = DEFAULT_STACK) -> Reference:
    """The stack's constants and all recipes."""
    return Reference(
        stack=stack_from(read(catalog_root() / "stacks" / f"{stack}.yaml")),
        recipes=tuple(recipe_from(read(f)) for f in files_in(recipes_root())),
    )
