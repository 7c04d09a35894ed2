"""A model's folder that somebody hands over: what it holds, and what it says that it is."""

from __future__ import annotations

from pathlib import Path

from advisor.errors import ModelFolderError, PlanError
from advisor.schema.export import Exported
from advisor.schema.train import Served
from advisor.shipping.discrepancies import FULL
from advisor.shipping.model_files import ADAPTER, look_into

MERGED = "merged"
ROUNDED_FORMS = ("quantised",)
INSIDE = ("", "model", "adapter")
"""Where in an export's folder a model lies."""
SIXTEEN_BITS = "float16"


def as_exported(folder: Path, form: str = "", *, base: str = "") -> Exported:
    """A folder as what an exporter would tell of it, from its files alone.

    An adapter that ships names no folder of this machine: `base` is what it is put on. `form` is
    what it is said to be; a whole model is held to weights of 16 bits or more unless it is said to
    be packed. A record in the folder is not believed: it could name any server. Raises
    ModelFolderError for a folder without a model, PlanError for a form that the files are not.
    """
    if not folder.is_dir():
        raise ModelFolderError(
            f"There is no folder '{folder}'.",
            hint="Name the folder of a model, an adapter or a GGUF file.",
            where="--check-folder",
        )
    place, backend = _model_in(folder)
    is_file = place.is_file()
    if form and is_file != (form in ("gguf", "ollama")):
        raise PlanError(
            f"{folder} holds {'a GGUF file' if is_file else 'no GGUF file'}, and --to says {form}.",
            hint="Leave --to out, or name the form that the folder holds.",
            where="--to",
        )
    is_packed = form in ROUNDED_FORMS
    return Exported(
        exporter=form or (place.suffix.lstrip(".") if is_file else MERGED),
        output_dir=str(place if place.is_dir() else folder),
        files=tuple(sorted(path.name for path in folder.iterdir())),
        served_by=Served(backend=backend, model=str(place), settings=_settings(place, base)),
        precision="" if is_file or is_packed else _claimed(place),
        is_lossy=is_file or is_packed,
    )


def _model_in(folder: Path) -> tuple[Path, str]:
    """Where the model lies, and the backend that opens it."""
    for name in INSIDE:
        place = folder / name
        if (place / "config.json").is_file() or (place / ADAPTER).is_file():
            return place, "transformers"
    files = sorted(folder.glob("*.gguf"))
    if len(files) == 1:
        return files[0], "gguf"
    raise ModelFolderError(
        f"{folder} holds {f'{len(files)} GGUF files' if files else 'no model'}.",
        hint="Name a folder with one model: config.json with its weights, an adapter, or one GGUF"
        " file.",
        where="--check-folder",
    )


def _settings(place: Path, base: str) -> dict[str, str]:
    is_adapter = (place / ADAPTER).is_file() and not (place / "config.json").is_file()
    return {"base": base} if is_adapter and base else {}


def _claimed(place: Path) -> str:
    """What whole weights are in by their files; of packed ones what they should be in."""
    told = look_into(place).precision
    return told if told in FULL else SIXTEEN_BITS
