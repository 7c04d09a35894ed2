"""Machines of one's own: a script that is started once on each of them."""

from __future__ import annotations

import shlex
from pathlib import Path

from advisor.contracts import PluginInfo
from advisor.schema.launch import Launched, LaunchTask
from trainers.launch.scripts import PORT, line, written

FILE = "train.sh"


class TorchrunLauncher:
    """Every machine runs the same script; torchrun joins them."""

    info = PluginInfo(
        id="torchrun", label="a script for machines of your own", needs=("shared_files",)
    )

    def write(self, task: LaunchTask, folder: Path) -> Launched:
        """The script; the run folder must be shared between the machines."""
        lines = ["#!/usr/bin/env bash", f"# Trains {task.name} on {task.nodes} machine(s)."]
        if task.nodes > 1:
            lines += [
                f"# On each: bash {FILE} FIRST_MACHINE NUMBER, with numbers 0 to {task.nodes - 1}.",
                'if [ "$#" -ne 2 ]; then',
                f"  echo 'usage: bash {FILE} FIRST_MACHINE NUMBER' >&2",
                "  exit 2",
                "fi",
                f'export ADVISOR_RDZV_ENDPOINT="$1:{PORT}"',
                'export ADVISOR_NODE_RANK="$2"',
            ]
        lines += ["set -eu", f"cd {shlex.quote(task.run_dir)}", line(task)]
        file = written(folder, FILE, "\n".join(lines) + "\n")
        more = ("FIRST_MACHINE", "NUMBER") if task.nodes > 1 else ()
        shared = "The run folder and the data must lie at the same place on every machine."
        return Launched(
            launcher=self.info.id,
            files=(file,),
            tool="bash",
            submit=(("bash", file, *more),),
            notes=(shared,) if task.nodes > 1 else (),
        )
