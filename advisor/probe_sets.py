"""Which samples are asked beside the task: packaged, the user's, what general data holds out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from advisor import registry
from advisor.contracts import Judging, Metric, Totalling
from advisor.errors import DatasetError, InputError
from advisor.evaluation.probing import ALLOWED_NATS, ALLOWED_SHARE, prompt_of
from advisor.formats.readers import read_dataset
from advisor.general import asks, general_data
from advisor.resources import probe_root
from advisor.schema.evaluation import Completion, Sample
from advisor.schema.probe import Probe, ProbeKind
from advisor.schema.run import EMBEDDED_MODEL
from advisor.workspace import Workspace

LOSS = "loss"
"""The word for the loss in the place of a metric."""
LENIENT = "normalised_match"
"""The metric of short answers where none is named."""
PACKAGED = "the package"
SHORT_WORDS = 6
"""Words of an answer up to which it can be compared as a whole."""
SHORT_SHARE = 0.9
MOST_ASKED = 256
"""Rows of a user's file that are asked at most: a share of them is known to about 5 points."""


class Ships(NamedTuple):
    """A packaged probe."""

    name: str
    kind: ProbeKind
    files: tuple[str, ...]
    metric: str = ""
    max_new_tokens: int = 64
    higher_is_better: bool = True


ANY_MODEL = (
    Ships("general questions", "task", ("short_answers.jsonl",), "contains", 48),
    Ships("instructions", "instruction", ("instructions.jsonl",), "instructions", 160),
    Ships(
        "harmless requests", "refusal", ("harmless.jsonl",), "refusal", 48, higher_is_better=False
    ),
    Ships(
        "questions nobody can answer",
        "hallucination",
        ("unanswerable.jsonl",),
        "refusal",
        64,
        higher_is_better=False,
    ),
    Ships("texts", "loss", ("texts.jsonl", "passages.jsonl")),
)
OWN_KINDS = (
    Ships("conversations it knows", "task", ("tiny.jsonl",), "exact_match", 64),
    Ships("conversations it knows, loss", "loss", ("tiny.jsonl",)),
)
"""Of the embedded model, which knows nothing else."""


def probes_of(space: Workspace) -> tuple[Probe, ...]:
    """Everything a run asks beside its task.

    The packaged probes of its model; the held-out part of its general data, as loss and, where
    answers are short, as task; the files that the user names, which alone are left with
    `use_probes` false. Raises DatasetError, InputError and
    UnknownPluginError for a file or metric that cannot be used.
    """
    chosen = space.settings
    if not chosen.use_probes:
        return _named(space)
    ships = OWN_KINDS if chosen.model == EMBEDDED_MODEL else ANY_MODEL
    return (*map(_packaged, ships), *_held_out(space), *_named(space))


def metric_of(probe: Probe) -> Metric | None:
    """The metric that scores a probe's answers; None where the loss is taken."""
    if not probe.metric:
        return None
    options = {f"{probe.metric}.{key}": value for key, value in probe.metric_options.items()}
    return registry.configured_metric(probe.metric, options, beside=True)


def parsed(text: str) -> tuple[Path, str]:
    """File and metric of FILE or FILE=METRIC; an empty metric where none is named."""
    file, sign, metric = text.rpartition("=")
    if not sign or Path(text).is_file():
        return Path(text), ""
    return Path(file), metric.strip()


def _packaged(ships: Ships) -> Probe:
    return Probe(
        name=ships.name,
        kind=ships.kind,
        samples=tuple(s for name in ships.files for s in read_dataset(probe_root() / name).samples),
        metric=ships.metric,
        max_new_tokens=ships.max_new_tokens,
        allowed=ALLOWED_SHARE if ships.metric else ALLOWED_NATS,
        higher_is_better=ships.higher_is_better and bool(ships.metric),
        source=PACKAGED,
    )


def _held_out(space: Workspace) -> tuple[Probe, ...]:
    chosen = space.settings
    if chosen.general_data is None:
        return ()
    known = space.samples if space.dataset else ()
    found = general_data(
        chosen.general_data, model=chosen.model, beside=known, mapping=chosen.mapping
    )
    source = f"held out of {Path(chosen.general_data).name}"
    return _loss_and_task("general data", found.probe, source, space)


def _named(space: Workspace) -> tuple[Probe, ...]:
    """The user's probes; several of one file are told apart by their metric."""
    return tuple(probe for text in space.settings.probes for probe in _of_file(text, space))


