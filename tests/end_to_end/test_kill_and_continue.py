"""SIGKILL at any point: the same command continues and ends in the same numbers."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from advisor.bundled import bundled_settings

pytestmark = pytest.mark.ml
TRAIN, TEST, DEV = 64, 40, 8
PATIENCE_S = 240


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A slice of the tickets, so small that a whole run takes seconds.

    The packaged probes are left out for the same reason: no kill falls into them.
    """
    wanted = {"train": TRAIN, "test": TEST, "dev": DEV}
    lines = []
    for line in Path(bundled_settings("tickets").run.data).read_text().splitlines():
        split = json.loads(line)["split"]
        if wanted[split] > 0:
            wanted[split] -= 1
            lines.append(line)
    path = tmp_path_factory.mktemp("data") / "tickets.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def command(data, run_dir):
    answers = bundled_settings("tickets").run.answers
    words = ["run", "--data", data, "--answers", answers, "--run-dir", run_dir, "--yes", "--json"]
    words += ["--builders", "zero_shot,few_shot", "--no-probes"]
    return [sys.executable, "-m", "advisor", *map(str, words)]


def environment(run_dir):
    """Each run folder with a cache of its own, so that no run lives on another's answers."""
    return {**os.environ, "ADVISOR_CACHE": str(run_dir / "completions.sqlite")}


def kept(run_dir):
    """Answers in the run's cache, by key."""
    path = run_dir / "completions.sqlite"
    if not path.exists():
        return {}
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return dict(base.execute("SELECT key, value FROM completions"))
    except sqlite3.OperationalError:  # the table is about to be made
        return {}
    finally:
        base.close()


def finish(data, run_dir):
    done = subprocess.run(
        command(data, run_dir),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment(run_dir),
    )
    assert done.returncode in {0, 5}, done.stderr
    return json.loads(done.stdout)


def kill_when(data, run_dir, ready):
    """Start the run and SIGKILL it as soon as `ready()` holds."""
    process = subprocess.Popen(
        command(data, run_dir),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(run_dir),
    )
    deadline = time.monotonic() + PATIENCE_S
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, "the run ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def numbers(report):
    """Everything that must not depend on interruptions."""
    baselines = {
        e["builder"]: [s["value"] for s in e["scores"]] for e in report["baselines"]["evaluations"]
    }
    training = report["training"]
    return {
        "baselines": baselines,
        "gate": report["gate"]["verdict"],
        "loss": training["loss"],
        "tuned": [
            (s["sample_id"], s["value"], s["completion"]["text"])
            for s in report["verification"]["tuned"]["scores"]
        ],
        "verdict": report["verification"]["verdict"],
    }


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run from start to end: its folder and its report."""
    folder = tmp_path_factory.mktemp("unbroken")
    return folder, finish(data, folder)


@pytest.fixture(scope="module")
def unbroken(whole):
    return numbers(whole[1])


def test_killed_during_baselines_and_during_training(data, tmp_path, unbroken):
    kill_when(data, tmp_path, lambda: len(kept(tmp_path)) > 10)
    answered = kept(tmp_path)
    assert not (tmp_path / "4-baseline.json").exists()
    training = tmp_path / "training"
    kill_when(data, tmp_path, lambda: any(training.glob("**/checkpoint-*/complete*")))
    assert answered.items() <= kept(tmp_path).items()
    baseline = (tmp_path / "4-baseline.json").read_bytes()
    report = finish(data, tmp_path)
    assert (tmp_path / "4-baseline.json").read_bytes() == baseline
    assert report["training"]["resumed_from_step"]
    assert numbers(report) == unbroken


def test_a_finished_run_does_nothing_again(data, whole, unbroken):
    folder, _ = whole
    stamps = {p: p.stat().st_mtime_ns for p in folder.glob("[1-7]-*.json")}
    started = time.monotonic()
    assert numbers(finish(data, folder)) == unbroken
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps
    assert time.monotonic() - started < 10
