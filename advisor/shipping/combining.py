"""Several tuned models made into one, which is verified on the task of each part like any other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

from advisor import registry, test_ledger
from advisor.artifacts import RunFolder, document, write_text
from advisor.assembly import tuned_place
from advisor.contracts import Combiner
from advisor.contracts.base_facts import BASE_FACTS
from advisor.errors import (
    ConsentError,
    InputError,
    MissingArtifactError,
    ModelFolderError,
    PlanError,
    StaleArtifactError,
)
from advisor.evaluation.also import value_of
from advisor.evaluation.compare import compare
from advisor.evaluation.detectable import PROOF_LEVEL
from advisor.kept_settings import load_settings
from advisor.measuring import make_purse
from advisor.proving import proved
from advisor.schema.base import Value
from advisor.schema.baseline import Baselines
from advisor.schema.combine import Combined, CombineJob, CombineRecord, How
from advisor.schema.evaluation import Comparison
from advisor.schema.run import SETTINGS_FILE
from advisor.schema.train import Served, TrainResult
from advisor.schema.verify import Verification
from advisor.shipping.checking import refuse_uncheckable
from advisor.shipping.clearance import REPLACED, standing_of
from advisor.shipping.known_tasks import COMBINATIONS, TASKS, without_texts
from advisor.shipping.model_files import ADAPTER, answers_digest, read_object
from advisor.shipping.whole_folder import whole_folder
from advisor.standing import changed_since, refuse_stale
from advisor.tools import Tools
from advisor.tuning import refuse_unanswering
from advisor.workspace import Workspace

GROUP = "advisor.combiners"
RECORD = "combine.json"
CONFIG = "config.json"
"""Of a whole model; an adapter's settings have another name."""
ALONE, TOGETHER = "tuned alone", "combined"
Verdict = Literal["keep", "discard", "inconclusive", "unverified"]


@dataclass(frozen=True)
class CombineWish:
    """What is to be combined, how, and where to."""

    how: How
    out: Path
    weights: tuple[float, ...] = ()
    """Empty: equal ones."""
    density: float | None = None
    rank: int | None = None
    base: Path | None = None
    """Of whole models, where the way needs it."""
    seed: int = 0
    is_verified: bool = True
    may_spend: bool = False
    """Whether asking may cost money: a judge, say."""


class Part(NamedTuple):
    """One of what is combined."""

    model: Path
    """Folder of the adapter or the whole model."""
    space: Workspace | None = None
    """Of the run that tuned it; None for a model's folder."""

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        return self.space.folder.path.name if self.space else self.model.name


def combine_runs(parts: Sequence[Part], wish: CombineWish) -> CombineRecord:
    """One model of several, with what it is worth on the task of every run among them.

    Kept where the verification on each of these tasks says keep. The combination and its record
    `combine.json` lie in `wish.out`, whole or not at all; what was answered to each sample stays in
    `combinations` of its run. Raises InputError for parts that make no
    combination, PlanError for models that do not go together, MissingArtifactError and
    StaleArtifactError for runs that cannot be verified on, ConsentError where asking costs money
    that nobody agreed to spend, StorageError for a folder that holds something, and what combiner
    and verification raise.
    """
    runs = [part.space for part in parts if part.space]
    job = _job(parts, wish)
    combiner = combiner_of(job)
    if wish.is_verified:
        for space in runs:
            _refuse_unprovable(space, may_spend=wish.may_spend)
    goal = wish.out.resolve()
    with whole_folder(goal, "combination") as place:
        made = combiner.combine(
            job.model_copy(update={"output_dir": str(place)}),
            runs[0].tools() if runs else Tools(seed=wish.seed, instruction="", cache_dir=place),
        )
        digest = answers_digest(place)
        proofs = [_proof(space, made, wish) for space in runs if wish.is_verified]
        record = _record(parts, job, _moved(made, place, goal), proofs)
        record = record.model_copy(update={"weights_digest": digest})
        write_text(place / RECORD, _as_text(_without_places(record, parts)), option="--out")
        _note_tasks(place, _names_of(parts))
    for proof in proofs:
        _keep_whole(proof, goal.name)
    return record


