"""Space for checkpoints is counted from real tensors, and told before it runs out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from advisor.errors import StorageError
from tests.trainers.bench import bench_for, looked
from trainers.engines.trl.disk import SMALL_FILES, Needed, check, free_bytes
from trainers.engines.trl.quiet import quiet

GB = 1000**3


class Usage(NamedTuple):
    """As the system tells it."""

    total: int
    used: int
    free: int


def with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free, 0, free))


@pytest.mark.parametrize(("steps", "checkpoints"), [(1, 1), (2, 2), (3, 3), (1000, 3)])
def test_two_checkpoints_stay_while_a_third_is_written(steps: int, checkpoints: int):
    needed = Needed(weights=2 * GB, states=4 * GB, steps=steps)
    assert needed.checkpoint == 6 * GB
    assert needed.peak == checkpoints * 6 * GB + 2 * GB + SMALL_FILES


def test_a_disk_that_is_too_small_is_told_with_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    needed = Needed(weights=2 * GB, states=4 * GB, steps=100)
    with_free(monkeypatch, needed.peak)
    assert check(needed, tmp_path) == needed.peak
    with_free(monkeypatch, needed.peak - 1)
    with pytest.raises(StorageError) as caught:
        check(needed, tmp_path)
    assert caught.value.message == (
        "The disk has 20.07 GB free, and training writes up to 20.07 GB: 3 checkpoints of 6.00 GB"
        " (4.00 GB of them the optimizer's states) and the result of 2.00 GB."
    )
    assert "another disk" in caught.value.hint
    assert caught.value.where == str(tmp_path)


def test_free_space_is_that_of_the_disk_the_folder_will_lie_on(tmp_path: Path):
    deep = tmp_path / "not" / "there" / "yet"
    assert abs(free_bytes(deep) - shutil.disk_usage(tmp_path).free) < GB
    assert not deep.exists()


@pytest.mark.ml
@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_count_is_what_a_checkpoint_takes(tiny_llama: str, tmp_path: Path, method: str):
    bench = bench_for(tiny_llama, tmp_path, method)
    told = looked(bench).checkpoint_gib * 2**30
    with quiet():
        trainer = bench.build(bench.job.plan, bench.course.dataset, tmp_path / "run")
        trainer.args.max_steps = trainer.args.save_steps = 1
        trainer.args.save_strategy = "steps"
        trainer.train()
    [folder] = (tmp_path / "run").glob("checkpoint-*")
    names = ("model.safetensors", "adapter_model.safetensors", "optimizer.pt")
    written = sum(f.stat().st_size for f in folder.iterdir() if f.name in names)
    assert told == pytest.approx(written, rel=0.25, abs=0)
    assert told < written  # headers and names


@pytest.mark.ml
def test_a_run_without_room_stops_before_its_first_step(
    tiny_llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bench = bench_for(tiny_llama, tmp_path, "full")
    with_free(monkeypatch, 1_000_000)
    with pytest.raises(StorageError, match=r"The disk has 0\.00 GB free"):
        looked(bench)


INSIDE = """
import sys
from pathlib import Path
from advisor import registry
from advisor.errors import StorageError
from tests.fixtures.training import RecordingTools, training_job
from trainers.engines.trl import disk
if sys.argv[3] == "unforeseen":
    disk.SMALL_FILES = -1 << 30  # the pre-flight believes that there is room
tools = RecordingTools()
try:
    registry.trainer("trl").train(training_job(sys.argv[1], Path(sys.argv[2]), "full"), tools)
except StorageError as error:
    print(len(tools.of("step")), error.message, "|", error.hint)
"""


@pytest.mark.ml
@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "words"),
    [("foreseen", "0 The disk has 0.00 GB free"), ("unforeseen", "The disk is full")],
)
def test_a_disk_that_is_really_full(
    root: Path, tiny_llama: str, tmp_path: Path, how: str, words: str
):
    place = tmp_path / "small"
    place.mkdir()
    script = tmp_path / "inside.py"
    script.write_text(INSIDE)
    mounted = f'mount -t tmpfs -o size=1m tmpfs {place} && exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", mounted, "sh"]
    if shutil.which("unshare") is None or _fails([*command, "true"]):
        pytest.skip("a file system cannot be mounted here")
    done = subprocess.run(
        [*command, sys.executable, str(script), tiny_llama, str(place / "out"), how],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert words in done.stdout


def _fails(command: list[Any]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0
