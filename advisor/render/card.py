"""The model card: what was tuned, why, what it is worth, and what it must not be taken for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import yaml

from advisor.render.grid import Grid
from advisor.render.markdown_parts import code, escape, prose, table
from advisor.render.measured_grids import checks_grid, comparisons_grid, scores_grid
from advisor.render.probe_words import (
    NATS,
    SHORT_UNITS,
    allowed_text,
    change_text,
    probe_title,
    probe_value,
)
from advisor.render.proof_words import UNASKED, level_header, worse_reason
from advisor.render.safe import UNKNOWN, percent, safe_text, words

if TYPE_CHECKING:
    from advisor.schema.baseline import Baselines
    from advisor.schema.decide import Decision
    from advisor.schema.export import ExportRecord
    from advisor.schema.gate import GateVerdict
    from advisor.schema.train import TrainResult
    from advisor.schema.verify import Verification

LICENCES = {
    "apache-2.0": "apache-2.0",
    "apache license": "apache-2.0",
    "mit": "mit",
    "mit license": "mit",
    "bsd-3-clause": "bsd-3-clause",
    "cc-by-4.0": "cc-by-4.0",
    "cc-by-sa-4.0": "cc-by-sa-4.0",
    "cc-by-nc-4.0": "cc-by-nc-4.0",
    "llama2": "llama2",
    "llama3": "llama3",
    "llama3.1": "llama3.1",
    "llama3.2": "llama3.2",
    "llama3.3": "llama3.3",
    "gemma": "gemma",
    "openrail": "openrail",
}
"""What a model's folder says -> the id that model hubs take; anything else is `other`."""
SETTINGS = (
    "epochs", "learning_rate", "rank", "alpha", "dropout", "target_modules", "sequence_length",
    "micro_batch_size", "gradient_accumulation_steps", "optimizer", "schedule", "precision",
    "general_share",
)  # fmt: skip
"""Fields of the plan that a reader of the card asks for."""
WORSE = "Worse (by more than allowed, and beyond chance)"
_VERDICTS = {
    "keep": "It was **kept**: better than the best untuned system beyond chance.",
    "discard": "Verification says **discard**: do not serve it in place of what it was held "
    "against.",
    "inconclusive": "Verification is **inconclusive**: it is not shown to be better than what "
    "needs no training.",
}


@dataclass(frozen=True)
class CardFacts:
    """Everything the card tells; what a run has not measured is None."""

    name: str
    training: TrainResult
    base: str
    """The base model as its source names it, or that it is a folder."""
    instruction: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    decision: Decision | None = None
    gate: GateVerdict | None = None
    baselines: Baselines | None = None
    verification: Verification | None = None
    record: ExportRecord | None = None
    base_licence: str = ""
    """As its folder says; empty where nothing says it."""
    data_licences: Mapping[str, int] = field(default_factory=dict)
    """Licence -> rows; the empty name counts rows that say nothing."""
    override: str = ""
    """Why it was trained although the gate did not say train, in the user's words."""
    anyway: str = ""
    """Why it ships although verification did not keep it, in the user's words."""
    made_with: Mapping[str, str] = field(default_factory=dict)


def to_card(facts: CardFacts) -> str:
    """README.md of a model folder: front matter as model hubs read it, then the story."""
    front = yaml.safe_dump(_front(facts), sort_keys=False, allow_unicode=True)
    lines = ["---", front.rstrip(), "---", ""]
    for section in (_what, _verdict, _scores, _elsewhere, _export, _training, _data, _decision,
                    _licences, _limits):  # fmt: skip
        lines.extend(section(facts))
    return "\n".join(lines).rstrip() + "\n"


def _front(facts: CardFacts) -> dict[str, Any]:
    training = facts.training
    found: dict[str, Any] = {
        "base_model": safe_text(facts.base, 200),
        "library_name": _library(facts),
        "pipeline_tag": "text-generation",
    }
    if facts.base_licence:
        named = safe_text(facts.base_licence, 80)
        plain = named.partition(" (its file ")[0].casefold()
        found["license"] = LICENCES.get(plain, "other")
        if plain not in LICENCES:
            found["license_name"] = named
    found["tags"] = ["advisor", training.method, training.objective, training.trainer]
    if facts.verification is not None:
        found["model-index"] = [_index(facts, facts.verification)]
    return found


