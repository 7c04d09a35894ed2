"""Each method and objective by the command that the how-to names for it, from data to a kept model."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from tests.fixtures.tiny_llama import make_tiny_llama

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "train-methods.md"
ROW = re.compile(r"^\| [^|]+ \| `(--(?:method|objective) [^`]+)` \|", re.MULTILINE)
COMMANDS = ROW.findall(PAGE.read_text(encoding="utf-8"))
ALWAYS = ("--method lora --rank 16", "--method adapter --option bottleneck=64", "--objective dpo")
"""Commands that run in every test run; the others are slow."""


def case(command: str):
    return pytest.param(command, marks=() if command in ALWAYS else pytest.mark.slow)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_llama(tmp_path_factory.mktemp("base") / "llama")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("data")
    numbers = range(40)
    rows = {
        "sft": [{"input": f"What is {n} plus two?", "target": f"It is {n + 2}."} for n in numbers],
        "cpt": [{"text": f"Two more than {n} is {n + 2}, as everybody knows."} for n in numbers],
        "dpo": [
            {
                "prompt": f"What is {n} plus two?",
                "chosen": f"It is {n + 2}.",
                "rejected": "No idea.",
            }
            for n in numbers
        ],
        "kto": [
            {
                "prompt": f"What is {n} plus two?",
                "completion": f"It is {n + 2}.",
                "label": n % 3 > 0,
            }
            for n in numbers
        ],
    }
    for name, some in rows.items():
        text = "".join(json.dumps(row) + "\n" for row in some)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    files = {name: folder / f"{name}.jsonl" for name in rows}
    return files | {"orpo": files["dpo"], "reward": files["dpo"], "grpo": files["sft"]}


@pytest.mark.parametrize("command", [case(one) for one in COMMANDS])
def test_the_documented_command_trains(
    command: str, model: Path, data: dict[str, Path], tmp_path: Path
):
    words = shlex.split(command)
    objective = words[words.index("--objective") + 1] if "--objective" in words else "sft"
    words += [] if "--method" in words else ["--method", "lora"]
    if objective == "grpo":
        reward = tmp_path / "worth.py"  # exact matches tell a model of random weights nothing
        reward.write_text(
            "def worth(prompt, answer, target):\n    return sum(letter < 'P' for letter in answer)\n"
        )
        words += ["--option", "num_generations=4", "--set", "generated_tokens=6"]
        words += ["--option", f"reward={reward}:worth"]
    if "--option" in words and "layers=2" in words:
        words[words.index("layers=2")] = "layers=1"  # the miniature model has two
    result = CliRunner().invoke(
        cli,
        [
            *("train", "--data", str(data[objective]), "--model", str(model), *words),
            *("--override-gate", "test", "--run-dir", str(tmp_path / "run"), "--json"),
            *("--seq-len", "128", "--batch-size", "4", "--epochs", "1", "--quiet"),
        ],
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    trained = told.get("train", told)
    folder = Path(trained["served_by"]["model"])
    assert list(folder.glob("*.safetensors"))
    assert trained["steps"] > 0
    assert trained["method"] in command or "--objective" in command


def test_the_page_names_every_method_and_objective():
    from advisor import registry
    from advisor.contracts import Applying

    text = " ".join(COMMANDS)
    methods = set(re.findall(r"--method (\w+)", text))
    assert methods == {
        n for n in registry.names("advisor.methods") if isinstance(registry.method(n), Applying)
    }
    objectives = set(re.findall(r"--objective (\w+)", text))
    assert objectives == set(registry.names("advisor.objectives")) - {"classification"}