def _of_file(text: str, space: Workspace) -> tuple[Probe, ...]:
    file, name = parsed(text)
    metric = None if name in ("", LOSS) else _usable(name)
    samples, source = _rows(file, space)
    if metric is None:
        found = _loss_and_task(file.stem, samples, source, space)
        return found if not name else found[:1]
    asked = tuple(sample for sample in samples if sample.input.strip())
    if not asked:
        raise DatasetError(
            f"The probe {file.name} asks nothing, so no answer can be scored by {name}.",
            hint="Give rows with a question and an answer, or leave the metric out for the loss.",
            where=str(file),
        )
    options = space.settings.metric_options.items()
    own = {k.removeprefix(f"{name}."): v for k, v in options if k.startswith(f"{name}.")}
    probe = Probe(
        name=f"{file.stem} ({name})",
        kind="instruction" if name == "instructions" else "task",
        samples=asked,
        metric=name,
        metric_options=own,
        max_new_tokens=space.settings.max_new_tokens,
        allowed=ALLOWED_SHARE,
        higher_is_better=metric.info.higher_is_better,
        source=source,
    )
    _refuse_unscored(probe, file)
    return (probe,)


def _loss_and_task(
    name: str, samples: Sequence[Sample], source: str, space: Workspace
) -> tuple[Probe, ...]:
    """The loss on the samples, and where nearly all answers are short, the share of right ones."""
    loss = Probe(
        name=f"{name}, loss",
        kind="loss",
        samples=tuple(samples),
        allowed=ALLOWED_NATS,
        higher_is_better=False,
        source=source,
    )
    asked = tuple(sample for sample in samples if sample.input.strip())
    short = sum(len(sample.target.split()) <= SHORT_WORDS for sample in asked)
    if not asked or short < SHORT_SHARE * len(asked):
        return (loss,)
    task = Probe(
        name=name,
        kind="task",
        samples=asked,
        metric=LENIENT,
        max_new_tokens=space.settings.max_new_tokens,
        allowed=ALLOWED_SHARE,
        source=source,
    )
    return (loss, task)


def _rows(file: Path, space: Workspace) -> tuple[tuple[Sample, ...], str]:
    """A file's rows that the task does not ask, as many as are asked, and where they come from."""
    every = [sample for sample in read_dataset(file).samples if sample.is_good is not False]
    known = {asks(sample) for sample in space.samples} if space.dataset else set()
    free = [sample for sample in every if asks(sample) not in known]
    if not free:
        raise DatasetError(
            f"The probe {file.name} holds no row that the task's data does not ask as well.",
            hint="Give rows that are not of the task.",
            where=str(file),
        )
    kept = tuple(free[:MOST_ASKED])
    told = [f"its first {len(kept)} rows of {len(free)}"] if len(kept) < len(free) else []
    if len(free) < len(every):
        told.append(f"{len(every) - len(free)} rows that the task asks left out")
    return kept, f"{file.name} ({', '.join(told)})" if told else file.name


def _usable(name: str) -> Metric:
    """A metric that scores each answer by itself; raises InputError for any other."""
    metric = registry.metric(name)
    lacks = ""
    if isinstance(metric, Judging):
        lacks = "asks a judge"
    elif isinstance(metric, Totalling):
        lacks = "is no mean of single answers"
    elif metric.info.unit or "passages" in metric.info.needs:
        lacks = f"counts in {metric.info.unit}" if metric.info.unit else "needs passages"
    if lacks:
        raise InputError(
            f"The metric {name} {lacks}, so a probe cannot be scored by it.",
            hint="Take one that scores each answer: exact_match, contains, instructions.",
            where=f"--probe ...={name}",
        )
    return metric


def _refuse_unscored(probe: Probe, file: Path) -> None:
    """Raise DatasetError for a row whose reference the metric cannot read."""
    metric = metric_of(probe)
    if metric is None:
        return
    for sample in probe.samples:
        said = Completion(text=sample.target, prompt_tokens=0, completion_tokens=0, latency_ms=0)
        found = metric.score(prompt_of(sample), said, sample)
        if found.unscored:
            raise DatasetError(
                f"The metric {probe.metric} cannot score a row of {file.name}: {found.note}.",
                hint="See docs/how-to/forgetting.md for what a probe of your own may hold.",
                where=f"{file}:{sample.line}" if sample.line else str(file),
            )
