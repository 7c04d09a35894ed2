"""SIGKILL at random moments of an evaluation on the offline backend: nothing is asked twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("scipy")

SAMPLES = 60
LATENCY_MS = 6
KILLS, ALL_KILLS = 3, 50
SECONDS = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "numbers.jsonl"
    rows = [
        {
            "input": f"Say the number {number}.",
            "target": f"Say the number {number}." if number % 3 else "something else",
            "split": "test" if number < SAMPLES else "train",
        }
        for number in range(SAMPLES + 30)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def command(data, folder):
    words = ["baseline", "--data", data, "--backend", "echo", "--builders", "zero_shot,few_shot"]
    words += ["--backend-option", f"latency_ms={LATENCY_MS}", "--run-dir", folder / "run"]
    return [sys.executable, "-m", "advisor", *map(str, words), "--json"]


def environment(folder):
    return {**os.environ, "ADVISOR_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}


def finish(data, folder):
    done = subprocess.run(
        command(data, folder),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=environment(folder),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def what_counts(found):
    """All of the result but when and by whom it was computed: dates, and what this run asked."""
    return {
        "evaluations": found["evaluations"],
        "best": found["best"],
        "comparisons": found["comparisons"],
        "manifest": found["manifest"],
        "planned": found["bill"]["calls_planned"] + found["bill"]["calls_cached"],
    }


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    started = time.monotonic()
    found = finish(data, folder)
    return found, time.monotonic() - started


def moments(count):
    """Shares of the unbroken run's time at which the kill falls, the same in every run."""
    drawn = random.Random(7)
    return [drawn.uniform(0.2, 0.98) for _ in range(count)]


def killed_and_continued(data, folder, unbroken, share):
    expected, seconds = unbroken
    process = subprocess.Popen(
        command(data, folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(folder),
    )
    try:
        process.wait(timeout=share * seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    again = finish(data, folder)
    assert what_counts(again) == what_counts(expected)
    return again["bill"]["calls_cached"]


@pytest.mark.parametrize("share", moments(KILLS))
def test_a_killed_evaluation_ends_in_the_same_result(data, tmp_path, unbroken, share):
    killed_and_continued(data, tmp_path, unbroken, share)


@pytest.mark.slow
def test_fifty_kills(data, tmp_path, unbroken):
    resumed = [
        killed_and_continued(data, tmp_path / str(number), unbroken, share)
        for number, share in enumerate(moments(ALL_KILLS))
    ]
    assert sum(0 < kept < 2 * SAMPLES for kept in resumed) > ALL_KILLS / 4
