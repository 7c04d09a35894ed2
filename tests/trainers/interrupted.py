"""Trains one job and kills itself, again and again: `interrupted.py BASE FOLDER METHOD STEP,STEP`.

Each training is a child of this process, so that the libraries are imported once.
"""

import os
import signal
import sys
import warnings
from importlib import import_module
from pathlib import Path

from advisor import registry
from advisor.schema.train import TrainEvent
from tests.trainers.looking import Looking, looking_job
from trainers.engines.trl.quiet import quiet


class Killer(Looking):
    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def emit(self, event: TrainEvent) -> None:
        if event.kind == "step" and event.step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def main(base: str, folder: str, method: str, steps: str) -> None:
    warnings.simplefilter("ignore")
    with quiet():
        import_module("trainers.engines.trl._run")
    job = looking_job(base, Path(folder), method)
    for step in map(int, steps.split(",")):
        child = os.fork()
        if child == 0:
            registry.trainer("trl").train(job, Killer(step))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            sys.exit(f"not killed at step {step}: {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
