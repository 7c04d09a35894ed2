"""Trains in two processes until it is stopped: `several.py BASE FOLDER`; 130 when asked to stop."""

import signal
import sys
from pathlib import Path

from advisor import registry
from tests.fixtures.training import RecordingTools
from tests.trainers.test_together import job


def stop(_number, _frame):
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, stop)
base, folder = sys.argv[1:3]
try:
    registry.trainer("trl").train(job(base, Path(folder), epochs=200), RecordingTools())
except KeyboardInterrupt:
    sys.exit(130)
