"""Writes what `vllm serve` is told: weights, chat template, stop tokens, and the command."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

from advisor.contracts import Tools
from advisor.contracts.base_facts import BASE_FACTS
from advisor.errors import PlanError
from advisor.schema.export import Exported, ExportJob, Snippet
from advisor.schema.train import Served
from trainers.engines.trl._model import tokenizer_at
from trainers.engines.trl.disk import check_room
from trainers.exporting._merged import PACKED_NOTE, is_rounded, write_whole
from trainers.exporting._merging import at_hand
from trainers.exporting._running import ran
from trainers.exporting._writing import GENERATION, ends_of, files_in, name_no_place
from trainers.exporting.options import one_of
from trainers.exporting.origins import DTYPES, Lineage, bytes_of, lineage_of
from trainers.exporting.serving import by_curl, by_transformers
from trainers.exporting.vllm import FORMS, UNCHECKED, rank_for, refused_by_vllm
from trainers.origin import base_of, hub_id, is_place, read_facts

ADAPTER, MODEL, TEMPLATE = "adapter", "model", "chat_template.jinja"
SERVE = "serve.sh"
ASK_BASE = "set it to the folder of the base model: BASE=FOLDER sh serve.sh"
BASE_URL = "http://localhost:8000/v1"
NO_BASE = (
    "serve.sh names none, since it lies in a folder of this machine; start it with BASE=FOLDER, as"
    " the example of peft wants it too"
)
LEAVE = (
    *("checkpoint-*", "optimizer*", "scheduler*", "rng_state*", "training_args*", "*.log"),
    *("trainer_state*", "*.md", BASE_FACTS, "combine.json"),
)
"""What lies beside an adapter and says nothing to a server: states and places of its training."""


class Shape(NamedTuple):
    """How it is served."""

    is_adapter: bool
    why: str
    """Why not as an adapter; empty where it is one."""
    dtype: str
    base_id: str = ""
    """What the adapter's base is called on the hub; empty for a folder of this machine."""


def export_vllm(job: ExportJob, tools: Tools) -> Exported:
    """Everything for `vllm serve`; raises as `merged_model` does, and StorageError."""
    folder, source = Path(job.output_dir), Path(job.model)
    line = lineage_of(source, at_hand, is_merged=False)
    shape = _shape(job, line)
    if not shape.is_adapter:
        line = lineage_of(source, at_hand)  # which refuses a packed base
    tokenizer = tokenizer_at(str(line.tokenizer))
    place = folder / (ADAPTER if shape.is_adapter else MODEL)
    if shape.is_adapter:
        _copy_adapter(source, place, tokenizer)
        notes = _adapter_notes(line, shape)
    else:
        check_room(bytes_of(Path(line.base), shape.dtype), folder)
        place.mkdir()
        inner = job.model_copy(update={"output_dir": str(place), "options": {}})
        notes = write_whole(inner, tools, line, shape.dtype)
        if shape.why and line.layers:
            notes = (f"{shape.why}: the merged model is served.", *notes)
    (folder / TEMPLATE).write_text(str(tokenizer.chat_template), encoding="utf-8")
    _write_ends(folder, Path(line.base), tokenizer)
    _write_command(folder, job, line, shape)
    needs = {"BASE": line.base} if shape.is_adapter and not shape.base_id else {}
    asked = by_transformers(job, place.name, is_adapter=shape.is_adapter, asks_base=bool(needs))
    snippet = ran(asked, folder, needs)
    own = () if snippet.was_run else (f"The serving snippet: {snippet.note}",)
    return Exported(
        exporter="vllm",
        output_dir=str(folder),
        files=files_in(folder),
        served_by=_served(place, line, shape),
        precision=shape.dtype,
        is_lossy=is_rounded(line, shape.dtype)
        or (shape.is_adapter and shape.dtype != "float32"),  # adapters are trained in float32
        snippets=(
            Snippet(title="Serve it by vLLM, in the exported folder", text=f"sh {SERVE}\n"),
            by_curl(job, BASE_URL),
            snippet,
        ),
        notes=notes,
        unchecked=(UNCHECKED.format(job.name), *own),
    )


