"""Slurm: a batch script that checkpoints before its time is up, and queues itself again."""

from __future__ import annotations

import shlex
from pathlib import Path

from advisor.contracts import PluginInfo
from advisor.schema.launch import Launched, LaunchTask
from trainers.launch.scripts import limit_hours, line, meeting, written

FILE = "train.sbatch"
LOG = "slurm-%j.log"
WARNING_SECONDS = 120
"""Before the end of the time limit training is told to checkpoint."""
INTERRUPTED = 130


class SlurmLauncher:
    """The cluster's machines see the run folder; each runs advisor, torchrun joins them."""

    info = PluginInfo(
        id="slurm",
        label="a Slurm cluster that shares the run folder",
        needs=("shared_files",),
        spends_money=True,
    )

    def write(self, task: LaunchTask, folder: Path) -> Launched:
        """The batch script, and the `sbatch` that submits it."""
        file = written(folder, FILE, "\n".join(_script(task)) + "\n")
        words = ["sbatch", f"--output={folder / LOG}", f"--chdir={task.run_dir}"]
        if task.variables:
            words.append(f"--export=ALL,{','.join(task.variables)}")
        return Launched(
            launcher=self.info.id,
            files=(file,),
            tool="sbatch",
            submit=((*words, file),),
            notes=("The cluster must see the run folder and the data at the same place.",),
        )


def _script(task: LaunchTask) -> list[str]:
    hours = limit_hours(task)
    head = {
        "job-name": task.name,
        "nodes": str(task.nodes),
        "ntasks-per-node": "1",
        "gres": None if task.gpu == "cpu" else f"gpu:{task.gpus_per_node}",
        "time": f"{hours}:00:00" if hours else None,
        "signal": f"TERM@{WARNING_SECONDS}",
        "open-mode": "append",
    }
    lines = ["#!/usr/bin/env bash"]
    lines += [f"#SBATCH --{name}={value}" for name, value in head.items() if value is not None]
    if task.gpu != "cpu":
        kind = task.gpu_name or task.gpu
        lines.append(f"# Planned for {kind}; a cluster of several kinds needs --constraint too.")
    host = '$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)'
    inner = [*meeting(task, '"$ADVISOR_FIRST_HOST"', '"$SLURM_NODEID"'), line(task)]
    lines += ["#SBATCH --requeue", *task.setup]
    if task.nodes > 1:
        lines.append(f'export ADVISOR_FIRST_HOST="{host}"')
    lines += [
        f"srun --kill-on-bad-exit=1 bash -c {shlex.quote('; '.join(inner))}",
        "code=$?",
        "# Told to stop with a checkpoint in place: queued again, it continues.",
        f'if [ "$code" -eq {INTERRUPTED} ]; then scontrol requeue "$SLURM_JOB_ID"; fi',
        'exit "$code"',
    ]
    return lines
