"""The papers of a tuned model: its card, and its scores in the forms that other tools read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel

from advisor.artifacts import Stage, write_text
from advisor.errors import InputError
from advisor.exporters import every_eval_ever, harness
from advisor.exporters.measured import Subject
from advisor.render.card import CardFacts, to_card
from advisor.schema.baseline import Baselines
from advisor.schema.decide import Advice
from advisor.schema.estimate import Estimate
from advisor.schema.evaluation import Evaluation, Sample
from advisor.schema.export import ExportRecord
from advisor.schema.gate import GateVerdict
from advisor.schema.plan import Plan
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.secrets import masked
from advisor.standing import made_with, samples
from advisor.workspace import Workspace

CARD = "README.md"
RESULTS = "results"
"""Sub-folder of the run folder with the scores in other tools' forms."""
LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")
LONGEST_FRONT = 20_000
_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_SAID = re.compile(r"^[-*\s]*Licen[cs]e:\s*(\S+)", re.MULTILINE)

V = TypeVar("V", bound=BaseModel)


def write_card(
    space: Workspace, record: ExportRecord | None, folder: Path, *, anyway: str = ""
) -> tuple[str, ...]:
    """The model card in `folder`; the name of what was written.

    It holds no sample of the data (the labels of segments that got worse it does name).
    `anyway` is the user's reason for shipping against the verdict. Raises MissingArtifactError
    without a training, StorageError where the folder cannot be written.
    """
    text = masked(to_card(card_facts(space, record, anyway=anyway)))
    write_text(folder / CARD, text, option="--out")
    return (CARD,)


def card_facts(space: Workspace, record: ExportRecord | None, *, anyway: str = "") -> CardFacts:
    """What the run's documents say of its tuned model."""
    training = space.folder.read("train", TrainResult)
    chosen = training.plan or _estimated(space)
    advice = _read(space, "decide", Advice)
    return CardFacts(
        name=space.settings.name,
        training=training,
        base=base_name(space),
        instruction=space.instruction,
        plan=chosen.model_dump() if chosen else {},
        decision=advice.decision if advice else None,
        gate=_read(space, "gate", GateVerdict),
        baselines=_read(space, "baseline", Baselines),
        verification=_read(space, "verify", Verification),
        record=record,
        base_licence=licence_of(Path(space.tuned_path)),
        data_licences=_data_licences(space),
        override=space.settings.gate_override or "",
        anyway=anyway or (record.anyway if record else ""),
        made_with={k: v for k, v in made_with(space).items() if k != "model"},
    )


def _estimated(space: Workspace) -> Plan | None:
    estimate = _read(space, "estimate", Estimate)
    option = estimate.recommended_option if estimate else None
    return option.plan if option else None


def _read(space: Workspace, stage: Stage, kind: type[V]) -> V | None:
    fresh = space.folder.freshness(stage) == "fresh"
    return space.folder.read(stage, kind) if fresh else None


def base_name(space: Workspace) -> str:
    """The base model without a path of this machine: what the user called it, or its folder."""
    named = space.settings.model
    return Path(named).name if Path(named).is_absolute() else named


def licence_of(folder: Path) -> str:
    """What a model folder says of its licence: its card's front matter, else a licence file.

    Empty where it says nothing.
    """
    for card in (folder / CARD, folder / "MODEL_CARD.md"):
        if card.is_file() and (named := _named_in(_head(card))):
            return named
    for name in LICENCE_FILES:
        if (folder / name).is_file():
            first = next((line for line in _head(folder / name).splitlines() if line.strip()), "")
            return f"{first.strip()} (its file {name})" if first else f"its file {name}"
    return ""


def _named_in(card: str) -> str:
    """A card's front matter, or a line that says it: `Licence: Apache-2.0`."""
    told = _FRONT.match(card)
    named = _front(told.group(1)).get("license") if told else None
    if isinstance(named, str) and named.strip():
        return named.strip()
    said = _SAID.search(card)
    return said.group(1).rstrip(".,;") if said else ""


def _head(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(LONGEST_FRONT)
    except OSError:
        return ""


def _front(text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _data_licences(space: Workspace) -> dict[str, int]:
    return dict(Counter(sample.licence for sample in _texts(space)))


def _texts(space: Workspace) -> tuple[Sample, ...]:
    """The run's samples; none where the data has changed or is gone."""
    try:
        return samples(space)
    except InputError:
        return ()


def write_results(space: Workspace) -> tuple[str, ...]:
    """Every evaluation of the run as lm-eval-style JSON and as Every Eval Ever JSON.

    Names are relative to the run folder. Files of single samples hold their texts; they are written
    only where the data is still what was measured. Raises StorageError where the run folder cannot
    be written.
    """
    texts, root = _texts(space), space.folder.path
    written: list[str] = []
    for evaluation in _evaluations(space):
        subject = _subject(space, evaluation)
        for name, text in _files(evaluation, subject, texts):
            write_text(root / RESULTS / name, masked(text))
            written.append(f"{RESULTS}/{name}")
    return tuple(written)


def _evaluations(space: Workspace) -> list[Evaluation]:
    baselines = _read(space, "baseline", Baselines)
    verification = _read(space, "verify", Verification)
    found = list(baselines.evaluations) if baselines else []
    return [*found, verification.tuned] if verification else found


def _files(
    evaluation: Evaluation, subject: Subject, texts: tuple[Sample, ...]
) -> Iterable[tuple[str, str]]:
    builder = evaluation.builder
    yield f"lm_eval/{builder}/results.json", _json(harness.results(evaluation, subject))
    lines = [_line(row) for row in harness.sample_lines(evaluation, texts)]
    if lines:
        yield f"lm_eval/{builder}/samples_{subject.task}.jsonl", _lines(lines)
    folder = f"every_eval_ever/{every_eval_ever.folder_of(subject)}"
    stem = every_eval_ever.record_id(evaluation, subject)
    rows = [_line(row) for row in every_eval_ever.sample_lines(evaluation, subject, texts)]
    whole = every_eval_ever.aggregate(evaluation, subject, lines=rows)
    yield f"{folder}/{stem}.json", _json(whole)
    if rows:
        yield f"{folder}/{stem}_samples.jsonl", _lines(rows)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _subject(space: Workspace, evaluation: Evaluation) -> Subject:
    """What an evaluation is of; the tuned model goes by the run's name."""
    is_tuned = evaluation.builder == "tuned"
    base, manifest = base_name(space), evaluation.manifest
    stage: Stage = "verify" if is_tuned else "baseline"
    document = space.folder.raw(stage)
    versions = {"advisor": document["advisor_version"]}
    training = space.folder.read("train", TrainResult) if space.folder.has("train") else None
    if training and (is_tuned or training.served_by.backend == manifest.backend):
        versions |= training.versions
    return Subject(
        task=_safe(space.settings.name),
        model=_safe(f"{space.settings.name}-tuned") if is_tuned else base,
        base=base,
        backend=manifest.backend,
        made_at=datetime.fromisoformat(document["as_of"]).replace(tzinfo=UTC).timestamp(),
        versions=versions,
        higher_is_better=space.metric.info.higher_is_better,
        instruction=space.instruction,
        is_binary=space.metric.info.binary,
    )


def _safe(name: str) -> str:
    """A name fit for a file: letters, digits and - _ . alone."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
