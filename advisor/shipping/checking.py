"""How an export is asked: on the run's test part, or on the packaged questions without a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from advisor import registry
from advisor.assembly import tuned_place
from advisor.contracts import Judging, Progress
from advisor.errors import (
    BackendError,
    ConsentError,
    DatasetError,
    InputError,
    MissingExtraError,
    MissingProgramError,
    StaleArtifactError,
)
from advisor.evaluation.bench import Bench, EvaluationSettings
from advisor.evaluation.purse import Purse
from advisor.evaluation.session import LazySession
from advisor.general import packaged_probe
from advisor.measuring import deciding_options, make_bench, make_purse, purse_for
from advisor.resources import embedded_model_root
from advisor.rulebook.handover import SHOTS_KEY
from advisor.schema.evaluation import Evaluation, Sample
from advisor.schema.export import Agreement, Exported
from advisor.schema.run import EMBEDDED_MODEL
from advisor.schema.train import Served, TrainResult, looked_at
from advisor.schema.verify import Verification
from advisor.shipping.certifying import (
    ASKED,
    EXACT,
    PLAIN,
    ROUNDED,
    Tolerance,
    Witness,
    agreed,
    few,
    unchecked,
)
from advisor.shipping.discrepancies import FULL
from advisor.shipping.model_files import stack_of
from advisor.standing import changed_since
from advisor.tools import Silence, Tools
from advisor.training_set import fitted
from advisor.tuning import refuse_unanswering
from advisor.workspace import Workspace

SERVER = "openai"
"""The backend that asks a server which speaks OpenAI's protocol."""
ATTEMPTS = "3"
"""Of each question: a server that was started for this is there or is not."""
LOCAL_BACKEND = "transformers"
DTYPE = "backend.dtype"
CHECK_LATER = "Not checked yet: the same command goes on with the check."
"""Stands in a record until its export was checked."""


@dataclass(frozen=True)
class ExportWish:
    """What is asked of an export, and of the check that follows it."""

    to: str
    out: Path | None = None
    """None: a folder of the run."""
    options: dict[str, str] = field(default_factory=dict)
    check: int | None = None
    """Questions at most; 0 checks nothing, None asks the usual number."""
    check_at: str = ""
    """Address of a running server that is asked instead of the files."""
    served_as: str = ""
    """What the model is called there."""
    anyway: str = ""
    """Why a model is exported that was not kept."""
    name: str = ""
    """What it is served as; empty: the run's name."""
    instruction: str = ""
    """System turn that a folder's model was tuned with; empty: that of the run it comes from."""
    check_folder: Path | None = None
    """A folder that lies there already, to be held against the run's model; nothing is written."""

    @property
    def is_checked(self) -> bool:
        """Whether anything is asked."""
        return self.check != 0


class Evaluated(NamedTuple):
    """What an export is held against."""

    served: Served
    """How it is opened, where it lies now."""
    words: str
    """Backend and place."""
    verified: Evaluation | None = None
    """What a verification measured of it, where one holds."""


def certified(
    space: Workspace,
    found: Exported,
    wish: ExportWish,
    *,
    may_spend: bool,
    verified: Evaluation | None,
) -> tuple[Agreement, tuple[str, ...]]:
    """Whether an export of a run's model is what was evaluated, and why it was not asked, if so.

    `verified` is what the run's verification measured, where it holds. Raises what `certified_on`
    raises.
    """
    training = space.folder.read("train", TrainResult)
    served = training.served_by.model_copy(update={"model": tuned_place(space, training)})
    words = f"{served.backend}: {training.method} tuned, {Path(served.model).name}"
    before = Evaluated(served, words, verified)
    return certified_on(space, before, found, wish, may_spend=may_spend)


def certified_on(
    space: Workspace, before: Evaluated, found: Exported, wish: ExportWish, *, may_spend: bool
) -> tuple[Agreement, tuple[str, ...]]:
    """Whether an export is a model that was evaluated on a run's test part; and why unasked, if so.

    Raises StaleArtifactError where the model or the test part is no longer what was measured,
    ConsentError where asking costs money that nobody agreed to spend, BackendError at once for a
    server that does not answer, and what asking raises.
    """
    served = _served(found, wish)
    if served is not None and wish.check_at:
        with _named(wish.check_at):
            _greet(space, served, may_spend=may_spend)
    bench = _bench(space, before.served)
    precision = str(bench.settings.decides.get(DTYPE, ""))
    tolerance = tolerance_of(found, precision, by=before.served.backend)
    if wish.check_at:
        tolerance = ROUNDED
    if served is None:
        return unchecked(before.words, found.exporter, tolerance), _why(found)
    refuse_uncheckable(space, may_spend=may_spend)
    # A server's weights may change behind its name, and a file in its middle: nothing kept counts.
    asked = replace(
        _bench(space, served), cache=None, purse=_purse(space, served, may_spend=may_spend)
    )
    claims = found.precision or ("" if found.is_lossy else precision)
    place = Path(before.served.model)
    try:
        with _named(wish.check_at):
            agreement = agreed(
                Witness(before.words, bench, place, verified=before.verified),
                Witness(_words(found, served), asked, Path(found.output_dir), claims),
                fitted(space, "few_shot" if _was_behind_shots(space) else "zero_shot"),
                asked_samples(space, wish.check or ASKED),
                tolerance=tolerance,
            )
    except (MissingExtraError, MissingProgramError) as error:
        return unchecked(before.words, found.exporter, tolerance), (_missing(error),)
    return agreement, (*few(agreement), *(() if wish.check_at else found.unchecked))


