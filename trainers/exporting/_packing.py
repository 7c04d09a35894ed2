"""Packs a merged model by bitsandbytes and writes it so that transformers opens it."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from transformers import BitsAndBytesConfig

from advisor.contracts import Tools
from advisor.schema.export import Exported, ExportJob
from advisor.schema.train import Served
from trainers.engines.trl._model import DTYPES, opened, tokenizer_at
from trainers.engines.trl.disk import check_room
from trainers.exporting._merged import write_whole
from trainers.exporting._merging import at_hand
from trainers.exporting._running import ran
from trainers.exporting._writing import files_in, write_model
from trainers.exporting.options import one_of
from trainers.exporting.origins import bytes_of, lineage_of
from trainers.exporting.quantised import BITS
from trainers.exporting.serving import by_transformers

UNPACKED = ".unpacked"
"""Where the merged model lies until it is packed."""
NEEDS = "It is opened by transformers where bitsandbytes is installed, on a CPU too."


def export_packed(job: ExportJob, tools: Tools) -> Exported:
    """Merged, packed and written; raises as `merged_model` does, and StorageError."""
    bits = one_of(job, "bits", BITS, "4")
    folder = Path(job.output_dir)
    line = lineage_of(Path(job.model), at_hand)
    check_room(2 * bytes_of(Path(line.base), line.dtype), folder)
    place = folder / UNPACKED
    place.mkdir(parents=True)
    inner = job.model_copy(update={"output_dir": str(place), "options": {}})
    notes = write_whole(inner, tools, line, line.dtype)
    on = {"": 0} if torch.cuda.is_available() else {"": "cpu"}
    model = opened(
        str(place),
        "language",
        {
            "dtype": DTYPES[line.dtype],
            "quantization_config": _packing(bits, line.dtype),
            "device_map": on,
        },
    )
    model.config._name_or_path = ""  # noqa: SLF001 - where it lay is no part of the model
    write_model(model, tokenizer_at(str(place)), folder)
    del model
    shutil.rmtree(place)
    snippet = ran(by_transformers(job), folder)
    told = f"Its linear layers are packed into {bits} bits; what else there is stays {line.dtype}."
    return Exported(
        exporter="quantised",
        output_dir=str(folder),
        files=files_in(folder),
        served_by=Served(backend="transformers", model=str(folder)),
        precision="nf4" if bits == "4" else "int8",
        is_lossy=True,
        snippets=(snippet.model_copy(update={"note": snippet.note or NEEDS}),),
        notes=(*notes, told),
        unchecked=() if snippet.was_run else (f"The serving snippet: {snippet.note}",),
    )


def _packing(bits: str, dtype: str) -> BitsAndBytesConfig:
    if bits == "8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=DTYPES[dtype],
    )
