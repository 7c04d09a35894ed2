import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest


@pytest.fixture
def setup(load, monkeypatch):
    for name in ("ADVISOR_TORCH", "TORCH_PIP_ARGS", "ADVISOR_VENV"):
        monkeypatch.delenv(name, raising=False)
    return load("scripts/setup_env.py")


class Environment:
    """Stands for a virtual environment: records pip calls, holds a torch."""

    def __init__(self, build=None, after=None):
        self.build, self.after, self.calls = build, after, []

    def torch_build(self):
        return self.build

    def compile_own(self):
        pass

    def pip(self, _label, *words):
        self.calls.append(words)
        self.build = self.after or self.build


def test_torch_is_pinned_and_so_is_everything_else(setup):
    assert setup.pinned("torch") == "torch==2.13.0"
    lines = setup.CONSTRAINTS.read_text().splitlines()
    assert all("==" in line for line in lines if line and not line.startswith("#"))
    with pytest.raises(setup.SetupError, match="does not pin no-such"):
        setup.pinned("no-such")


def test_every_direct_requirement_is_pinned(setup, root: Path):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    pins = setup.CONSTRAINTS.read_text().lower().replace("_", "-")
    names = {re.match(r"[\w-]+", word).group().lower().replace("_", "-") for word in wanted}
    assert [n for n in names - {"finetune-advisor"} if f"\n{n}==" not in pins] == []


@pytest.mark.parametrize(("word", "flavour"), [("cpu", "cpu"), ("CUDA", "cuda"), ("", None)])
def test_the_switch_is_read(setup, monkeypatch, word, flavour):
    monkeypatch.setenv("ADVISOR_TORCH", word)
    assert setup.wanted_flavour() == flavour


def test_a_wrong_switch_is_told(setup, monkeypatch):
    monkeypatch.setenv("ADVISOR_TORCH", "rocm")
    with pytest.raises(setup.SetupError, match="'rocm'; it may be cpu or cuda"):
        setup.wanted_flavour()


def test_the_driver_decides_by_default(setup, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert setup.detected_flavour() == "cpu"
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: H100'\n")
    tool.chmod(0o755)
    assert setup.detected_flavour() == "cuda"
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert setup.detected_flavour() == "cpu"


def test_a_second_call_is_ready_until_an_input_or_the_switch_changes(setup, tmp_path, monkeypatch):
    environment = setup.Environment(tmp_path)
    environment.python.parent.mkdir(parents=True)
    environment.python.write_text("")
    assert not environment.is_ready(None)
    environment.stamp.write_text(f"{setup.digest()} cpu\n")
    assert environment.is_ready(None)
    assert environment.is_ready("cpu")
    assert not environment.is_ready("cuda")
    changed = tmp_path / "pyproject.toml"
    changed.write_text("other")
    monkeypatch.setattr(setup, "INPUTS", (changed, *setup.INPUTS[1:]))
    assert not environment.is_ready(None)


def test_the_build_is_read_without_importing_torch(setup, tmp_path):
    file = tmp_path / "lib" / "python3" / "site-packages" / "torch" / "version.py"
    file.parent.mkdir(parents=True)
    file.write_text("__version__ = '2.13.0+cu130'\ncuda = '13.0'\n")
    assert setup.Environment(tmp_path).torch_build() == ("2.13.0+cu130", "13.0")


def test_torch_already_there_is_left_alone(setup):
    environment = Environment(("2.13.0+cpu", None))
    assert setup.install_torch(environment, "cpu") == ("2.13.0+cpu", None)
    assert environment.calls == []


def test_the_other_build_is_told_plainly(setup, capsys):
    setup.install_torch(Environment(after=("2.13.0", "13.0")), "cpu")
    told = capsys.readouterr().out
    assert "CUDA 13.0 build" in told
    assert "TORCH_PIP_ARGS" in told


def test_the_large_build_is_told_before_it_is_fetched(setup, monkeypatch, capsys):
    monkeypatch.setattr("sys.platform", "linux")
    heard = []

    class Watched(Environment):
        def pip(self, _label, *words):
            heard.append(capsys.readouterr().out)
            super().pip(_label, *words)

    setup.install_torch(Watched(after=("2.13.0", "13.0")), "cpu")
    assert "several gigabytes" in heard[0]
    assert "TORCH_PIP_ARGS='--index-url ADDRESS'" in heard[0]
    setup.install_torch(Watched(after=("2.13.0", "13.0")), "cuda")
    monkeypatch.setattr("sys.platform", "darwin")
    setup.install_torch(Watched(after=("2.13.0", None)), "cpu")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("TORCH_PIP_ARGS", "--index-url ADDRESS")
    setup.install_torch(Watched(after=("2.13.0", None)), "cpu")
    assert not any("several gigabytes" in told for told in heard[1:])
    assert len(heard) == 4


def test_user_words_reach_pip(setup, monkeypatch):
    monkeypatch.setenv("TORCH_PIP_ARGS", "--index-url ADDRESS")
    environment = Environment(after=("2.13.0+cpu", None))
    setup.install_torch(environment, "cpu")
    assert environment.calls[0][-3:] == ("--index-url", "ADDRESS", "torch==2.13.0")


def test_a_replaced_torch_stops_the_set_up(setup):
    environment = Environment(("2.13.0+cpu", None), after=("2.15.0", "13.0"))
    with pytest.raises(setup.SetupError, match=r"torch was 2.13.0\+cpu and is now 2.15.0"):
        setup.install_project(environment, ("2.13.0+cpu", None))


def test_no_python_is_told_in_a_sentence(root: Path):
    done = subprocess.run(
        ["/bin/sh", "scripts/setup.sh"],
        cwd=root,
        env={"PYTHON": "no-such-python", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "PYTHON=" in done.stderr
