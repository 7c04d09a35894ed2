import os
import shutil
import subprocess
import sys

import pytest

PROGRAM = "from advisor.cli.main import main; main()"


def ask(instruction: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"_ADVISOR_COMPLETE": instruction, **more},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("shell", "mark"),
    [
        ("bash", "complete -o nosort -F"),
        ("zsh", "#compdef advisor"),
        ("fish", "complete --no-files"),
    ],
)
def test_every_shell_gets_its_script(shell: str, mark: str):
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("click asks bash for its version, and there is no bash here")
    told = ask(f"{shell}_source")
    assert told.returncode == 0, told.stderr
    assert mark in told.stdout
    assert "_ADVISOR_COMPLETE" in told.stdout


def test_commands_are_completed_from_the_table():
    told = ask("bash_complete", COMP_WORDS="advisor est", COMP_CWORD="1")
    assert told.stdout.splitlines() == ["plain,estimate"]


def test_options_are_completed():
    told = ask("bash_complete", COMP_WORDS="advisor doctor --js", COMP_CWORD="2")
    assert told.stdout.splitlines() == ["plain,--json"]
