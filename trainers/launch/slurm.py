"""Slurm: a batch script that checkpoints before its time is up, and queues itself again."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

from advisor.contracts import PluginInfo
from advisor.schema.launch import Launched, LaunchTask
from trainers.launch.scripts import CPUS_PER_GPU, limit_hours, line, meeting, written

FILE = "train.sbatch"
LOG = "slurm-%j.log"
WARNING_SECONDS = 120
"""Before the end of the time limit training is told to checkpoint."""
INTERRUPTED = 130
LAGGARD_SECONDS = 60
"""After the first machine has ended the others may take so long for their end."""
REQUEUES = 10
"""A job queues itself again at most so often."""
NOTES = (
    "The cluster must see the run folder and the data at the same place.",
    "A partition or an account that the cluster wants: SBATCH_PARTITION and SBATCH_ACCOUNT.",
)


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
            look=("squeue", "--me", "--noheader", f"--name={task.name}", "--format=%i %T"),
            notes=NOTES,
        )


def _script(task: LaunchTask) -> list[str]:
    hours = limit_hours(task)
    cpus = CPUS_PER_GPU * task.gpus_per_node
    head = {
        "job-name": task.name,
        "nodes": str(task.nodes),
        "ntasks-per-node": "1",
        "cpus-per-task": str(cpus),
        "mem": f"{math.ceil(task.memory_gib)}G" if task.memory_gib else None,
        "gres": None if task.gpu == "cpu" else f"gpu:{task.gpus_per_node}",
        "time": f"{hours}:00:00" if hours else None,
        "signal": f"TERM@{WARNING_SECONDS}",
        "open-mode": "append",
        "dependency": "singleton",  # never two jobs of one run at a time
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
    # A machine that has checkpointed ends with 130; the others must reach that point too.
    wait = f"--kill-on-bad-exit=0 --wait={LAGGARD_SECONDS} --cpus-per-task={cpus}"
    may = f'[ "$code" -eq {INTERRUPTED} ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {REQUEUES} ]'
    lines += [
        f"srun {wait} bash -c {shlex.quote('; '.join(inner))}",
        "code=$?",
        "# Told to stop with a checkpoint in place: queued again, it continues.",
        f"if {may}; then",
        '  scontrol requeue "$SLURM_JOB_ID"',
        "fi",
        'exit "$code"',
    ]
    return lines