def _greet(space: Workspace, served: Served, *, may_spend: bool) -> None:
    """Ask the server one word: one that is not there is told before anything else is opened."""
    _purse(space, served, may_spend=may_spend)
    once = served.model_copy(update={"settings": {**served.settings, "attempts": "1"}})
    with _session(once) as session:
        session.generate([PLAIN], max_new_tokens=1)


@contextmanager
def _named(address: str) -> Iterator[None]:
    """What a server's refusal advises, by the option that names the server here."""
    try:
        yield
    except BackendError as error:
        if address and error.where == host_of(address):
            error.hint = error.hint.replace("--base-url", "--check-at")
        raise


def refuse_uncheckable(space: Workspace, *, may_spend: bool) -> None:
    """Raise where an export of the run cannot be asked what its model was evaluated on.

    InputError for a model that gives no text, StaleArtifactError for data that has changed,
    ConsentError for a judge who costs money that nobody agreed to spend.
    """
    refuse_unanswering(space.folder.read("train", TrainResult))
    _refuse_changed(space)
    _judge_agreed(space, may_spend=may_spend)


def certified_without_run(
    reference: Path,
    found: Exported,
    *,
    instruction: str = "",
    max_new_tokens: int = 64,
    most: int = ASKED,
    progress: Progress | None = None,
) -> tuple[Agreement, tuple[str, ...]]:
    """Whether an export is the model in a folder, asked packaged questions; and why it was not.

    No score is told: a model tuned for something else answers none of them as they want it, so that
    two scores of 0 would say nothing. Raises what opening and asking the reference raises.
    """
    decides = deciding_options(LOCAL_BACKEND, {})
    precision = str(decides.get(DTYPE, ""))
    tolerance = tolerance_of(found, precision)._replace(most_worse=None)
    words = f"{LOCAL_BACKEND}: {reference.name}"
    if found.served_by is None:
        return unchecked(words, found.exporter, tolerance), _why(found)
    is_own = _is_same(stack_of(reference), embedded_model_root())
    probe = packaged_probe(EMBEDDED_MODEL if is_own else "").probe
    samples = looked_at([sample for sample in probe if sample.input], 0, most)
    builder = registry.prompt_builder("zero_shot")
    builder.fit((), (), (), Tools(seed=0, instruction=instruction, cache_dir=Path()))
    settings = EvaluationSettings(
        dataset_digest="packaged questions",
        backend=LOCAL_BACKEND,
        model=reference.name,
        max_new_tokens=max_new_tokens,
        decides=decides,
    )
    here = Served(backend=LOCAL_BACKEND, model=str(reference))
    metric, shown = registry.metric("normalised_match"), progress or Silence()
    claims = found.precision or ("" if found.is_lossy else precision)
    try:
        agreement = agreed(
            Witness(words, Bench(_session(here), metric, settings, shown), reference),
            Witness(
                _words(found, found.served_by),
                Bench(_session(found.served_by), metric, settings, shown),
                Path(found.output_dir),
                claims,
            ),
            builder,
            samples,
            tolerance=tolerance,
        )
    except (MissingExtraError, MissingProgramError) as error:
        return unchecked(words, found.exporter, tolerance), (_missing(error),)
    return agreement, (*few(agreement), *found.unchecked)


def tolerance_of(found: Exported, evaluated_in: str, *, by: str = LOCAL_BACKEND) -> Tolerance:
    """The one for forms that round, or the one for those that do not (docs/adr/0021).

    Rounded are: what another engine opens than the evaluation's (`by`), which takes sums in another
    order and precision; packed weights; and fewer bits than in the evaluation, whatever the base is
    in. What was trained beside a base and is shipped so is opened on it as it was evaluated, unless
    its exporter says that it rounds.
    """
    served = found.served_by
    if found.is_lossy or (served is not None and served.backend != by):
        return ROUNDED
    is_beside = served is not None and len(stack_of(Path(served.model))) > 1
    is_lower = FULL.get(found.precision, 0) < FULL.get(evaluated_in, 0)
    return ROUNDED if found.precision in FULL and is_lower and not is_beside else EXACT


