"""Makes a GGUF file of a tuned folder: merges, converts, and reads back what was written."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from advisor.contracts import Method
from advisor.errors import PlanError
from advisor.schema.export import Exported, ExportJob, Snippet
from advisor.schema.train import Served
from trainers.engines.trl._model import tokenizer_at
from trainers.engines.trl.disk import check_room
from trainers.exporting import gguf_programs as programs
from trainers.exporting._gguf_read import check_written, set_adds_bos
from trainers.exporting._gguf_write import write
from trainers.exporting._merging import at_hand, merged_model
from trainers.exporting._running import ran_apart
from trainers.exporting._writing import write_model
from trainers.exporting.gguf import LOSSLESS, precision_of
from trainers.exporting.gguf_chat import ChatFacts, chat_facts
from trainers.exporting.gguf_engines import can_run
from trainers.exporting.gguf_shapes import HERE, shape_of
from trainers.exporting.gguf_vocabulary import vocabulary_of
from trainers.exporting.origins import Lineage, bytes_of, lineage_of
from trainers.exporting.serving import by_curl, by_llama_cpp, by_token_ids

LLAMA_SERVER = "http://localhost:8080/v1"
BY_HAND = "the pip package gguf"
BY_CONVERTER = "llama.cpp's converter"
NOT_RUN = (
    "llama-cpp-python is not installed, so llama.cpp itself has not opened the file: it is compared"
    " by its weights through transformers, with texts parted as llama.cpp parts them."
)


class Made(NamedTuple):
    """A written file, and what it took to write the papers beside it."""

    exported: Exported
    file: Path
    chat: ChatFacts
    tokenizer: Any


def make_gguf(job: ExportJob, method: Callable[[str], Method]) -> Made:
    """Write the file below `job.output_dir`.

    Raises PlanError, ModelFolderError, MissingExtraError, MissingProgramError and StorageError.
    """
    precision, out = precision_of(job), Path(job.output_dir)
    file = out / f"{job.name}.gguf"
    line = lineage_of(Path(job.model), at_hand)
    refuse_unwritable(job, line)
    _check_room(job, precision, Path(line.base), line.dtype)
    with tempfile.TemporaryDirectory(prefix=".advisor-gguf-", dir=out) as place:
        folder = Path(place)
        dtype = "float32" if precision == "f32" else None
        model, tokenizer = merged_model(Path(job.model), dtype=dtype, method=method)
        write_model(model, tokenizer, folder)
        ends = getattr(model.generation_config, "eos_token_id", None)
        chat = chat_facts(tokenizer, ends, job.name)
        del model
        plain = file if precision in HERE else folder / "plain.gguf"
        maker, notes = _converted(job, folder, plain, precision=precision, chat=chat)
        if plain != file:
            programs.quantise(programs.quantiser(job.options, precision), plain, file, precision)
    inside = job.options.get("vocabulary", "inside") == "inside"
    if inside:
        set_adds_bos(file, adds=chat.adds_bos)
    else:
        tokenizer.save_pretrained(out)
    check_written(file, chat, inside=inside)
    exported = _exported(job, file, precision, [*notes, *chat.notes, f"Written by {maker}."])
    more = tuple(sorted(p.name for p in out.iterdir()))
    more_unchecked = (*exported.unchecked, *chat.unchecked)
    return Made(
        exported.model_copy(update={"files": more, "unchecked": more_unchecked}),
        file,
        chat,
        tokenizer,
    )


def refuse_unwritable(job: ExportJob, line: Lineage) -> None:
    """Raise PlanError, before anything is merged, for a model or a tokenizer not written here.

    llama.cpp's converter knows more of both: where it is at hand, it has the first word.
    """
    inside = job.options.get("vocabulary", "inside") == "inside"
    if inside and programs.converter(job.options) is not None:
        return
    shape = shape_of(json.loads((Path(line.base) / "config.json").read_text(encoding="utf-8")))
    if not inside:
        return
    tokenizer = tokenizer_at(str(line.tokenizer))
    with tempfile.TemporaryDirectory(prefix="advisor-gguf-") as place:
        tokenizer.save_pretrained(place)
        vocabulary_of(Path(place), max(shape.vocabulary, len(tokenizer)))


def _check_room(job: ExportJob, precision: str, base: Path, dtype: str) -> None:
    """Raise StorageError where merged weights, and what is made of them, have no room."""
    is_wide = precision == "f32"
    merged = bytes_of(base, "float32" if is_wide else dtype)
    made = bytes_of(base, "float32" if is_wide else "float16")
    check_room(merged + made * (1 if precision in HERE else 2), Path(job.output_dir))


def _converted(
    job: ExportJob, folder: Path, file: Path, *, precision: str, chat: ChatFacts
) -> tuple[str, list[str]]:
    """Who wrote the file, and what is to be told of it."""
    first = precision if precision in HERE else "f16"
    inside = job.options.get("vocabulary", "inside") == "inside"
    program = programs.converter(job.options) if inside else None
    if program is None:
        return _by_hand(folder, file, precision=first, chat=chat, inside=inside)
    try:
        programs.convert(program, folder, file, first)
    except PlanError as refused:
        try:
            maker, notes = _by_hand(folder, file, precision=first, chat=chat, inside=True)
        except PlanError:
            raise refused from None
        return maker, [*notes, refused.message]
    return BY_CONVERTER, []


def _by_hand(
    folder: Path, file: Path, *, precision: str, chat: ChatFacts, inside: bool
) -> tuple[str, list[str]]:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = shape_of(config)
    vocabulary = vocabulary_of(folder, shape.vocabulary) if inside else None
    write(folder, file, shape=shape, vocabulary=vocabulary, chat=chat, precision=precision)
    return BY_HAND, list(vocabulary.notes) if vocabulary else []


def _exported(job: ExportJob, file: Path, precision: str, notes: list[str]) -> Exported:
    inside = job.options.get("vocabulary", "inside") == "inside"
    if not inside:
        notes.append(
            "The file holds no vocabulary: llama.cpp, Ollama and LM Studio cannot read texts with"
            " it; a program that sends token ids can, with the tokenizer beside it."
        )
    return Exported(
        exporter="gguf",
        output_dir=job.output_dir,
        files=(file.name,),
        served_by=Served(backend="gguf", model=str(file)),
        precision=precision,
        is_lossy=precision not in LOSSLESS,
        snippets=_snippets(job, file, inside=inside),
        notes=tuple(notes),
        unchecked=() if can_run() else (NOT_RUN,),
    )


def _snippets(job: ExportJob, file: Path, *, inside: bool) -> tuple[Snippet, ...]:
    """How it is asked; run where llama.cpp is, which needs the tokenizer's files by then."""
    asked = by_llama_cpp(job, file.name) if inside else by_token_ids(job, file.name)
    if can_run():
        asked = ran_apart(asked, file.parent)
    if not inside:
        return (asked,)
    told = (
        "--jinja takes the chat template that is in the file; the instruction goes with every"
        " request, as in the example of a running server"
    )
    serve = f"llama-server -m {file.name} --jinja --temp 0 -n {job.max_new_tokens}\n"
    return (
        Snippet(title="Serve with llama.cpp", text=serve, note=told),
        by_curl(job, LLAMA_SERVER),
        asked,
    )