def _library(facts: CardFacts) -> str:
    """Whose loader opens it: GGUF files, an adapter beside its base, or a whole model."""
    files = facts.record.exported.files if facts.record else ("adapter_config.json",)
    if facts.record is None and facts.training.method == "full":
        return "transformers"
    if any(name.endswith(".gguf") for name in files):
        return "gguf"
    is_adapter = any(PurePath(name).name == "adapter_config.json" for name in files)
    return "peft" if is_adapter else "transformers"


def _index(facts: CardFacts, verification: Verification) -> dict[str, Any]:
    tuned = verification.tuned
    manifest = tuned.manifest
    return {
        "name": safe_text(facts.name, 80),
        "results": [
            {
                "task": {"type": "text-generation"},
                "dataset": {
                    "name": f"{safe_text(facts.name, 80)} (not published)",
                    "type": safe_text(facts.name, 80),
                    "split": manifest.split,
                    "revision": manifest.dataset_digest,
                },
                "metrics": [
                    {
                        "type": tuned.metric,
                        "value": round(tuned.value, 4),
                        "name": f"{tuned.metric}, n = {tuned.n}",
                    }
                ],
            }
        ],
    }


def _what(facts: CardFacts) -> Iterator[str]:
    training = facts.training
    yield from (f"# {escape(facts.name, 80)}", "")
    yield (
        f"{words(training.method)} tuning ({training.objective}) of {escape(facts.base, 200)} on "
        f"{training.train_samples:,} samples."
    )
    yield ""
    if facts.instruction:
        yield from ("Tuned to answer under this instruction:", "")
        yield from (f"> {escape(facts.instruction, 2000)}", "")


def _verdict(facts: CardFacts) -> Iterator[str]:
    yield from ("## Verdict", "")
    found = facts.verification
    if found is None:
        yield from ("Nothing shows that tuning helped: it was **not verified**.", "")
    else:
        yield from (_VERDICTS[found.verdict], "", prose(found.because), "")
        if found.target is not None:
            met = "met" if found.target_met else "not met"
            yield from (f"Target {percent(found.target)}: {met}.", "")
        if found.tolerated:
            told = f"Regressions were tolerated by the user: {found.tolerated}"
            yield from (prose(told), "")
    if facts.override and (facts.gate is None or facts.gate.verdict != "train"):
        told = f"Trained although the gate did not say so, by the user's word: {facts.override}"
        yield from (prose(told), "")
    if facts.anyway and (found is None or found.verdict != "keep"):
        told = f"Shipped although it was not kept, by the user's word: {facts.anyway}"
        yield from (prose(told), "")


def _scores(facts: CardFacts) -> Iterator[str]:
    found = facts.verification
    if found is None:
        return
    every = (*(facts.baselines.evaluations if facts.baselines else ()), found.tuned)
    yield from ("## Scores on held-out samples", "")
    yield from (f"Metric {code(found.tuned.metric)}, the same samples for all systems.", "")
    yield from table(scores_grid(every))
    yield from table(comparisons_grid(found.comparisons))
    worse = [one for one in found.segments if one.is_worse]
    if worse:
        rows = tuple(
            (one.kind, one.name, f"{one.n:,}", percent(one.baseline), percent(one.tuned))
            for one in worse
        )
        yield from ("Segments of the test samples where it is worse:", "")
        headers = ("Segment", "Which", "n", "Before", "After")
        yield from table(Grid(headers, rows, right=(2, 3, 4)))


def _elsewhere(facts: CardFacts) -> Iterator[str]:
    found = facts.verification
    if found is None:
        return
    yield from ("## Beside the task", "")
    if not found.shows_forgetting:
        yield from (UNASKED, "")
    rows = tuple(
        (
            probe_title(one),
            f"{one.n:,}",
            probe_value(one, one.before),
            probe_value(one, one.after),
            change_text(one),
            allowed_text(one),
            worse_reason(one),
        )
        for one in found.probes
    )
    change = f"Change ({level_header('interval', (one.interval for one in found.probes))})"
    headers = ("Probe", "n", "Before", "After", change, "Allowed", WORSE)
    yield from table(Grid(headers, rows, right=(1, 2, 3, 4, 5)))
    if any(one.unit in SHORT_UNITS for one in found.probes):
        yield from (NATS, "")


