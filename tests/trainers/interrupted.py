"""Trains one job and kills its own process at a step: `interrupted.py BASE FOLDER METHOD STEP`."""

import os
import signal
import sys
from pathlib import Path

from advisor import registry
from advisor.schema.train import TrainEvent
from tests.fixtures.training import RecordingTools, training_job, training_samples


class Killer(RecordingTools):
    def emit(self, event: TrainEvent) -> None:
        if event.kind == "step" and event.step == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)


base, folder, method = sys.argv[1:4]
job = training_job(base, Path(folder), method, resume=True, dev_samples=training_samples(6))
registry.trainer("trl").train(job, Killer())
