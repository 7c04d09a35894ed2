"""What lies in a run folder beside the stages' documents, for the report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from advisor.artifacts import ENVELOPE, STAGES, RunFolder, Stage
from advisor.catalog.load import Node, catalog_root, read
from advisor.data_check.kept import MOST_ROWS, is_quick, keep_check, kept_check
from advisor.errors import AdvisorError
from advisor.evaluation.votes import FILE as VOTES
from advisor.reviewing import count_votes, open_sitting, review_of
from advisor.schema.baseline import Baselines
from advisor.schema.combine import CombineRecord
from advisor.schema.dataset import Dataset
from advisor.schema.export import ExportRecord
from advisor.schema.profile import Profile
from advisor.schema.report import DataSummary
from advisor.schema.review import Review
from advisor.schema.rule import Source
from advisor.schema.verify import Verification
from advisor.stages.report import Beside
from advisor.standing import changed_since, samples
from advisor.workspace import Workspace

V = TypeVar("V", bound=BaseModel)
EXPORT_FILES = ("exports/*/export.json",)
COMBINE_FILES = ("combine.json", "*/combine.json", "*/*/combine.json")


def beside(space: Workspace) -> Beside:
    """What lies beside the stages' documents: data check, exports, combinations, price, days."""
    folder = space.folder
    return Beside(
        data=data_summary(space),
        exports=tuple(_records(folder.path, EXPORT_FILES, ExportRecord)),
        combinations=tuple(_records(folder.path, COMBINE_FILES, CombineRecord)),
        review=reviewed(space),
        usd_per_hour=space.settings.usd_per_hour,
        dates={stage: _written_on(folder, stage) for stage in STAGES if folder.has(stage)},
    )


def reviewed(space: Workspace) -> Review | None:
    """What people said of the answers, or how far they are; None where nobody was asked.

    Votes whose pairs cannot be made again are counted, with the reason.
    """
    folder = space.folder
    if not (folder.path / VOTES).is_file():
        return None
    if not (folder.has("baseline") and folder.has("verify")):
        return _unpaired(space, "The answers that were judged are no longer in the run folder.")
    known = (folder.read("baseline", Baselines), folder.read("verify", Verification))
    try:
        sitting = open_sitting(folder.path, *known, samples(space), seed=space.settings.seed)
    except AdvisorError as error:
        return _unpaired(space, error.message)
    return review_of(sitting)


def _unpaired(space: Workspace, why: str) -> Review:
    """Votes of which nobody knows any more what they are on."""
    try:
        count = count_votes(space.folder.path / VOTES)
        told = f"{count:,} votes lie in {VOTES}, and it is unknown on what they are. {why}"
    except AdvisorError as error:
        told = error.message
    return Review(baseline="", seed=space.settings.seed, planned=0, warnings=(told,))


def _written_on(folder: RunFolder, stage: Stage) -> str:
    return str(folder.raw(stage).get("as_of", ""))


def _records(folder: Path, patterns: Sequence[str], kind: type[V]) -> Iterator[V]:
    """The records that exports and combinations left; what cannot be read is left out."""
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            yield kind.model_validate({k: v for k, v in content.items() if k not in ENVELOPE})
        except (OSError, ValueError, AttributeError):
            continue


def check_data(space: Workspace) -> None:
    """Check the rows of larger data and keep the figures, while measuring takes its time anyway.

    Small data is checked when it is reported on; data of more than `MOST_ROWS` never unasked.
    """
    found = space.dataset
    if found is not None and not is_quick(found) and found.rows <= MOST_ROWS:
        _checked(space, found)


def _checked(space: Workspace, found: Dataset) -> DataSummary | None:
    chosen = space.settings
    return keep_check(found, space.folder.path, mapping=chosen.mapping, seed=chosen.seed)


def data_summary(space: Workspace) -> DataSummary | None:
    """The data in figures: what the run measured of it, and the check of its rows.

    Larger data was checked when the baselines were measured, small data is checked now; without a
    check the summary says how it is done. None for a run without data.
    """
    if not space.settings.data:
        return None
    folder, name = space.folder, Path(space.settings.data).name
    digest = folder.origin("profile").inputs.get("data", "") if folder.has("profile") else ""
    kept = kept_check(folder.path, digest) if digest else None
    if kept is None and digest and not changed_since(space) and space.dataset is not None:
        if is_quick(space.dataset):
            kept = _checked(space, space.dataset)
        else:
            told = f"`advisor data check {shlex.quote(space.settings.data)}` checks them"
            kept = DataSummary(
                name=name,
                digest=digest,
                format=space.dataset.format,
                rows=space.dataset.rows,
                usable_rows=len(space.dataset.samples),
                unchecked=f"{space.dataset.rows:,} rows are too many for a report; {told}.",
            )
    if kept is None:
        kept = DataSummary(
            name=name, digest=digest, unchecked="The data is no longer what was measured on."
        )
    return kept.model_copy(update=_of_stages(folder))


def _of_stages(folder: RunFolder) -> dict[str, object]:
    """What the run's own documents say of the samples, which goes before any reckoning."""
    told: dict[str, object] = {}
    if folder.has("profile"):
        facts = folder.read("profile", Profile).data
        parts = {"train": facts.train_samples, "dev": facts.dev_samples, "test": facts.test_samples}
        told["splits"] = {part: count for part, count in parts.items() if count is not None}
        told["duplicate_share"] = facts.duplicate_share
    if folder.has("baseline"):
        found = folder.read("baseline", Baselines)
        told["leaked_samples"] = found.leaked_samples
        told["near_leaked_samples"] = found.near_leaked_samples
        if found.split is not None:
            told["split_by"] = found.split.by
    return told


def all_sources(space: Workspace) -> tuple[Source, ...]:
    """What rules, prices and figures of the catalog rest on."""
    table = read(catalog_root() / "sources.yaml").nodes("sources")
    of_catalog = (_source(entry) for entry in table)
    return (*space.rulebook.sources, *of_catalog)


def _source(entry: Node) -> Source:
    url = entry.text("url")
    return Source(
        id=entry.text("id"),
        title=entry.text("title"),
        url=url,
        kind="vendor_page" if url else "measurement",
        published=entry.text("published"),
        accessed=entry.text("accessed"),
    )
