"""Whole models of one architecture combined by mergekit's program, where that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from advisor.contracts import PluginInfo, Tools
from advisor.errors import MissingProgramError, ModelFolderError, PlanError, StorageError
from advisor.schema.combine import Combined, CombineJob
from advisor.schema.train import Served
from trainers.combining.merge_recipe import METHODS, ON_BASE, merge_recipe
from trainers.combining.parts import Part, others, read_parts, why_not_asked_alike
from trainers.combining.ways import density_of, why_not_asked_so
from trainers.engines.trl.disk import check_room

PROGRAM, VARIABLE = "mergekit-yaml", "ADVISOR_MERGEKIT"
SHAPE = (
    "architectures",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
)
"""What the configurations of models of one shape agree on."""
OWN_RECIPE = "mergekit_config.yml"
"""What mergekit writes beside the model: the recipe, with every part's place on this machine."""
OUTSIDE = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""Variables of our environment that a program of another one must not see."""


class MergekitCombiner:
    """Hands whole models to mergekit."""

    info = PluginInfo(
        id="mergekit",
        label="whole models, by mergekit's program",
        needs=("models",),
        options=tuple(METHODS),
    )

    def takes(self, job: CombineJob) -> str:
        """Why these models cannot be combined this way; reads configurations only."""
        why = _why_not_this_way(job)
        if why:
            return why
        parts = read_parts(job.models)
        for part in parts:
            if part.origin.kind != "whole":
                return f"'{part.name}' is no whole model; make it one with `advisor merge`."
            if part.origin.config.get("quantization_config"):
                return f"'{part.name}' has packed weights, which cannot be averaged."
        base = _base(job, parts)
        if job.how in ON_BASE and not base:
            return f"'{job.how}' adds up changes: name the model they were tuned from with --base."
        below = read_parts([base]) if base and job.how in ON_BASE else ()
        return _why_not_one_shape((*parts, *below)) or why_not_asked_alike(parts)

    def missing(self) -> str:
        """Its program, where that is not installed."""
        return "" if program() else f"mergekit ({PROGRAM} on the path, or {VARIABLE})"

    def combine(self, job: CombineJob, tools: Tools) -> Combined:
        """A whole model folder with tokenizer and chat template of the first part.

        Raises PlanError for what `takes` refuses or the program cannot do, MissingProgramError,
        ModelFolderError and StorageError.
        """
        _ = tools
        why = self.takes(job)
        if why:
            raise PlanError(why, hint="See docs/how-to/combine.md for what goes together.")
        found = program()
        if not found:
            raise MissingProgramError(
                "Whole models are combined by mergekit, and it is not installed here.",
                hint="Install it in an environment of its own (python -m venv mk;"
                f" mk/bin/pip install mergekit) and set {VARIABLE}=mk/bin/{PROGRAM}.",
                where="combiner mergekit",
            )
        parts = read_parts(job.models)
        dtype = _dtype(parts)
        size = sum(f.stat().st_size for f in parts[0].folder.glob("*.safetensors"))
        check_room(size, Path(job.output_dir))
        job = job.model_copy(
            update={"base": _base(job, parts), "models": tuple(_whole(m) for m in job.models)}
        )
        _run(found, merge_recipe(job, dtype=dtype), job)
        _, told = density_of(job)
        return Combined(
            combiner="mergekit",
            how=METHODS[job.how],
            output_dir=job.output_dir,
            served_by=Served(backend="transformers", model=job.output_dir),
            versions=_versions(found),
            notes=(*([told] if told else []), f"Summed in float32, written in {dtype}."),
        )


def program() -> str:
    """Where the program is; empty where it is not installed."""
    named = os.environ.get(VARIABLE, "")
    return shutil.which(named or PROGRAM) or ""


def _why_not_this_way(job: CombineJob) -> str:
    why = why_not_asked_so(job, METHODS, "Whole models")
    if why:
        return why
    if abs(sum(job.weights)) < 1e-6:
        return "The weights add up to 0, so nothing of the models would be left."
    if job.how == "slerp" and (len(job.models) != 2 or min(job.weights) < 0):
        told = ", ".join(f"{weight:g}" for weight in job.weights)
        return f"'slerp' turns one model towards one other, so far as weights from 0 say: {told}."
    return "Whole models have no rank." if job.rank is not None else ""


def _why_not_one_shape(parts: Sequence[Part]) -> str:
    for first, other in others(parts):
        ours, theirs = first.origin.config, other.origin.config
        for key in SHAPE:
            if ours.get(key) != theirs.get(key):
                return (
                    f"'{first.name}' and '{other.name}' are of different shapes: {key} is"
                    f" {ours.get(key)} and {theirs.get(key)}."
                )
    return ""


def _base(job: CombineJob, parts: Sequence[Part]) -> str:
    """The model they were tuned from: as named, or as all of them say; empty where none is."""
    if job.base:
        return _whole(job.base)
    told = {str(part.origin.facts.get("base_digest") or "") for part in parts}
    named = str(parts[0].origin.facts.get("model") or "")
    return named if len(told) == 1 and "" not in told and Path(named).is_dir() else ""


def _whole(model: str) -> str:
    """A folder's whole path, since the program runs elsewhere."""
    return str(Path(model).resolve()) if Path(model).is_dir() else model


