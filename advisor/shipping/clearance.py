"""Whether a tuned model may be shipped: verified as it lies there, and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from advisor import registry
from advisor.assembly import tuned_place
from advisor.contracts.contents import model_digest
from advisor.errors import (
    AdvisorError,
    ArtifactError,
    ConsentError,
    MissingArtifactError,
    StaleArtifactError,
)
from advisor.schema.combine import CombineRecord
from advisor.schema.evaluation import Evaluation
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.shipping.model_files import answers_digest
from advisor.workspace import Workspace

COMBINATION = "combine.json"
OVERRIDE = "add --anyway REASON, which is kept in the record and on the model card"
UNVERIFIED = "it was never verified"
STALE = "its verification is stale"
REPLACED = "its weights are not those that were verified"
UNTOLD = "its record does not say which weights were verified"
WEIGHTS = "weights"
"""What the origin of a verification calls the digest of the model's files."""


class Clearance(NamedTuple):
    """How a model stands, as it lies there now."""

    verdict: str = ""
    """Of the verification that holds for it; empty where none does."""
    doubt: str = ""
    """Why nothing says that it should ship, as the end of a sentence; empty where it was kept."""
    weights: str = ""
    """Digest of the files of the model and of its base."""
    trained_as: str = ""
    """Digest of the training's document; empty without a run."""
    verified: Evaluation | None = None
    """What the verification has measured of it; None where none holds."""

    def sentences(self, anyway: str) -> tuple[str, ...]:
        """What a reader of the record should know."""
        return (f"Exported although {self.doubt}: {anyway}",) if self.doubt else ()


def standing_of(space: Workspace) -> Clearance:
    """How a run's tuned model stands. Raises MissingArtifactError without a training."""
    folder = space.folder
    training = folder.read("train", TrainResult)
    place = Path(tuned_place(space, training))
    weights, trained_as = model_digest(place), folder.digest("train")
    found = folder.read("verify", Verification) if folder.has("verify") else None
    doubt = _no_longer(space, training, found, weights)
    if doubt or found is None:
        return Clearance("", doubt, weights, trained_as)
    told = "" if found.verdict == "keep" else f"the verification says {found.verdict}"
    return Clearance(found.verdict, told, weights, trained_as, found.tuned)


def standing_of_folder(model: Path) -> Clearance:
    """How a model's folder stands: a combination by its record, any other without a verdict.

    A verdict holds for the weights, the tokenizer and the settings that it was given for. Raises
    ArtifactError for a record that cannot be read.
    """
    weights = model_digest(model)
    combined = combination_in(model)
    if combined is None:
        return Clearance(weights=weights)
    if combined.verdict == "unverified":
        return Clearance("", UNVERIFIED, weights)
    if not combined.weights_digest:
        return Clearance("", UNTOLD, weights)
    if combined.weights_digest != answers_digest(model):
        return Clearance("", REPLACED, weights)
    told = "" if combined.verdict == "keep" else f"the verification says {combined.verdict}"
    return Clearance(combined.verdict, told, weights)


def combination_in(model: Path) -> CombineRecord | None:
    """What a combination's record says; None for a folder that is none."""
    file = model / COMBINATION
    if not file.is_file():
        return None
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        body = {key: told[key] for key in CombineRecord.model_fields if key in told}
        return CombineRecord.model_validate(body)
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(
            f"{COMBINATION} cannot be read, so whether this combination was kept is unknown.",
            hint="Combine again: `advisor combine`.",
            where=str(file),
        ) from error


def refuse(standing: Clearance, anyway: str, *, place: Path, again: str) -> None:
    """Raise for a model that is not to be shipped, unless the user says so.

    `again` is the command that proves it. ConsentError where a verification says no,
    StaleArtifactError where it was made of another model, MissingArtifactError without any.
    """
    if not standing.doubt or anyway:
        return
    raise _refusal(standing, place=place, hint=f"Run `{again}`; to export it anyway, {OVERRIDE}.")


def refuse_unproved(standing: Clearance, anyway: str, *, place: Path, again: str) -> None:
    """Raise where nothing was evaluated that something could be held against; as `refuse` does."""
    if standing.doubt and standing.verified is None:
        refuse(standing, anyway, place=place, again=again)


def _refusal(standing: Clearance, *, place: Path, hint: str) -> AdvisorError:
    where = str(place)
    if standing.verdict:
        return ConsentError(
            f"The verification says {standing.verdict}: this model is not exported.",
            hint=f"Look at `advisor report`; to export it anyway, {OVERRIDE}.",
            where=where,
        )
    if standing.doubt == UNVERIFIED:
        return MissingArtifactError(
            f"Nothing proves that this model helps: {standing.doubt}.", hint=hint, where=where
        )
    why = {
        STALE: "something that it was made from has changed since",
        REPLACED: "they were changed or replaced afterwards",
        UNTOLD: "an earlier version has made it, or somebody has changed it",
    }[standing.doubt]
    return StaleArtifactError(
        f"Nothing proves that this model helps: {standing.doubt}; {why}.", hint=hint, where=where
    )


def _no_longer(
    space: Workspace, training: TrainResult, found: Verification | None, weights: str
) -> str:
    """Why no verification holds for the model as it is; empty where one does."""
    if found is None:
        return UNVERIFIED
    if space.folder.freshness("verify") != "fresh":
        return STALE
    known = space.folder.origin("verify").inputs.get(WEIGHTS)
    if not weights:
        return ""  # there is nothing to ship, which is told where it is opened
    if known is not None:
        return "" if known == weights else REPLACED
    # Verifications of earlier versions tell the digest of the session alone, so one is opened.
    then = found.tuned.manifest.model_digest
    is_other = then and _digest_of_session(space, training) != then
    return REPLACED if is_other else ""


def _digest_of_session(space: Workspace, training: TrainResult) -> str:
    served = training.served_by
    backend = registry.backend(served.backend)
    with backend.open(tuned_place(space, training), dict(served.settings)) as session:
        return session.model_digest