def _as_text(value: Value) -> str:
    return json.dumps(document(value), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _names_of(parts: Sequence[Part]) -> dict[str, str]:
    """Folder of each run among the parts -> what it is called in the record."""
    named = {str(part.space.folder.path): part.name for part in parts if part.space}
    if len(set(named.values())) < len(named):
        named = {run: f"{name} ({at})" for at, (run, name) in enumerate(named.items(), 1)}
    return named


def _without_places(record: CombineRecord, parts: Sequence[Part]) -> CombineRecord:
    """The record as it lies beside the model: parts and runs by their names, nothing of a place."""
    made, named = record.combined, _names_of(parts)
    served, name = made.served_by.model_copy(update={"model": "."}), Path(made.output_dir).name
    return record.model_copy(
        update={
            "combined": made.model_copy(update={"output_dir": name, "served_by": served}),
            "models": tuple(part.name for part in parts),
            "verifications": {named[run]: one for run, one in record.verifications.items()},
            "against_parts": {named[run]: one for run, one in record.against_parts.items()},
        }
    )


def _note_tasks(place: Path, named: Mapping[str, str]) -> None:
    """Where the runs lie, in the one file that names places and is left behind when it ships."""
    if named:
        told = read_object(place / BASE_FACTS) | {TASKS: {name: run for run, name in named.items()}}
        write_text(place / BASE_FACTS, json.dumps(told, indent=1) + "\n", option="--out")


def _keep_whole(proof: Proof, name: str) -> None:
    """The whole verification, answers and all, under the run whose samples it speaks of."""
    folder = Path(proof.run) / COMBINATIONS
    taken = (f"{name}{f'-{number}' if number > 1 else ''}.json" for number in count(1))
    file = next(folder / one for one in taken if not (folder / one).exists())
    write_text(file, _as_text(proof.verification), option="--run-dir")


def read_part(path: Path, **world: Any) -> Part:
    """A run folder's tuned model, or a model's own folder; `world` is what a workspace talks to.

    Raises MissingArtifactError for a run that has trained nothing, InputError for a model that
    gives no text, ModelFolderError where there is no model.
    """
    if not (path / SETTINGS_FILE).is_file():
        if not path.is_dir():
            raise ModelFolderError(
                f"There is no folder '{path}'.",
                hint="Name run folders, or folders of adapters or whole models.",
                where=str(path),
            )
        if not any((path / name).is_file() for name in (ADAPTER, CONFIG)):
            raise ModelFolderError(
                f"'{path}' holds no model: neither {ADAPTER} nor {CONFIG} is in it.",
                hint="Name run folders, or folders of adapters or whole models.",
                where=str(path),
            )
        return Part(path.resolve())
    folder = RunFolder(path.resolve())
    space = Workspace(load_settings(folder), folder, **world)
    result = folder.read("train", TrainResult)
    refuse_unanswering(result)
    model = Path(tuned_place(space, result))
    if not model.is_dir():
        raise ModelFolderError(
            f"The trained model is not there: '{result.served_by.model}' is no folder.",
            hint="Put it back, or train again; what a service has tuned stays with the service.",
            where=str(folder.path),
        )
    return Part(model, space)


def combiner_of(job: CombineJob) -> Combiner:
    """The first combiner that takes the job. Raises PlanError with why none does."""
    kinds = {"adapters" if (Path(m) / ADAPTER).is_file() else "models" for m in job.models}
    if len(kinds) > 1:
        raise PlanError(
            "Some parts are adapters and others whole models; only like goes with like.",
            hint="Make the adapters whole first: `advisor merge FOLDER`.",
        )
    why = []
    for name in registry.names(GROUP):
        combiner = registry.combiner(name)
        if kinds <= set(combiner.info.needs):
            refusal = combiner.takes(job)
            if not refusal:
                return combiner
            why.append(refusal)
    raise PlanError(
        why[0] if why else f"Nothing is installed that combines {kinds.pop()}.",
        hint="See `advisor combine --help` for the ways, and the how-to on combining.",
    )


def _job(parts: Sequence[Part], wish: CombineWish) -> CombineJob:
    models = tuple(str(part.model) for part in parts)
    if len(set(models)) < 2 or len(set(models)) < len(models):
        raise InputError(
            f"A combination takes two different models or more, got {', '.join(models)}.",
            hint="Name each run folder or model folder once.",
        )
    return CombineJob(
        models=models,
        weights=wish.weights or (1.0,) * len(models),
        how=wish.how,
        density=wish.density,
        rank=wish.rank,
        base=str(wish.base.resolve()) if wish.base else "",
        seed=wish.seed,
        output_dir=".",
    )


def _refuse_unprovable(space: Workspace, *, may_spend: bool) -> None:
    """Raise where a combination could not be verified on this run's task, or costs money there."""
    folder, way_out = space.folder, "or combine without proof: --no-verify"
    if not folder.has("baseline"):
        raise MissingArtifactError(
            f"{folder.path} has no baselines that a combination could be held against.",
            hint=f"Measure them: `advisor baseline --run-dir {folder.path}`; {way_out}.",
            where=str(folder.path),
        )
    refuse_stale(folder, "baseline")
    for sentence in changed_since(space):
        raise StaleArtifactError(
            f"Nothing can be verified on this run any more. {sentence}",
            hint=f"Measure again: `advisor run --run-dir {folder.path}`; {way_out}.",
            where=str(folder.path),
        )
    if not may_spend:
        _refuse_costly(space, way_out)


def _refuse_costly(space: Workspace, way_out: str) -> None:
    """Raise ConsentError where a judge, or the rest of the best baseline, costs money, or may."""
    try:
        refuse_uncheckable(space, may_spend=False)
    except ConsentError as error:
        raise ConsentError(error.message, hint=f"Add --yes to agree, {way_out}.") from error
    chosen, known = space.settings, space.folder.read("baseline", Baselines)
    is_cut = any(e.builder == known.best and e.ended == "decided" for e in known.evaluations)
    price = make_purse(space, chosen.backend, chosen.model, base_url=chosen.base_url).price
    is_free = price is not None and not (
        price.prompt_usd_per_million + price.completion_usd_per_million
    )
    if is_cut and not is_free:
        raise ConsentError(
            f"The best baseline of {space.folder.path.name} was stopped early, and asking"
            f" {chosen.model} the rest costs money, or may; nobody agreed to that.",
            hint=f"Add --yes to agree, {way_out}.",
        )


class Proof(NamedTuple):
    """What a combination is worth on one run's task."""

    run: str
    verification: Verification
    against: Comparison | None
    sentences: tuple[str, ...]


def _proof(space: Workspace, made: Combined, wish: CombineWish) -> Proof:
    """The verification on a run's locked test samples, and what combining cost there."""
    folder = space.folder
    space.say(f"Verifying on {folder.path.name}.")
    result = folder.read("train", TrainResult).model_copy(
        update={"served_by": made.served_by, "method": TOGETHER}
    )
    found = proved(space, result, may_spend=wish.may_spend)
    against, cost = _cost(space, found)
    worn = test_ledger.warning(test_ledger.uses(space.split_record.test_digest), found.tuned.n)
    sentences = tuple(f"{folder.path.name}: {one}" for one in (cost, worn) if one)
    return Proof(str(folder.path), found, against, sentences)


def _cost(space: Workspace, found: Verification) -> tuple[Comparison | None, str]:
    """The part's own tuned model against the combined one, and what a reader is told of it."""
    folder = space.folder
    if folder.freshness("verify") != "fresh":
        return None, "its own tuned model was never verified, so what combining cost is unknown."
    if standing_of(space).doubt == REPLACED:
        return None, f"{REPLACED} there, so what combining cost is unknown."
    alone = folder.read("verify", Verification).tuned
    together = found.tuned.model_copy(update={"builder": TOGETHER})
    try:
        against = compare(
            alone.model_copy(update={"builder": ALONE}),
            together,
            level=PROOF_LEVEL,
            value_of=value_of(space.metric),
        )
    except StaleArtifactError as error:
        return None, f"what combining cost is unknown: {error.message}"
    low, high = 100 * against.interval.low, 100 * against.interval.high
    return against, (
        f"{100 * found.tuned.value:.1f} % combined against {100 * alone.value:.1f} % tuned alone,"
        f" a difference of {100 * against.difference:+.1f} points ({against.interval.level:.0%}"
        f" interval {low:+.1f} to {high:+.1f})."
    )


def _record(
    parts: Sequence[Part], job: CombineJob, made: Combined, proofs: Sequence[Proof]
) -> CombineRecord:
    unknown = [part.name for part in parts if part.space is None]
    warnings = [one for proof in proofs for one in proof.sentences]
    warnings += [
        f"{part.name}: its training is stale: something that it was made from has changed since."
        for part in parts
        if part.space and part.space.folder.freshness("train") == "stale"
    ]
    if proofs and unknown:
        warnings.append(f"Not verified on what these were tuned for: {', '.join(unknown)}.")
    return CombineRecord(
        combined=made,
        models=job.models,
        weights=job.weights,
        verifications={proof.run: without_texts(proof.verification) for proof in proofs},
        against_parts={proof.run: proof.against for proof in proofs if proof.against},
        verdict=_verdict([proof.verification.verdict for proof in proofs]),
        warnings=tuple(warnings),
    )


def _verdict(found: Sequence[Literal["keep", "discard", "inconclusive"]]) -> Verdict:
    """Keep where every task says so; discard where one does."""
    if not found:
        return "unverified"
    return next((v for v in ("discard", "inconclusive") if v in found), "keep")


def _moved(made: Combined, place: Path, goal: Path) -> Combined:
    """What was made, where it will lie."""
    served = made.served_by
    model = served.model.replace(str(place), str(goal), 1)
    moved = Served(backend=served.backend, model=model, settings=served.settings)
    return made.model_copy(update={"output_dir": str(goal), "served_by": moved})
