"""Exports a whole model: merged or copied, complete, and opened once by plain transformers."""

from __future__ import annotations

from pathlib import Path

from advisor.contracts import Tools
from advisor.schema.export import Exported, ExportJob
from advisor.schema.train import Served, TrainEvent
from advisor.units import gb_from_bytes
from trainers.engines.trl._model import tokenizer_at
from trainers.exporting._merging import at_hand, merged_model
from trainers.exporting._running import ran
from trainers.exporting._writing import check_room, complete, copy_model, write_model
from trainers.exporting.options import one_of
from trainers.exporting.origins import DTYPES, Lineage, bytes_of, lineage_of, names_in
from trainers.exporting.serving import by_transformers

PACKED_NOTE = (
    "It was trained and evaluated on a base in {bits} bits, and merged into the unpacked base in"
    " {dtype}: its answers can differ, and the agreement check measures by how much."
)


def export_merged(job: ExportJob, tools: Tools) -> Exported:
    """One whole model folder; raises as `merged_model` does, and StorageError."""
    folder, source = Path(job.output_dir), Path(job.model)
    line = lineage_of(source, at_hand)
    dtype = one_of(job, "dtype", DTYPES) or line.dtype
    size = bytes_of(Path(line.base), dtype)
    check_room(size, folder)
    notes = list(_notes(line, dtype))
    if not line.layers and dtype == line.dtype and any(source.glob("*.safetensors")):
        copy_model(source, folder)
        complete(folder, tokenizer_at(str(source)))
    else:
        tools.emit(TrainEvent(kind="note", message=_need(size)))
        _merge(job, tools, dtype)
        notes += _untied(line, folder)
    snippet = ran(by_transformers(job), folder)
    unchecked = () if snippet.was_run else (f"The serving snippet: {snippet.note}",)
    return Exported(
        exporter="merged",
        output_dir=str(folder),
        files=files_in(folder),
        served_by=Served(backend="transformers", model=str(folder)),
        precision=dtype,
        is_lossy=line.is_packed or (line.dtype == "float32" != dtype),
        snippets=(snippet,),
        notes=tuple(notes),
        unchecked=unchecked,
    )


def files_in(folder: Path) -> tuple[str, ...]:
    """Names of all files below a folder, sorted."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return tuple(sorted(path.relative_to(folder).as_posix() for path in found))


def _merge(job: ExportJob, tools: Tools, dtype: str) -> None:
    """Merged and written; the model is gone from memory when this returns."""
    model, tokenizer = merged_model(Path(job.model), dtype=dtype, method=tools.method)
    model.config._name_or_path = ""  # noqa: SLF001 - where the base lay is no part of the model
    write_model(model, tokenizer, Path(job.output_dir))


def _untied(line: Lineage, folder: Path) -> tuple[str, ...]:
    """Said where one table of weights became two."""
    before, after = names_in(Path(line.base)), names_in(folder)
    if before and any("embed" not in name for name in after - before) and not before - after:
        return ("Embeddings and head were one table and are two now, since one of them was tuned.",)
    return ()


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