def _dtype(parts: Sequence[Part]) -> str:
    """What all parts are in; float32 where they differ or do not say."""
    told = {str(p.origin.config.get("dtype") or p.origin.config.get("torch_dtype")) for p in parts}
    known = {"float32", "bfloat16", "float16"}
    return told.pop() if len(told) == 1 and told <= known else "float32"


def _run(found: str, recipe: dict[str, Any], job: CombineJob) -> None:
    """Run the program over the recipe. Raises PlanError with its last words, and StorageError."""
    outside = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    told = outside | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with tempfile.TemporaryDirectory(prefix="advisor-mergekit-") as place:
        file = Path(place) / "merge.yml"
        file.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
        words = [found, str(file), str(Path(job.output_dir).resolve()), "--quiet"]
        words += ["--no-write-model-card", "--random-seed", str(job.seed)]
        try:
            ended = subprocess.run(  # noqa: S603 - the program the user named, without a shell
                words, check=False, capture_output=True, text=True, env=told, cwd=place
            )
        except OSError as error:
            raise MissingProgramError(
                f"{found} cannot be started: {error.strerror or error}.",
                hint=f"Name mergekit's program {PROGRAM} with {VARIABLE}.",
                where="combiner mergekit",
            ) from error
    if ended.returncode:
        raise _failed(ended.stderr)
    (Path(job.output_dir) / OWN_RECIPE).unlink(missing_ok=True)
    if not (Path(job.output_dir) / "config.json").is_file():
        raise ModelFolderError(
            "mergekit ended without an error and wrote no model.",
            hint=f"Run it by hand to see why: {PROGRAM} with the YAML of its documentation.",
            where=job.output_dir,
        )


def _failed(said: str) -> PlanError | StorageError:
    """What the program's last line says."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "it said nothing"
    if "No space left" in said:
        return StorageError(
            "The disk is full: mergekit could not write the model.",
            hint="Free some space or choose another place with --out.",
        )
    return PlanError(
        f"mergekit could not combine the models: {last}",
        hint="Check that all of them are models of one shape that mergekit knows.",
        where="combiner mergekit",
    )


def _versions(found: str) -> dict[str, str]:
    """The version of mergekit in the program's own environment; empty where it does not say."""
    python = Path(found).resolve().parent / "python"
    if not python.is_file():
        return {}
    asked = "from importlib.metadata import version; print(version('mergekit'))"
    words = [str(python), "-I", "-c", asked]
    try:
        said = subprocess.run(  # noqa: S603 - the interpreter beside the program
            words,
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return {"mergekit": said.stdout.strip()} if said.returncode == 0 else {}
