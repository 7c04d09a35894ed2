"""One of two machines that train one job: `machine.py BASE FOLDER`; prints the result."""

import sys
from pathlib import Path

from advisor import registry
from tests.fixtures.training import RecordingTools
from tests.trainers.test_together import job

base, folder = sys.argv[1:3]
result = registry.trainer("trl").train(job(base, Path(folder), nodes=2), RecordingTools())
sys.stdout.write(result.model_dump_json())
