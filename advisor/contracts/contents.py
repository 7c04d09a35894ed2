"""Digests of what a run and its trainer are given by name: models, rewards, encoders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.contracts.base_facts import BASE_FACTS

EDGE_BYTES = 1 << 20
BENEATH = (("adapter_config.json", "base_model_name_or_path"), (BASE_FACTS, "model"))
"""Files in which a folder of trained weights names the model that it stands on, and their keys."""
PYTHON_FUNCTION = ".py:"
MODELS_OF_A_RUN = ("*/final", "training/*/final")


def named_digest(value: object) -> str:
    """Digest of what an option names: a file, FILE.py:FUNCTION, a model's or a run's folder.

    Empty for a value that names none of them. Of a run only its models count.
    """
    if not isinstance(value, str) or not value.strip():
        return ""
    path, is_function, _ = value.rpartition(PYTHON_FUNCTION)
    place = Path(f"{path}.py" if is_function else value).expanduser()
    if place.is_file():
        return hashlib.sha256(place.read_bytes()).hexdigest()[:16]
    models = [model for pattern in MODELS_OF_A_RUN for model in sorted(place.glob(pattern))]
    return "".join(map(model_digest, models)) or model_digest(place)


def model_digest(folder: Path) -> str:
    """Digest over names, sizes and both ends of a model's files; empty without such a folder.

    A folder that only holds what was trained beside a base is digested with that base.
    """
    digest = hashlib.sha256()
    places = _stack(folder)
    for path in (p for place in places for p in sorted(place.iterdir()) if p.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(EDGE_BYTES))
            if size > EDGE_BYTES:
                stream.seek(max(EDGE_BYTES, size - EDGE_BYTES))
                digest.update(stream.read())
    return digest.hexdigest()[:16] if places else ""


def _stack(folder: Path) -> list[Path]:
    """A model's folder, and those of the models that it stands on."""
    places: list[Path] = []
    while folder.is_dir() and folder not in places:
        places.append(folder)
        if (folder / "config.json").is_file():
            break
        named = next((n for file, key in BENEATH if (n := _read(folder / file).get(key))), None)
        if not isinstance(named, str):
            break
        folder = Path(named)
    return places


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