def _export(facts: CardFacts) -> Iterator[str]:
    record = facts.record
    if record is None:
        return
    exported, agreed = record.exported, record.agreement
    yield from ("## This export", "")
    precision = f", weights in {exported.precision}" if exported.precision else ""
    yield from (f"Written as {code(exported.exporter)}{precision}.", "")
    if agreed is not None and agreed.n:
        yield (
            f"Asked the same {agreed.n:,} samples as the model that was evaluated, it gave the "
            f"same answer {agreed.equal:,} times ({percent(agreed.share)}, asked "
            f"{percent(agreed.asked_agreement)}): **{words(agreed.verdict)}**."
        )
        yield ""
    else:
        yield from ("It was **not compared** with the model that was evaluated.", "")
    problems = agreed.problems if agreed else ()
    told = dict.fromkeys((*problems, *record.warnings, *exported.notes, *exported.unchecked))
    if told:
        yield from (*(f"- {prose(line)}" for line in told), "")
    for snippet in exported.snippets:
        run = {True: "run here as it stands", False: "not run", None: "could not be run here"}
        yield from (f"### {escape(snippet.title)}", "", f"({run[snippet.was_run]})", "")
        text = "\n".join(line.replace("```", "'''") for line in snippet.text.splitlines())
        yield from (f"```{snippet.language}", text, "```", "")


def _training(facts: CardFacts) -> Iterator[str]:
    training = facts.training
    yield from ("## Training", "")
    told = {k: facts.plan[k] for k in SETTINGS if facts.plan.get(k) is not None}
    versions = ", ".join(f"{k} {v}" for k, v in training.versions.items())
    rows = [(k.replace("_", " "), str(v)) for k, v in told.items()]
    rows += [
        ("steps", f"{training.steps:,}"),
        ("trainable parameters", f"{training.trainable_parameters:,}"),
        ("seed", str(training.seed)),
        ("versions", versions),
    ]
    yield from table(Grid(("Setting", "Value"), tuple(rows)))
    if facts.verification is not None and facts.verification.estimate_vs_measured:
        yield from ("Estimated before, measured after:", "")
        yield from table(checks_grid(facts.verification))


def _data(facts: CardFacts) -> Iterator[str]:
    yield from ("## Data", "")
    manifest = facts.verification.tuned.manifest if facts.verification else None
    manifest = manifest or (facts.baselines.manifest if facts.baselines else None)
    digest = code(manifest.dataset_digest) if manifest else UNKNOWN
    yield f"Digest of the data file: {digest} (SHA-256, first 16 digits). The data is not included."
    yield ""
    split = facts.baselines.split if facts.baselines else None
    if split is not None:
        counts = ", ".join(f"{k} {v:,}" for k, v in split.counts.items())
        yield from (f"Split by {escape(split.by)}, seed {split.seed}: {counts}.", "")


def _decision(facts: CardFacts) -> Iterator[str]:
    if facts.decision is None and facts.gate is None:
        return
    yield from ("## Why it was tuned at all", "")
    if facts.decision is not None:
        told = f"Advice before any measurement: {words(facts.decision.recommended)}."
        yield from (escape(told), "")
    if facts.gate is not None:
        yield from (f"Gate: **{facts.gate.verdict}**. {prose(facts.gate.because)}", "")


def _licences(facts: CardFacts) -> Iterator[str]:
    yield from ("## Licences", "")
    base = escape(facts.base_licence, 80) or "**unknown**: look at its source before you publish"
    yield from (f"- Base model: {base}. What is tuned on it stands under its terms, too.",)
    named = {k: v for k, v in facts.data_licences.items() if k}
    silent = facts.data_licences.get("", 0)
    for name, count in sorted(named.items(), key=lambda one: (-one[1], one[0])):
        yield f"- Data: {count:,} rows under {escape(name, 80)}."
    if silent or not named:
        rows = f"{silent:,} rows" if silent else "the data"
        yield f"- Data: no licence is named for {rows}."
    yield ""


def _limits(facts: CardFacts) -> Iterator[str]:
    yield from ("## Limits", "")
    n = facts.verification.tuned.n if facts.verification else 0
    if n:
        yield f"- Scores are of {n:,} samples of one data set; other inputs may fare otherwise."
    warnings = facts.verification.warnings if facts.verification else ()
    yield from (f"- {prose(line)}" for line in dict.fromkeys((*warnings, *facts.training.notes)))
    told = ", ".join(f"{k} {v}" for k, v in facts.made_with.items() if v)
    yield from (f"- Made with {escape(told, 400)}." if told else "- Made with advisor.", "")