def asked_samples(space: Workspace, most: int) -> tuple[Sample, ...]:
    """At most so many samples of the test part, drawn by the run's seed, in their order.

    Where the run was verified, of those that its verification asked, whose answers are kept. Raises
    DatasetError where none is left.
    """
    tests = [sample for sample in space.samples if sample.split == "test"]
    if space.folder.has("verify"):
        scores = space.folder.read("verify", Verification).tuned.scores
        asked = {score.sample_id for score in scores}
        tests = [sample for sample in tests if sample.id in asked] or tests
    if not tests:
        raise DatasetError(
            "There is no test sample to check the export on.",
            hint="Add --no-check to export without a check.",
        )
    return looked_at(tests, space.settings.seed, most)


def _served(found: Exported, wish: ExportWish) -> Served | None:
    """How the export is asked: at a server, or opened here; None where nothing can.

    Raises InputError for what is no address.
    """
    if not wish.check_at:
        return found.served_by
    host_of(wish.check_at)
    settings = {"base_url": wish.check_at, "attempts": ATTEMPTS}
    return Served(backend=SERVER, model=wish.served_as, settings=settings)


def _session(served: Served) -> LazySession:
    backend = registry.backend(served.backend)
    return LazySession(lambda: backend.open(served.model, dict(served.settings)))


def _bench(space: Workspace, served: Served) -> Bench:
    """Where the run's verification asked, with another model."""
    model = Path(served.model).name
    return make_bench(space, _session(served), backend=served.backend, model=model, is_whole=True)


def _purse(space: Workspace, served: Served, *, may_spend: bool) -> Purse:
    """What asking the export costs; raises ConsentError where that is money, or may be."""
    chosen, url = space.settings, served.settings.get("base_url")
    prices = Path(chosen.prices) if chosen.prices else None
    purse = purse_for(served.backend, served.model, base_url=url, prices=prices, pot=space.pot)
    if not may_spend and _costs(purse):
        raise ConsentError(
            f"Asking '{served.model}' at {host_of(url or '')} costs money, or may; nobody agreed"
            " to that.",
            hint="Add --yes to agree, or check a server on this machine.",
            where="--check-at",
        )
    return purse


def _judge_agreed(space: Workspace, *, may_spend: bool) -> None:
    """Raise ConsentError where the run's metric asks a judge that costs money, or may."""
    chosen = space.settings
    if may_spend or not isinstance(space.metric, Judging) or chosen.judge_model is None:
        return
    url = chosen.judge_base_url
    if _costs(make_purse(space, chosen.judge_backend, chosen.judge_model, base_url=url)):
        raise ConsentError(
            f"The metric {space.metric_name} asks {chosen.judge_model}, which costs money, or may;"
            " nobody agreed to that.",
            hint="Add --yes to agree, or --no-check to export without a check.",
        )


def _costs(purse: Purse) -> bool:
    price = purse.price
    return price is None or bool(price.prompt_usd_per_million + price.completion_usd_per_million)


def _refuse_changed(space: Workspace) -> None:
    for sentence in changed_since(space):
        raise StaleArtifactError(
            f"The export cannot be checked on what the model was evaluated on. {sentence}",
            hint=f"Run `advisor run --run-dir {space.folder.path}` again, or add --no-check.",
            where=str(space.folder.path),
        )


def _was_behind_shots(space: Workspace) -> bool:
    return SHOTS_KEY in space.folder.origin("train").inputs


def _words(found: Exported, served: Served) -> str:
    """Backend and place, without a path of this machine."""
    url = served.settings.get("base_url")
    place = f"{served.model} at {host_of(url)}" if url else Path(served.model).name
    return f"{served.backend}: {found.exporter}, {place}"


def host_of(url: str) -> str:
    """Host and port of an address, without user and password. Raises InputError for none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        host = host if parts.scheme in ("http", "https") else None
    except ValueError:
        host, port = None, None
    if not host:
        raise InputError(
            f"'{url.rpartition('@')[2]}' is no address of a server.",
            hint="Write it whole, for example http://localhost:8000/v1.",
            where="--check-at",
        )
    return f"{host}:{port}" if port else host


def _is_same(places: tuple[Path, ...], other: Path) -> bool:
    return any(place.resolve() == other.resolve() for place in places)


def _why(found: Exported) -> tuple[str, ...]:
    return found.unchecked or ("Nothing on this machine can open it, so it was not checked.",)


def _missing(error: MissingExtraError | MissingProgramError) -> str:
    return f"Not checked: {error.message} {error.hint}".strip()
