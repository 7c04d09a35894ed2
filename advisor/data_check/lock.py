"""A split written as files, with a manifest that notices when the test part is changed later."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from advisor.artifacts import document, write_text
from advisor.data_check.lines import counted
from advisor.data_check.written import json_lines
from advisor.errors import InputError
from advisor.schema.dataset import Dataset
from advisor.schema.evaluation import Sample, Split
from advisor.schema.split import SplitFile, SplitManifest, SplitRecord

MANIFEST = "split.json"
PARTS: tuple[Split, ...] = ("train", "dev", "test")
ENVELOPE = ("schema_version", "advisor_version", "as_of")


def write_split(
    folder: Path, samples: Sequence[Sample], record: SplitRecord, dataset: Dataset
) -> SplitManifest:
    """Write train, dev and test files and the manifest beside them, which comes last.

    The same split again changes nothing. Raises InputError where the folder holds another split or
    files of these names, StorageError where it cannot be written.
    """
    parts = {name: [sample for sample in samples if sample.split == name] for name in PARTS}
    texts = {name: json_lines(held) for name, held in parts.items() if held}
    manifest = SplitManifest(
        source=Path(dataset.path).name,
        source_digest=dataset.digest,
        record=record,
        files={
            name: SplitFile(name=_file(name), rows=len(parts[name]), digest=_digest(text))
            for name, text in texts.items()
        },
        notes=dataset.notes,
    )
    _refuse_another(folder, manifest)
    for name, text in texts.items():
        write_text(folder / _file(name), text)
    told = json.dumps(document(manifest), ensure_ascii=False, indent=1, allow_nan=False)
    write_text(folder / MANIFEST, told + "\n")
    return manifest


def locked(path: Path) -> str | None:
    """What to say of a test file whose rows are not those it was locked with.

    `path` is the test file, or the folder of a split. None where nothing was locked or all is as it
    was; the order of the rows and their spelling as JSON do not count.
    """
    folder = path if path.is_dir() else path.parent
    manifest = _manifest(folder)
    part = manifest.files.get("test") if manifest else None
    if manifest is None or part is None or (path.is_file() and path.name != part.name):
        return None
    again = f"Scores on it cannot be compared with earlier ones; {MANIFEST} in {folder} says what"
    again += " it held."
    try:
        text = (folder / part.name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return f"The locked test part {part.name} is gone or cannot be read. {again}"
    if _digest(text) == part.digest:
        return None
    rows = sum(bool(line.strip()) for line in text.split("\n"))
    count = f" ({counted(rows, 'row')} instead of {part.rows})" if rows != part.rows else ""
    return (
        f"The rows of {part.name} are not those that it was locked with on"
        f" {_written(folder)}{count}. {again}"
    )


def _file(part: Split) -> str:
    return f"{part}.jsonl"


def _digest(text: str) -> str:
    """Digest of rows whatever their order and spelling; a line that is no JSON counts as it is."""
    rows = sorted(_row_digest(line) for line in text.split("\n") if line.strip())
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def _row_digest(line: str) -> str:
    with contextlib.suppress(ValueError):
        line = json.dumps(json.loads(line), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def _content(folder: Path) -> dict[str, object]:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _manifest(folder: Path) -> SplitManifest | None:
    content = _content(folder)
    try:
        return SplitManifest.model_validate({k: v for k, v in content.items() if k not in ENVELOPE})
    except ValidationError:
        return None


def _written(folder: Path) -> str:
    return str(_content(folder).get("as_of", "an unknown day"))


def _refuse_another(folder: Path, manifest: SplitManifest) -> None:
    old = _manifest(folder)
    if old and old.record.digest == manifest.record.digest and locked(folder) is None:
        return
    names = [MANIFEST, *map(_file, PARTS)]
    there = next((name for name in names if (folder / name).exists()), None)
    if there is None:
        return
    what = "holds another split, and its test part is locked" if old else f"already holds {there}"
    raise InputError(
        f"{folder} {what}.",
        hint="Name another folder with --out; a test part that changes is no test any more.",
        where=str(folder / there),
    )
