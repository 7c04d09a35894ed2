"""The settings of a run, kept in its folder so that every stage command finds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from advisor.artifacts import RunFolder, write_text
from advisor.errors import ArtifactError, InputError, MissingArtifactError
from advisor.schema.run import SETTINGS_FILE, RunSettings
from advisor.secrets import masked

ALWAYS_WRITTEN = ("name", "data", "model", "backend", "trainer", "seed")
"""Settings that every version has written, whatever was chosen: without them the file lost some."""


def save_settings(settings: RunSettings, folder: RunFolder) -> None:
    """Keep the settings in the run folder, with the kind of a secret in the place of each."""
    text = json.dumps(_masked(settings.model_dump(mode="json")), indent=1, ensure_ascii=False)
    write_text(folder.path / SETTINGS_FILE, text + "\n")


def _masked(value: Any) -> Any:
    """A JSON value with the secrets in its texts masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: _masked(one) for key, one in value.items()}
    return [_masked(one) for one in value] if isinstance(value, list) else value


def load_settings(folder: RunFolder) -> RunSettings:
    """The settings of an earlier run in this folder.

    Raises MissingArtifactError when there are none, ArtifactError when they cannot be read or are
    not all there.
    """
    path = folder.path / SETTINGS_FILE
    try:
        return _whole(RunSettings.model_validate_json(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        raise MissingArtifactError(
            f"{folder.path} is not a run folder: it has no {SETTINGS_FILE}.",
            hint="Start with `advisor run --data FILE`, or name the folder it printed.",
            where=str(folder.path),
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ArtifactError(
            f"{SETTINGS_FILE} cannot be read: {place}: {first['msg']}.",
            hint="Delete it and start the run again with its options.",
            where=str(path),
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{SETTINGS_FILE} cannot be read: {error}.",
            hint="Delete it and start the run again with its options.",
            where=str(path),
        ) from error


def _whole(settings: RunSettings, path: Path) -> RunSettings:
    """The settings. Raises ArtifactError where the file does not name what each one names."""
    lost = [name for name in ALWAYS_WRITTEN if name not in settings.model_fields_set]
    if not lost:
        return settings
    raise ArtifactError(
        f"{SETTINGS_FILE} is damaged: it does not say {', '.join(lost)}.",
        hint="Put it back from a copy, or delete it and start the run again with its options.",
        where=str(path),
    )


def read_json_schema(name: str) -> str:
    """The JSON schema of a file as text.

    Raises InputError when the file is missing or holds no JSON object.
    """
    try:
        schema = json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The JSON schema {name} cannot be read: {error}.",
            hint="Give a file with one JSON schema to --json-schema.",
            where=name,
        ) from None
    if not isinstance(schema, dict):
        raise InputError(
            f"{name} is not a JSON schema: it must be an object.",
            hint='The smallest is {"type": "object"}.',
            where=name,
        )
    return json.dumps(schema, sort_keys=True)
