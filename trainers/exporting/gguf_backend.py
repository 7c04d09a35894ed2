"""Backend `gguf`: opens a GGUF file, by llama.cpp where it is here, else by transformers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from advisor.contracts import PluginInfo, Session
from advisor.errors import BackendError, MissingExtraError, ModelFolderError
from trainers.engines.trl.quiet import quiet
from trainers.exporting.gguf_engines import can_read, can_run

ENGINES = ("llama_cpp", "transformers")


class GgufBackend:
    """What llama.cpp answers; or, without it, what the file's weights answer made plain."""

    info = PluginInfo(id="gguf", label="A GGUF file on this machine", extra="gguf")

    def deciding(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The library, how it keeps what it has read, and the seed."""
        told = {"engine": settings.get("engine") or usual_engine()}
        return told | {key: settings[key] for key in ("kv", "seed") if key in settings}

    def open(self, model: str, settings: dict[str, str]) -> Session:
        """Open a file, or a folder with one such file.

        Settings: `engine` (`llama_cpp`, `transformers`; the first where it is installed),
        `context` (tokens of prompt and answer, 4096 where the model takes more), `kv` (`f16`,
        `f32`: how llama.cpp keeps what it has read), `threads`, and `seed` for prompts with a
        temperature. Raises BackendError, ModelFolderError and MissingExtraError.
        """
        file = file_of(model)
        engine = settings.get("engine") or usual_engine()
        if engine not in ENGINES:
            raise BackendError(
                f"The engine '{engine}' is none that reads GGUF files.",
                hint=f"Use one of: {', '.join(ENGINES)}.",
                where=model,
            )
        if not (can_run() if engine == "llama_cpp" else can_read()):
            raise MissingExtraError(f"Opening a GGUF file by {engine}", "gguf")
        with quiet():
            from trainers.exporting._gguf_session import open_session  # noqa: PLC0415 - heavy

            return open_session(file, engine, settings)


def usual_engine() -> str:
    """What opens a file where nothing is asked."""
    return "llama_cpp" if can_run() else "transformers"


def file_of(model: str) -> Path:
    """The file that a reference names. Raises ModelFolderError where there is none, or several."""
    place = Path(model)
    if place.is_file():
        return place
    found = sorted(place.glob("*.gguf")) if place.is_dir() else []
    if len(found) == 1:
        return found[0]
    said = f"holds {len(found)} GGUF files" if place.is_dir() else "is not there"
    raise ModelFolderError(
        f"The GGUF file '{model}' {said}.",
        hint="Name one file that ends in .gguf.",
        where=model,
    )
