"""SkyPilot: a task for the cheapest machine of the estimate, in whatever cloud it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from advisor.contracts import PluginInfo
from advisor.errors import PlanError
from advisor.schema.catalog import Offer
from advisor.schema.launch import Launched, LaunchTask
from trainers.launch.scripts import line, meeting, written

FILE = "skypilot.yaml"
IDLE_MINUTES = 60
"""After the job's end the machine waits so long for the run folder to be brought back."""
DISK_GB = 256
WAITS = f"The machine is given back {IDLE_MINUTES} minutes after the job's end; fetch before that."
SPOT = (
    "A spot machine may be taken back at any time: bring the run folder back now and then; the same"
    " command goes on from what came back."
)
CLOUDS = ("aws", "azure", "gcp", "lambda", "nebius", "oci", "paperspace", "runpod", "vast")
"""Providers of the catalog that SkyPilot rents from under the same name."""
ACCELERATORS = {
    "a10": "A10", "a100-40gb": "A100", "a100-40gb-pcie": "A100", "a100-80gb": "A100-80GB",
    "a100-80gb-pcie": "A100-80GB", "a10g": "A10G", "a40": "A40", "b200": "B200", "b300": "B300",
    "gb200": "GB200", "gh200-96gb": "GH200", "h100": "H100", "h100-nvl": "H100NVL",
    "h100-pcie": "H100", "h200": "H200", "h200-nvl": "H200", "l4": "L4", "l40": "L40",
    "l40s": "L40S", "mi300x": "MI300X", "rtx-3090": "RTX3090", "rtx-4090": "RTX4090",
    "rtx-5090": "RTX5090", "rtx-6000-ada": "RTX6000-Ada", "rtx-a4000": "RTXA4000",
    "rtx-a5000": "RTXA5000", "rtx-a6000": "RTXA6000", "rtx-pro-6000": "RTXPRO6000", "t4": "T4",
    "t4g": "T4g", "v100-16gb": "V100", "v100-16gb-pcie": "V100", "v100-32gb": "V100-32GB",
}  # fmt: skip
"""The catalog's ids as SkyPilot spells them; it ignores case."""


class SkyPilotLauncher:
    """The files lie at the same place on the rented machine; rsync brings the run folder back."""

    info = PluginInfo(
        id="skypilot", label="the cheapest rented machine, by SkyPilot", spends_money=True
    )

    def write(self, task: LaunchTask, folder: Path) -> Launched:
        """The task file, and the `sky launch` that starts it.

        Raises PlanError for a GPU that SkyPilot has no name for.
        """
        file = written(folder, FILE, yaml.safe_dump(_task(task), sort_keys=False, width=1000))
        launch = ["sky", "launch", "--cluster", task.name, "--down", "--detach-run"]
        launch += [f"--idle-minutes-to-autostop={IDLE_MINUTES}"]
        launch += [word for name in task.variables for word in ("--secret", name)]
        back = ("rsync", "-a", "-s", f"{task.name}:{task.run_dir}/", f"{task.run_dir}/")
        return Launched(
            launcher=self.info.id,
            files=(file,),
            tool="sky",
            submit=((*launch, "--yes", file),),
            fetch=(back, ("sky", "down", "--yes", task.name)),
            notes=(WAITS, *_notes(task.offer)),
        )


def _task(task: LaunchTask) -> dict[str, Any]:
    made: dict[str, Any] = {"name": task.name, "num_nodes": task.nodes}
    made["resources"] = _resources(task)
    if task.variables:
        made["secrets"] = dict.fromkeys(task.variables)
    made["file_mounts"] = {path: path for path in task.send}
    made["setup"] = "\n".join(["set -e", *task.setup]) + "\n"
    host = '"$(echo "$SKYPILOT_NODE_IPS" | head -n 1)"'
    run = [*meeting(task, host, '"$SKYPILOT_NODE_RANK"'), line(task)]
    made["run"] = "\n".join(run) + "\n"
    return made


def _resources(task: LaunchTask) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    offer = task.offer
    if offer is not None and offer.provider in CLOUDS:
        region = offer.region if offer.provider in ("aws", "azure", "gcp", "oci") else ""
        resources["infra"] = f"{offer.provider}/{region}" if region else offer.provider
    if task.gpu != "cpu":
        resources["accelerators"] = f"{_accelerator(task.gpu)}:{task.gpus_per_node}"
    resources["use_spot"] = offer is not None and offer.kind == "spot"
    resources["disk_size"] = DISK_GB
    if task.image:
        resources["image_id"] = f"docker:{task.image}"
    return resources


def _accelerator(gpu: str) -> str:
    if gpu not in ACCELERATORS:
        raise PlanError(
            f"SkyPilot has no name for the GPU {gpu}.",
            hint=f"Plan for one of {', '.join(sorted(ACCELERATORS))}.",
        )
    return ACCELERATORS[gpu]


def _notes(offer: Offer | None) -> tuple[str, ...]:
    if offer is None:
        return ("The estimate knows no price for this GPU; SkyPilot takes its own cheapest.",)
    if offer.provider not in CLOUDS:
        return (f"SkyPilot does not rent from {offer.provider}; it takes its own cheapest.",)
    if offer.kind == "spot":
        return (SPOT,)
    return ()
