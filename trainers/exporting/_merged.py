"""Exports a whole model: merged or copied, complete, and opened once by plain transformers."""

from __future__ import annotations

import gc
from pathlib import Path

from advisor.contracts import Tools
from advisor.schema.export import Exported, ExportJob
from advisor.schema.train import Served, TrainEvent
from advisor.units import gb_from_bytes
from trainers.engines.trl._model import tokenizer_at
from trainers.engines.trl.disk import check_room
from trainers.exporting._merging import at_hand, merged_model
from trainers.exporting._running import ran
from trainers.exporting._writing import complete, copy_model, files_in, write_model
from trainers.exporting.options import one_of
from trainers.exporting.origins import DTYPES, Lineage, bytes_of, lineage_of, names_in
from trainers.exporting.serving import by_transformers

PACKED_NOTE = (
    "It was trained and evaluated on a base in {bits} bits, and merged into the unpacked base in"
    " {dtype}: its answers can differ, and the agreement check measures by how much."
)
LARGE = 1 << 30
PARTED_NOTE = "Embeddings and head were one table and are two now, since one of them was tuned."


def export_merged(job: ExportJob, tools: Tools) -> Exported:
    """One whole model folder; raises as `merged_model` does, and StorageError."""
    folder = Path(job.output_dir)
    line = lineage_of(Path(job.model), at_hand)
    dtype = one_of(job, "dtype", DTYPES) or line.dtype
    check_room(bytes_of(Path(line.base), dtype), folder)
    notes = write_whole(job, tools, line, dtype)
    snippet = ran(by_transformers(job), folder)
    return Exported(
        exporter="merged",
        output_dir=str(folder),
        files=files_in(folder),
        served_by=Served(backend="transformers", model=str(folder)),
        precision=dtype,
        is_lossy=is_rounded(line, dtype),
        snippets=(snippet,),
        notes=notes,
        unchecked=() if snippet.was_run else (f"The serving snippet: {snippet.note}",),
    )


def write_whole(job: ExportJob, tools: Tools, line: Lineage, dtype: str) -> tuple[str, ...]:
    """The whole model in the job's folder, copied where nothing changes; what to know of it.

    It is gone from memory when this returns.
    """
    folder, source = Path(job.output_dir), Path(job.model)
    notes = _notes(line, dtype)
    if not line.layers and dtype == line.dtype and any(source.glob("*.safetensors")):
        copy_model(source, folder)
        complete(folder, tokenizer_at(str(source)))
        return notes
    tools.emit(TrainEvent(kind="note", message=_need(bytes_of(Path(line.base), dtype))))
    model, tokenizer = merged_model(source, dtype=dtype, method=tools.method)
    model.config._name_or_path = ""  # noqa: SLF001 - where the base lay is no part of the model
    write_model(model, tokenizer, folder)
    del model
    if bytes_of(folder, dtype) > LARGE:
        gc.collect()  # what is opened next may need as much memory
    before, after = names_in(Path(line.base)), names_in(folder)
    is_parted = bool(before) and before < after
    return (*notes, PARTED_NOTE) if is_parted else notes


def is_rounded(line: Lineage, dtype: str) -> bool:
    """Whether the weights are rounded otherwise than those that were evaluated."""
    return line.is_packed or line.dtype == "float32" != dtype


def _notes(line: Lineage, dtype: str) -> tuple[str, ...]:
    notes = [
        PACKED_NOTE.format(bits=one.facts["base_bits"], dtype=dtype)
        for one in line.layers
        if one.is_packed
    ]
    if len(line.layers) > 1:
        notes.append(
            f"{len(line.layers)} adapters that stand on each other were merged one after the other;"
            " none of their folders is needed any more."
        )
    if line.dtype == "float32" != dtype:
        notes.append(f"The weights were float32 and are rounded to {dtype}.")
    return tuple(notes)


def _need(size: int) -> str:
    return (
        f"Merging holds one copy of the model in memory, about {gb_from_bytes(size):.2f} GB, one"
        " layer in float32 and one file of weights (at most 2 GB)."
    )
