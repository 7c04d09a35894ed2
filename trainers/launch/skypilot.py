"""SkyPilot: a task for the cheapest machine of the estimate, in whatever cloud it stands."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from advisor.contracts import PluginInfo
from advisor.errors import PlanError
from advisor.schema.catalog import Offer
from advisor.schema.launch import Launched, LaunchTask
from trainers.launch.scripts import limit_hours, line, meeting, written

FILE = "skypilot.yaml"
IDLE_MINUTES = 60
"""After the job's end the machine waits so long for the run folder to be brought back."""
GOING = 101
"""Exit code of `sky logs --status` while the job is queued or running."""
DISK_GB = 256
BACK = (
    "With --submit, advisor waits for the job's end, brings the run folder back and then gives the"
    " machine back."
)
STOPS = (
    f"Should nobody fetch within {IDLE_MINUTES} minutes after the end, the machine is stopped and"
    " its disk kept: `sky start {name}`, then fetch."
)
DOWNS = (
    f"Should nobody fetch within {IDLE_MINUTES} minutes after the end, the machine is given back"
    " with what is on it, since {why} cannot be stopped: let advisor wait, or fetch in time."
)
SPOT = (
    "A spot machine may be taken back at any time: bring the run folder back now and then; the same"
    " command goes on from what came back."
)
KINDS = ("on_demand", "spot")
"""Kinds of offers that SkyPilot rents, the firmer first."""
STOPPING = ("aws", "azure", "gcp")
"""Clouds whose machines keep their disk while they are stopped; spot machines are not stopped."""
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

        Raises PlanError for a GPU that SkyPilot has no name for, and where the data may not leave
        the user's machines.
        """
        _refuse_at_home(task)
        chosen = _chosen(task)
        price = float(_usd_per_hour(chosen, task)) if chosen else None
        if price is not None and not task.is_own_price:
            task = task.model_copy(update={"usd_per_hour": price})
        made = yaml.safe_dump(_task(task, chosen), sort_keys=False, width=1000)
        file = written(folder, FILE, made)
        launch = ["sky", "launch", "--cluster", task.name]
        launch += [f"--idle-minutes-to-autostop={IDLE_MINUTES}"]
        launch += [] if _keeps(chosen) else ["--down"]
        launch += [word for name in task.variables for word in ("--secret", name)]
        back = ("rsync", "-a", "-s", f"{task.name}:{task.run_dir}/", f"{task.run_dir}/")
        return Launched(
            launcher=self.info.id,
            files=(file,),
            tool="sky",
            submit=((*launch, "--yes", file),),
            fetch=(back, ("sky", "down", "--yes", task.name)),
            waits=True,
            look=("sky", "logs", "--status", task.name),
            going_code=GOING,
            offer=chosen,
            usd_per_hour=task.usd_per_hour,
            notes=tuple(_notes(task, chosen)),
        )


def _refuse_at_home(task: LaunchTask) -> None:
    """A price of one's own for a GPU that is not here: the data stays on the user's machines."""
    if task.offer is not None and task.offer.kind == "own" and task.gpu in ACCELERATORS:
        raise PlanError(
            "The data may not leave your own machines, and SkyPilot rents others.",
            hint="Use --launcher slurm, k8s or torchrun with machines of your own.",
        )


def _usd_per_hour(offer: Offer, task: LaunchTask) -> Decimal:
    """Machines come whole."""
    machines = -(-task.gpus_per_node // offer.gpus)
    return offer.usd_per_gpu_hour * machines * offer.gpus * task.nodes


def _chosen(task: LaunchTask) -> Offer | None:
    """The cheapest offer that SkyPilot can rent, on demand before spot; None where none is known.

    A price of the whole machine goes before one that leaves processor and memory out.
    """
    known = task.offers or ((task.offer,) if task.offer else ())
    rented = [offer for offer in known if offer.provider in CLOUDS and offer.kind in KINDS]
    return min(
        rented,
        key=lambda o: (KINDS.index(o.kind), o.is_gpu_only, _usd_per_hour(o, task), o.provider),
        default=None,
    )


def _keeps(offer: Offer | None) -> bool:
    """Whether the machine can be stopped with its disk kept."""
    return offer is not None and offer.provider in STOPPING and offer.kind != "spot"


def _task(task: LaunchTask, offer: Offer | None) -> dict[str, Any]:
    made: dict[str, Any] = {"name": task.name, "num_nodes": task.nodes}
    made["resources"] = _resources(task, offer)
    if task.variables:
        made["secrets"] = dict.fromkeys(task.variables)
    made["file_mounts"] = {path: path for path in task.send}
    made["setup"] = "\n".join(["set -e", *task.setup]) + "\n"
    host = '"$(echo "$SKYPILOT_NODE_IPS" | head -n 1)"'
    run = [*meeting(task, host, '"$SKYPILOT_NODE_RANK"'), line(task, limit=limit_hours(task))]
    made["run"] = "\n".join(run) + "\n"
    return made


def _resources(task: LaunchTask, offer: Offer | None) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    if offer is not None:
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


def _notes(task: LaunchTask, chosen: Offer | None) -> list[str]:
    notes = [BACK, _priced(task, chosen)]
    if chosen is not None and _keeps(chosen):
        notes.append(STOPS.format(name=task.name))
    else:
        why = "a machine of an unknown cloud"
        if chosen is not None:
            why = "a spot machine" if chosen.kind == "spot" else f"a machine of {chosen.provider}"
        notes.append(DOWNS.format(why=why))
    if chosen is not None and chosen.kind == "spot":
        notes.append(SPOT)
    hours = limit_hours(task)
    if hours:
        notes.append(f"The job is told to stop, with a checkpoint, after {hours} hours.")
    else:
        notes.append("Nobody knows how long it takes: without --max-hours the job has no limit.")
    return notes


def _priced(task: LaunchTask, chosen: Offer | None) -> str:
    """Which machine is rented at which price, beside the estimate's."""
    best = task.offer
    if chosen is None and best is None:
        return "The estimate knows no price for this GPU; SkyPilot takes its own cheapest."
    theirs = ""
    if best is not None and best != chosen:
        kind = best.kind.replace("_", " ")
        usd = f"{_usd_per_hour(best, task):.2f} USD per hour"
        theirs = f" The estimate counted with {best.provider}, {kind}: {usd}."
    if chosen is None:
        return f"SkyPilot takes its own cheapest, at a price nobody here knows.{theirs}"
    kind = chosen.kind.replace("_", " ")
    usd = f"{_usd_per_hour(chosen, task):.2f} USD per hour, checked on {chosen.checked}"
    return f"To be rented from {chosen.provider}, {kind}: {usd}.{theirs}"
