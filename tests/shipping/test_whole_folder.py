"""A folder is there whole or not at all; what a killed process left is cleared, nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from advisor.errors import StorageError
from advisor.shipping.whole_folder import whole_folder

WRITER = """
import sys, time
from pathlib import Path
from advisor.shipping.whole_folder import whole_folder
with whole_folder(Path(sys.argv[1]), "model") as place:
    (place / "half").write_text("half")
    print(place.name, flush=True)
    time.sleep(60)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write(goal, text="whole"):
    with whole_folder(goal, "model") as place:
        (place / "model").write_text(text)


def broken_off(goal):
    with whole_folder(goal, "model"):
        raise KeyboardInterrupt


def test_it_becomes_the_goal_or_is_gone(tmp_path):
    goal = tmp_path / "a" / "b"
    write(goal)
    assert names(goal.parent) == ["b"]
    assert names(goal) == ["model"]
    with pytest.raises(StorageError, match="holds something"):
        write(goal)
    with pytest.raises(KeyboardInterrupt):
        broken_off(tmp_path / "c")
    assert names(tmp_path) == ["a"]


def test_an_error_from_within_names_the_goal(tmp_path):
    goal = tmp_path / "c"
    with pytest.raises(StorageError) as told, whole_folder(goal, "model") as place:
        raise StorageError("No room.", where=str(place / "weights"))
    assert told.value.where == str(goal / "weights")


@pytest.mark.skipif(sys.platform == "win32", reason="no folder can be held there")
def test_what_a_killed_process_left_is_cleared_and_what_another_writes_is_not(tmp_path):
    goal, kept = tmp_path / "c", (".c-22480614", ".c.advisor-mine", ".cd.advisor-00000000")
    for name in kept:
        (tmp_path / name).mkdir()
    command = [sys.executable, "-c", WRITER, str(goal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        try:
            left = writer.stdout.readline().strip()
            with pytest.raises(KeyboardInterrupt):
                broken_off(goal)
            assert left in names(tmp_path)  # it is still being written
        finally:
            writer.kill()
    assert names(tmp_path / left) == ["half"]
    write(goal)
    assert names(tmp_path) == sorted([*kept, "c"])
    assert names(goal) == ["model"]
