import json
import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("kill_me.py")
ROOT = SCRIPT.parent.parent.parent


def start(folder, pause):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(pause)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )


def run(folder):
    out, _ = start(folder, 0).communicate(timeout=60)
    *asked, result = out.splitlines()
    return asked, json.loads(result)


def test_a_killed_evaluation_continues_and_ends_in_the_same_numbers(tmp_path):
    broken, unbroken = tmp_path / "broken", tmp_path / "unbroken"
    with start(broken, 0.2) as process:
        begun = [process.stdout.readline().strip() for _ in range(4)]
        process.send_signal(signal.SIGKILL)
    assert begun == ["s000", "s004", "s008", "s012"]
    assert process.returncode == -signal.SIGKILL
    asked, result = run(broken)
    assert asked[0] == "s012"  # three batches were on disk, the fourth is asked again
    everything, expected = run(unbroken)
    assert len(everything) == 10
    assert result == expected
    nothing, again = run(broken)
    assert nothing == []
    assert again == expected
