import json
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli import installation
from advisor.cli.doctor import command, examine, remarks
from advisor.schema.installation import EmbeddedModel, Package
from advisor.schema.machine import MachineFacts


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(command, list(words))


def test_it_tells_versions_machine_and_model(run):
    found = json.loads(run("--json").output)
    versions = {p["name"].lower(): p["version"] for p in found["packages"]}
    assert versions["click"] == version("click")
    assert found["machine"]["cpu_cores"] >= 1
    assert Path(found["rules_folder"]).is_dir()
    assert {"present", "folder", "weights_mb"} == set(found["embedded_model"])


def test_the_table_fits_eighty_columns(run):
    told = run("--no-color")
    assert told.exit_code == 0
    assert "Python" in told.output
    prose = ("Rules: ", "Add ", "! ")
    assert all(len(x) <= 80 for x in told.output.splitlines() if not x.startswith(prose))


def test_a_missing_package_makes_its_extra_incomplete():
    known = [
        Package(name="faiss-cpu", version=None, extra="rag"),
        Package(name="numpy", version="2", extra="rag"),
    ]
    [rag] = installation.extras(known)
    assert not rag.installed
    assert rag.missing == ("faiss-cpu",)
    assert rag.install == "pip install 'finetune-advisor[rag]'"


def test_extras_are_those_a_user_may_choose():
    names = [extra.name for extra in installation.extras(installation.packages())]
    assert names == [
        "api",
        "data",
        "docs",
        "eval",
        "gguf",
        "metrics",
        "offline",
        "pgvector",
        "prompts",
        "qlora",
        "rag",
        "train",
    ]


@pytest.mark.parametrize(
    ("line", "build"),
    [("cuda: Optional[str] = '13.0'", "CUDA 13.0"), ("cuda: Optional[str] = None", "CPU")],
)
def test_the_torch_build_is_read_without_importing_it(monkeypatch, tmp_path, line: str, build: str):
    class Spec:
        origin = str(tmp_path / "__init__.py")

    (tmp_path / "version.py").write_text(f"__version__ = '2.13.0'\n{line}\n")
    monkeypatch.setattr(installation.importlib.util, "find_spec", lambda _: Spec)
    assert installation.torch_build() == build


def test_what_does_not_go_together_is_remarked():
    found = examine()
    odd = found.model_copy(
        update={
            "machine": MachineFacts(gpus=1, gpu="H100"),
            "torch_build": "CPU",
            "embedded_model": EmbeddedModel(present=False, folder="x"),
            "packages": (Package(name="click", version=None),),
        }
    )
    told = " ".join(remarks(odd))
    assert "There is a GPU, but torch is a CPU build" in told
    assert "embedded model is missing" in told
    assert "--model tiny" in told
    assert "Core packages are missing: click" in told
    assert "the size of the memory" in told
