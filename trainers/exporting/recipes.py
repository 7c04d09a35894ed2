"""A training written down for other engines: settings, rows and the line that starts them."""

from __future__ import annotations

from pathlib import Path

from advisor.contracts import PluginInfo, Tools
from advisor.errors import PlanError
from advisor.schema.export import Exported, ExportJob, Snippet
from advisor.schema.train import TrainJob
from trainers.engines.axolotl import AXOLOTL
from trainers.engines.llamafactory import LLAMAFACTORY
from trainers.engines.outside.engine import (
    NOTES_FILE,
    Program,
    is_here,
    recipe_of,
    started_by,
    write_recipe,
)
from trainers.engines.recipes import Recipe
from trainers.engines.recipes.trl import CONFIG_FILE, NAME, trl_command, trl_config
from trainers.exporting.options import refuse_unknown
from trainers.origin import hub_id

BASE_BY = {
    "axolotl": '--base-model "$BASE"',
    "llamafactory": 'model_name_or_path="$BASE"',
    "trl": '--model_name_or_path "$BASE"',
}
"""Program -> what names its base on the command line, over what the settings say."""
ASKS_BASE = "Set BASE to the folder of the base model: it is none of the hub, so no file names it."
TRL = Program(
    id="trl",
    name=NAME,
    command=trl_command,
    package="trl",
    install="pip install 'finetune-advisor[train]'",
    config_file=CONFIG_FILE,
    recipe=trl_config,
    on_path="trl",
)


class AxolotlExporter:
    """`axolotl.yaml` with the rows beside it."""

    info = PluginInfo(
        id="axolotl", label="the training as Axolotl's YAML and rows", needs=("training",)
    )

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """Files for Axolotl's program; raises PlanError, DatasetError and StorageError."""
        return _written(job, tools, self.info, AXOLOTL)


class LlamaFactoryExporter:
    """`llamafactory.yaml`, `dataset_info.json` and the rows."""

    info = PluginInfo(
        id="llamafactory",
        label="the training as LLaMA-Factory's YAML and rows",
        needs=("training",),
    )

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """Files for LLaMA-Factory's program; raises PlanError, DatasetError and StorageError."""
        return _written(job, tools, self.info, LLAMAFACTORY)


class TrlExporter:
    """`trl.yaml` with the rows in `data`."""

    info = PluginInfo(
        id="trl", label="the training as YAML and rows for TRL's command", needs=("training",)
    )

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """Files for TRL's command line; raises PlanError, DatasetError and StorageError."""
        return _written(job, tools, self.info, TRL)


def _written(job: ExportJob, tools: Tools, info: PluginInfo, program: Program) -> Exported:
    _ = tools  # writing down asks nothing of the world
    refuse_unknown(job, info)
    training = _training(job, info)
    recipe, own = _without_place(recipe_of(training, program), training.plan.model)
    start = started_by(program, training) + (f" {BASE_BY[program.id]}" if own else "")
    told = f"Start it in this folder: {start}"
    folder = Path(job.output_dir)
    write_recipe(recipe._replace(notes=(told, *own, *recipe.notes)), program.config_file, folder)
    where = "it is installed here" if is_here(program) else f"install it: {program.install}"
    return Exported(
        exporter=info.id,
        output_dir=str(folder),
        files=(*sorted((*recipe.files, program.config_file, NOTES_FILE)),),
        snippets=(
            Snippet(
                title=f"Train by {program.name}, in the exported folder",
                text=f"{start}\n",
                was_run=None if not is_here(program) else False,
                note=f"{program.name}: {where}.",
            ),
        ),
        notes=(*own, *recipe.notes),
        unchecked=(f"{program.name} was not started on these files.",),
    )


def _without_place(recipe: Recipe, model: str) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe with its base by the id on the hub, else as BASE; and what is to be said of it."""
    named = hub_id(model)
    places = (model, str(Path(model).resolve()))
    values = {
        key: (named or "BASE") if value in places else value for key, value in recipe.values.items()
    }
    return recipe._replace(values=values), () if named else (ASKS_BASE,)


def _training(job: ExportJob, info: PluginInfo) -> TrainJob:
    if job.train_job is None:
        raise PlanError(
            f"There is no training to write down for {info.id}.",
            hint="Export from a run folder: advisor export --run-dir DIR --to " + info.id,
            where=f"exporter {info.id}",
        )
    return job.train_job
