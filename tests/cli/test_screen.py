"""What a command prints of itself: the line that continues it."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.cli.screen import Screen


@pytest.mark.parametrize(
    "given", [["--run-dir", "r/int"], ["--run-dir=r/int"], ["--run-dir", "./r/../r/int"]]
)
def test_a_folder_that_is_given_relatively_is_not_given_twice(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["advisor", "baseline", *given, "--yes"])
    line = Screen.command_line("--run-dir", tmp_path / "r" / "int")
    assert line == " ".join(["advisor baseline", *given, "--yes"])


def test_a_folder_that_was_chosen_for_the_user_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["advisor", "run", str(tmp_path)])
    line = Screen.command_line("--run-dir", tmp_path)
    assert line == f"advisor run {tmp_path} --run-dir {tmp_path}"
    assert Screen.command_line() == f"advisor run {tmp_path}"
