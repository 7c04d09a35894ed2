"""What makes a training job this very one: everything that the trained weights depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob

EDGE_BYTES = 1 << 20
MOST_TOLD = 4
"""Differences that are named one by one."""
BENEATH = (("adapter_config.json", "base_model_name_or_path"), ("base.json", "model"))
"""Files in which a folder of trained weights names the model that it stands on."""
PYTHON_FUNCTION = ".py:"
SHARED = ("*/final", "training/*/final")
"""Where in a run's folder its models lie, when an option names the run."""


class Identity(Value):
    """A job in digests of its parts, so that two jobs can be compared without their data."""

    plan: dict[str, Any] = Field(default_factory=dict)
    """The plan's fields, without their reasons."""
    parts: dict[str, str] = Field(default_factory=dict)
    """What else there is, in words -> digest."""

    @property
    def digest(self) -> str:
        """SHA-256 over all of it, shortened to 16 digits."""
        return _digest(self.model_dump(mode="json"))


def identity_of(job: TrainJob, trainer: str) -> Identity:
    """Everything that the trained weights, and the choice among them, depend on.

    The base model, and what the plan's options name, enter by their files, so that a model or a
    reward replaced in place is noticed.
    """
    return Identity(
        plan=job.plan.model_dump(mode="json", exclude={"reasons"}),
        parts={
            "trainer": trainer,
            "instruction": _digest(job.instruction),
            "training samples": _digest(_told(job.train_samples)),
            "dev samples": _digest(_told(job.dev_samples)),
            "general samples": _digest(_told(job.general_samples)),
            "probe samples": _digest(_told(job.probe_samples)),
            "metric": job.metric_digest,
            "files of the base model": base_digest(Path(job.plan.model)),
            **_named_files(job.plan),
        },
    )


def job_digest(job: TrainJob, trainer: str) -> str:
    """The name of a job's folder: 16 digits that change with everything the weights depend on."""
    return identity_of(job, trainer).digest


def unwatched(job: TrainJob) -> TrainJob:
    """The job for those who neither score nor probe what they train: no part of what they do."""
    return job.model_copy(update={"metric_digest": "", "probe_samples": ()})


def differences(before: Identity, now: Identity) -> str:
    """In what two jobs differ, in a few words; empty where nothing is known of one of them."""
    if not before.parts:
        return ""
    told = [
        f"{name} {before.plan.get(name)}, now {now.plan.get(name)}"
        for name in sorted({*before.plan, *now.plan})
        if before.plan.get(name) != now.plan.get(name)
    ]
    told += [
        f"other {name}"
        for name in dict.fromkeys((*before.parts, *now.parts))
        if before.parts.get(name) != now.parts.get(name)
    ]
    more = len(told) - MOST_TOLD
    return ", ".join(told[:MOST_TOLD]) + (f", and {more} more" if more > 0 else "")


def _told(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    return [sample.model_dump(mode="json", exclude={"line"}) for sample in samples]


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _named_files(plan: Plan) -> dict[str, str]:
    """Digests of the files and folders that options name, such as a reward's."""
    found = {}
    for name, value in plan.method_options.items():
        if isinstance(value, str) and value.strip():
            path, is_function, _ = value.rpartition(PYTHON_FUNCTION)
            place = Path(f"{path}.py" if is_function else value).expanduser()
            if digest := _content(place):
                found[f"content of {name}"] = digest
    return found


def _content(place: Path) -> str:
    """Digest of a file, of a model's folder, or of the models of a run; empty for nothing."""
    if place.is_file():
        return hashlib.sha256(place.read_bytes()).hexdigest()[:16]
    models = [model for pattern in SHARED for model in sorted(place.glob(pattern))]
    return "".join(base_digest(folder) for folder in (place, *models))


def base_digest(folder: Path) -> str:
    """Digest over names, sizes and both ends of every file; empty when there is no such folder.

    A folder that only holds what was trained beside a base is digested with that base.
    """
    digest = hashlib.sha256()
    places = _stack(folder)
    if not places:
        return ""
    for place in places:
        for path in sorted(p for p in place.iterdir() if p.is_file()):
            size = path.stat().st_size
            digest.update(f"{path.name}\0{size}\0".encode())
            with path.open("rb") as stream:
                digest.update(stream.read(EDGE_BYTES))
                if size > EDGE_BYTES:
                    stream.seek(max(EDGE_BYTES, size - EDGE_BYTES))
                    digest.update(stream.read())
    return digest.hexdigest()[:16]


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
