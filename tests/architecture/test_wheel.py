"""The wheel, built and installed where no checkout and no ML library is: the light parts work."""

import json
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="links as a POSIX system makes them"
)

PROFILE = """
name: wheel
task: {kind: question_answering, target: 0.6}
knowledge: {in_documents: true, update_interval_days: 7, must_be_current: true}
data: {labelled_samples: 400}
"""


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-2000:]
    [file] = folder.glob("*.whl")
    return file


def core_distributions() -> set[str]:
    """What a plain `pip install finetune-advisor` brings, found in this environment's metadata."""
    wanted, open_names = set(), ["finetune-advisor"]
    while open_names:
        for requirement in requires(open_names.pop()) or []:
            head, _, marker = requirement.partition(";")
            if "extra" in marker or "platform" in marker or "python_version <" in marker:
                continue
            name = re.match(r"[\w.-]+", head).group()
            if name not in wanted:
                wanted.add(name)
                open_names.append(name)
    return wanted


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment: the wheel and its core dependencies (linked, so nothing is fetched)."""
    folder = tmp_path_factory.mktemp("clean")
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    [site] = folder.glob("lib/python*/site-packages")
    for name in core_distributions():
        dist = distribution(name)
        for top in {file.parts[0] for file in dist.files or () if file.parts[0] != ".."}:
            if not (site / top).exists():
                (site / top).symlink_to(dist.locate_file(top))
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    install = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(wheel)]
    done = subprocess.run([*command, *install], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture
def advisor(installed: Path, tmp_path: Path):
    """Runs the installed command in an empty folder."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(installed / "bin" / "advisor"), *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_wheel_carries_rules_tasks_and_model(wheel: Path, root: Path):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    rules = {p.relative_to(root / "rules").as_posix() for p in (root / "rules").rglob("*.yaml")}
    assert len(rules) > 20
    assert {f"advisor/_rules/{name}" for name in rules} - inside == set()
    for task in ("fields", "manuals", "tickets"):
        assert any(name.startswith(f"advisor/builtin/tasks/{task}/") for name in inside), task
    model = {f"advisor/builtin/models/tiny/{n}" for n in ("config.json", "tokenizer.json")}
    assert (model | {"advisor/builtin/models/tiny/model.safetensors"}) - inside == set()
    assert not [name for name in inside if "__pycache__" in name or name.startswith("tests/")]


def test_the_wheel_stays_small(wheel: Path):
    assert wheel.stat().st_size < 25e6


def test_help_answers(advisor):
    told = advisor("--help")
    assert told.returncode == 0, told.stderr
    assert "estimate" in told.stdout


def test_estimate_answers(advisor):
    told = advisor("estimate", "--model", "8b", "--json")
    assert told.returncode == 0, told.stderr
    options = json.loads(told.stdout)["options"]
    assert {option["method"] for option in options} == {"full", "lora", "qlora"}


def test_decide_answers(advisor, tmp_path: Path):
    (tmp_path / "profile.yaml").write_text(PROFILE)
    told = advisor("decide", "--profile", "profile.yaml", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["decision"]["recommended"] == "rag"


def test_rules_come_from_the_wheel(advisor, installed: Path):
    told = advisor("rules", "list", "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(advisor("doctor", "--json").stdout)
    assert Path(found["rules_folder"]).is_relative_to(installed)


def test_doctor_names_what_is_missing_and_how_to_add_it(advisor):
    found = json.loads(advisor("doctor", "--json").stdout)
    train = next(extra for extra in found["extras"] if extra["name"] == "train")
    assert not train["installed"]
    assert "torch" in train["missing"]
    assert train["install"] == "pip install 'finetune-advisor[train]'"


def test_plugins_load_through_their_entry_points(advisor):
    told = advisor("plugins", "--json")
    plugins = json.loads(told.stdout)["plugins"]
    assert len(plugins) > 12
    assert [p["problem"] for p in plugins if p["problem"].startswith("does not load")] == []
    trainers = {p["name"]: p for p in plugins if p["group"] == "advisor.trainers"}
    assert trainers["dry_run"]["ready"]
    in_want = {name: trainers[name]["problem"] for name in ("hosted", "small_model", "trl")}
    assert in_want == {
        "hosted": "needs the extra api",
        "small_model": "needs the extra rag",
        "trl": "needs the extra train",
    }


def test_demo_says_what_it_lacks_in_one_sentence(advisor):
    told = advisor("demo", "--json")
    assert told.returncode == 1, told.stderr
    assert "Traceback" not in told.stderr
    assert json.loads(told.stdout)["error"]["type"] == "MissingExtraError"
