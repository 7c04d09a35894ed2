"""The example of a trainer from outside: installed by pip, known by its entry points, run."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = {
    "billing": ["invoice", "charge", "refund", "receipt"],
    "login": ["password", "account", "locked", "code"],
    "shipping": ["parcel", "courier", "delivery", "late"],
}
FILLING = ["please", "help", "me", "with", "my", "there", "is", "a", "problem", "since", "today"]


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package in a folder of its own; its source is copied, since a build writes beside it."""
    source = tmp_path_factory.mktemp("source") / "words"
    shutil.copytree(root / "examples" / "third_party_trainer", source)
    target = tmp_path_factory.mktemp("installed")
    words = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", *words, str(source)],
        check=True,
        capture_output=True,
    )
    return target


@pytest.fixture
def advisor(installed: Path, tmp_path: Path):
    environment = os.environ | {
        "PYTHONPATH": str(installed),
        "ADVISOR_HOME": str(tmp_path / "home"),
        "COLUMNS": "100",
    }

    def run(*words: object, expects: int = 0) -> dict:
        command = [sys.executable, "-m", "advisor", *map(str, words), "--json", "--quiet"]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
        )
        assert done.returncode == expects, done.stdout[:300] + done.stderr[-2000:]
        return json.loads(done.stdout)

    return run


def labelled(file: Path) -> Path:
    draw = random.Random(0)
    rows = []
    for number in range(160):
        label = draw.choice(sorted(WORDS))
        told = draw.sample(FILLING, 5) + draw.sample(WORDS[label], 2)
        draw.shuffle(told)
        rows.append({"prompt": f"{' '.join(told)} {number}", "completion": label})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_it_is_known_and_trains_by_one_command(advisor, tmp_path: Path):
    known = advisor("plugins", "trainers", "backends")
    ours = [one for one in known["plugins"] if one["name"] == "words"]
    assert [one["group"] for one in ours] == ["advisor.trainers", "advisor.backends"]
    assert {one["owner"] for one in ours} == {"advisor-words"}
    told = advisor(
        "train", "--data", labelled(tmp_path / "labels.jsonl"), "--trainer", "words",
        "--method", "full", "--override-gate", "an example", "--run-dir", tmp_path / "run", "--yes",
    )  # fmt: skip
    assert told["trainer"] == "words"
    assert told["loss"][-1]["loss"] < 0.2 < told["loss"][0]["loss"]
    assert Path(told["served_by"]["model"]).is_relative_to(tmp_path / "run")
    assert any("no language model was" in note for note in told["notes"])


@pytest.mark.slow
def test_it_runs_on_a_bundled_task_and_is_verified(advisor, root: Path, tmp_path: Path):
    data = root / "advisor" / "builtin" / "tasks" / "tickets" / "data.jsonl"
    place = ("--run-dir", tmp_path / "run")
    advisor("run", "--data", data, "--trainer", "words", "--builders", "majority", "--method",
            "full", "--epochs", 1, "--limit", 50, "--no-learning-curve", "--yes", *place, expects=4)  # fmt: skip
    told = advisor("train", *place, "--override-gate", "an example", "--yes")
    assert told["trainer"] == "words"
    # Every ticket has an answer of its own: words cannot tell it, and verification says so.
    verified = advisor("verify", *place, expects=5)
    assert verified["tuned"]["value"] < 0.2


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_trainer(installed: Path, root: Path):
    suite = root / "tests" / "conformance" / "test_trainers.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(suite), "-k", "words"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(installed)},
        cwd=root,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "13 passed" in done.stdout