def _shape(job: ExportJob, line: Lineage) -> Shape:
    """Adapter or whole model, as asked or as it can be. Raises PlanError for what cannot be."""
    wanted = one_of(job, "as", FORMS)
    dtype = one_of(job, "dtype", DTYPES) or line.dtype
    why = "It is a whole model" if not line.layers else refused_by_vllm(line.layers[0])
    if len(line.layers) > 1:
        why = "vLLM serves one adapter on a whole model, and this stands on another adapter"
    if wanted == ADAPTER and why:
        raise PlanError(
            f"It cannot be served as an adapter. {why}.",
            hint="Leave the option 'as' out: the merged model is served then.",
            where="as=adapter",
        )
    is_adapter = wanted != "merged" and not why
    return Shape(is_adapter, why, dtype, hub_id(base_of(Path(job.model))) if is_adapter else "")


def _served(place: Path, line: Lineage, shape: Shape) -> Served:
    """How the check opens it: in the precision that vLLM is told, on the base as it is."""
    if not shape.is_adapter:
        return Served(backend="transformers", model=str(place))
    is_named = not is_place(base_of(line.layers[0].folder))
    told = {"dtype": shape.dtype} | ({} if is_named else {"base": line.base})
    return Served(backend="transformers", model=str(place), settings=told)


def _copy_adapter(source: Path, place: Path, tokenizer: object) -> None:
    """The adapter without a place of this machine, with the tokenizer that it was asked with.

    Its base stays named where it is one of the hub. Raises StorageError.
    """
    weights = sum(file.stat().st_size for file in source.glob("*.safetensors"))
    check_room(weights, place.parent)
    shutil.copytree(source, place, ignore=shutil.ignore_patterns(*LEAVE))
    name_no_place(place, base_of(source))
    if not (place / "tokenizer_config.json").is_file():
        tokenizer.save_pretrained(str(place))  # type: ignore[attr-defined]


def _adapter_notes(line: Lineage, shape: Shape) -> tuple[str, ...]:
    told = f"serve.sh names {shape.base_id}" if shape.base_id else NO_BASE
    notes = [f"The adapter is served beside its base: {told}."]
    if line.is_packed:
        bits = line.layers[0].facts["base_bits"]
        told = PACKED_NOTE.format(bits=bits, dtype=shape.dtype).replace("merged into", "served on")
        notes.append(told)
    return tuple(notes)


def _write_ends(folder: Path, base: Path, tokenizer: object) -> None:
    """The base's settings of generation, with every stop token."""
    told = read_facts(base / GENERATION)
    own = told.get("eos_token_id", read_facts(base / "config.json").get("eos_token_id"))
    text = json.dumps(told | {"eos_token_id": ends_of(own, tokenizer)}, indent=2)
    (folder / GENERATION).write_text(f"{text}\n", encoding="utf-8")


def _write_command(folder: Path, job: ExportJob, line: Lineage, shape: Shape) -> None:
    """`serve.sh`: the base may be named anew as BASE, and flags may be added."""
    flags = [f"--dtype {shape.dtype}", f"--chat-template {TEMPLATE}", "--generation-config ."]
    if shape.is_adapter:
        model, rank = '"$BASE"', rank_for(line.layers[0].config)
        flags[:0] = [
            "--enable-lora",
            f"--lora-modules {shlex.quote(f'{job.name}={ADAPTER}')}",
            f"--max-lora-rank {rank}",
            f"--tokenizer {ADAPTER}",
        ]
    else:
        model = MODEL
        flags.insert(0, f"--served-model-name {shlex.quote(job.name)}")
    lines = ["#!/bin/sh", "set -e", 'cd "$(dirname "$0")"']
    if shape.is_adapter:
        named, asked = f"BASE=${{BASE:-{shlex.quote(shape.base_id)}}}", f': "${{BASE:?{ASK_BASE}}}"'
        lines.append(named if shape.base_id else asked)
    command = " \\\n  ".join([f"exec vllm serve {model}", *flags, '"$@"'])
    (folder / SERVE).write_text("\n".join([*lines, command]) + "\n", encoding="utf-8")
