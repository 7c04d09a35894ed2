"""What a model's folder was tuned for: the runs that it comes from, where they are still there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from advisor.artifacts import RunFolder
from advisor.assembly import tuned_place
from advisor.contracts import Progress
from advisor.contracts.base_facts import BASE_FACTS
from advisor.errors import AdvisorError, MissingArtifactError, StaleArtifactError
from advisor.kept_settings import load_settings
from advisor.schema.evaluation import Evaluation
from advisor.schema.run import SETTINGS_FILE
from advisor.schema.train import Served, TrainResult
from advisor.schema.verify import Verification
from advisor.shipping.clearance import combination_in, standing_of
from advisor.shipping.model_files import read_object
from advisor.standing import changed_since
from advisor.workspace import Workspace

TASKS = "tasks"
"""Key of `base.json` beside a combination: name of each run in its record -> its folder."""
COMBINATIONS = "combinations"
"""Folder of a run for whole verifications of what it became a part of."""
FARTHEST = 4
"""Folders above a run's model in which the run is looked for: RUN/training/JOB/final."""


class Task(NamedTuple):
    """One of the tasks that a model was tuned for."""

    name: str
    space: Workspace
    """Of its run: samples, instruction, metric and settings."""
    verified: Evaluation | None = None
    """What was measured of the model on it; None where nothing is known."""
    served: Served | None = None
    """How the run opens it; None for a model that is not the run's own."""


class Known(NamedTuple):
    """What is known of a folder's tasks."""

    tasks: tuple[Task, ...] = ()
    gone: dict[str, str] = {}  # noqa: RUF012 - a named tuple's default, never changed
    """Name of a task whose samples cannot be asked -> why, as the end of a sentence."""
    remarks: tuple[str, ...] = ()

    @property
    def instruction(self) -> str:
        """The system turn that all of the tasks have; empty where they have several, or none."""
        told = {task.space.instruction for task in self.tasks}
        return told.pop() if len(told) == 1 and not self.gone else ""


def known_tasks(model: Path, progress: Progress) -> Known:
    """The tasks of a combination by its record; of an adapter in a run's folder that run's.

    Raises ArtifactError for a record that cannot be read.
    """
    combined = combination_in(model)
    if combined is None:
        return _of_its_run(model, progress)
    places = read_object(model / BASE_FACTS).get(TASKS)
    places = places if isinstance(places, dict) else {}
    tasks, gone = [], {}
    for name in dict.fromkeys((*combined.verifications, *map(str, places))):
        try:
            space = _opened(Path(str(places.get(name) or "")), progress)
        except AdvisorError as error:
            gone[name] = error.message
            continue
        told = combined.verifications.get(name)
        tasks.append(Task(name, space, _measured(space, told) if told else None))
    return Known(tuple(tasks), gone)


def _opened(place: Path, progress: Progress) -> Workspace:
    """A run's workspace. Raises AdvisorError where its samples are no longer what was measured."""
    if not (place / SETTINGS_FILE).is_file():
        raise MissingArtifactError("its run folder is not where it was")
    folder = RunFolder(place)
    space = Workspace(load_settings(folder), folder, progress=progress)
    for sentence in changed_since(space):
        raise StaleArtifactError(sentence)
    folder.read("train", TrainResult)
    return space


def _measured(space: Workspace, told: Verification) -> Evaluation | None:
    """The whole evaluation, answers and all, that a combination's record tells the figures of.

    Its digest is left out: the record has been laid beside the model since.
    """
    for file in sorted((space.folder.path / COMBINATIONS).glob("*.json")):
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            body = {key: kept[key] for key in Verification.model_fields if key in kept}
            whole = Verification.model_validate(body)
        except (OSError, ValueError, TypeError):
            continue
        if without_texts(whole) == told:
            manifest = whole.tuned.manifest.model_copy(update={"model_digest": ""})
            return whole.tuned.model_copy(update={"manifest": manifest})
    return None


def without_texts(found: Verification) -> Verification:
    """A verification without what was answered to each sample, which stays with its run."""
    tuned = found.tuned.model_copy(update={"scores": (), "tried": ()})
    return found.model_copy(update={"tuned": tuned})


def _of_its_run(model: Path, progress: Progress) -> Known:
    """The run whose tuned model a folder is; nothing where it lies in none."""
    for place in model.parents[:FARTHEST]:
        if not (place / SETTINGS_FILE).is_file():
            continue
        try:
            space = _opened(place, progress)
            training = space.folder.read("train", TrainResult)
            if Path(tuned_place(space, training)).resolve() != model.resolve():
                return Known()
            standing = standing_of(space)
        except AdvisorError as error:
            return Known(gone={place.name: error.message})
        told = f"It is the model of the run {place.name}: {standing.doubt}."
        remarks = (told,) if standing.doubt else ()
        served = training.served_by.model_copy(update={"model": str(model)})
        return Known((Task(place.name, space, standing.verified, served),), {}, remarks)
    return Known()
