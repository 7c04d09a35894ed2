"""Nothing in the repository belongs to one machine."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

OWN = "tests/architecture/test_repository_clean.py"
BIGGEST_FILE_MB = 20
PATTERNS = {
    "a folder of one machine": re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/"),
    "a package registry's host": re.compile(
        r"\b(?:files\.pythonhosted|pypi|test\.pypi|registry\.npmjs|deb\.debian|download\.pytorch)\.org\b"
    ),
    "a merge left unfinished": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[Path]:
    if shutil.which("git") is None or not (root / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    return [root / name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def texts(root: Path, tracked: list[Path]):
    for file in tracked:
        name = str(file.relative_to(root))
        content = file.read_bytes()
        if name != OWN and b"\0" not in content[:4096]:
            yield name, content.decode("utf-8", errors="replace")


@pytest.mark.parametrize("what", sorted(PATTERNS))
def test_no_text_names(root: Path, tracked: list[Path], what: str):
    found = [
        f"{name}: {hit.group()}"
        for name, text in texts(root, tracked)
        for hit in PATTERNS[what].finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("open('/" + "work/x')", "a folder of one machine"),
        ("/home/ann/data", "a folder of one machine"),
        ("https://" + "pypi" + ".org/simple", "a package registry's host"),
        ("<<<<<<< HEAD", "a merge left unfinished"),
    ],
)
def test_the_patterns_find_what_they_look_for(text: str, what: str):
    assert PATTERNS[what].search(text)


@pytest.mark.parametrize("text", ["framework/models", "a/" + "work/b", "~/root.txt", "/homework/"])
def test_the_patterns_leave_other_words_alone(text: str):
    assert not PATTERNS["a folder of one machine"].search(text)


def test_no_file_is_huge_and_no_cache_is_tracked(root: Path, tracked: list[Path]):
    assert len(tracked) > 100
    for file in tracked:
        assert file.stat().st_size < BIGGEST_FILE_MB * 1e6, file
        assert "__pycache__" not in file.parts
        assert file.suffix not in (".pyc", ".pt", ".pth", ".bin"), file


def test_scripts_that_are_started_are_executable(root: Path):
    for name in (".ci/run", "scripts/setup.sh"):
        assert (root / name).stat().st_mode & 0o111, name
