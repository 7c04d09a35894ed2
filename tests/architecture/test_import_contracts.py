"""The walls of the house, as pyproject.toml declares them."""

import subprocess
import sys
import tomllib
from pathlib import Path

SIDE_DOORS = {"advisor", "advisor.__main__", "advisor.builtin"}


def config(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]


def rooms(root: Path) -> set[str]:
    """Every module or package directly below advisor/, from the disk."""
    found = {f"advisor.{p.stem}" for p in (root / "advisor").glob("*.py") if p.stem != "__init__"}
    found |= {f"advisor.{p.parent.name}" for p in (root / "advisor").glob("*/__init__.py")}
    return found - SIDE_DOORS


def test_every_contract_is_kept(root: Path):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    outcome = subprocess.run(
        [*command, "--no-cache"], cwd=root, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr[-2000:]
    assert f"Contracts: {len(config(root)['contracts'])} kept, 0 broken." in outcome.stdout


def test_every_room_stands_on_a_floor(root: Path):
    """A new room that no layer names would be free to import anything."""
    [layers] = [c["layers"] for c in config(root)["contracts"] if c["id"] == "floors"]
    named = {word.strip(" ()") for floor in layers for word in floor.split("|")}
    assert rooms(root) - named == set()


def test_every_room_of_the_estimate_is_named(root: Path):
    [layers] = [c["layers"] for c in config(root)["contracts"] if c["id"] == "estimate"]
    named = {word.strip(" ()") for floor in layers for word in floor.split("|")}
    stage = root / "advisor" / "stages" / "estimate"
    found = {p.stem for p in stage.glob("*.py")} | {
        p.parent.name for p in stage.glob("*/__init__.py")
    }
    assert found - {"__init__"} == named


def test_plugins_are_forbidden_every_room_but_four(root: Path):
    by_id = {c["id"]: c for c in config(root)["contracts"]}
    allowed = {"advisor.contracts", "advisor.schema", "advisor.errors", "advisor.units"}
    assert rooms(root) - allowed - set(by_id["plugins"]["forbidden_modules"]) == set()
    assert rooms(root) - set(by_id["entry-points"]["source_modules"]) == set()


def test_a_sibling_import_would_be_caught(root: Path, tmp_path: Path):
    """The linter is tried on a small house with one bad door, so its silence means something."""
    house = tmp_path / "house"
    (house / "stages").mkdir(parents=True)
    for name in ("__init__.py", "stages/__init__.py", "stages/gate.py"):
        (house / name).write_text("")
    (house / "stages" / "train.py").write_text("def go():\n    from house.stages import gate\n")
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_package = house\n"
        "[importlinter:contract:1]\nname = apart\ntype = independence\nmodules =\n  house.stages.*\n"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        "from importlinter.cli import lint_imports_command as c; c()"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--config", ".importlinter"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    assert "house.stages.train -> house.stages.gate" in outcome.stdout
