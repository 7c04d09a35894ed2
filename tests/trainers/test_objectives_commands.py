"""The commands of the page on preferences and rewards do what the page says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.schema.train import TrainResult
from tests.fixtures.tiny_llama import make_tiny_llama

pytestmark = [pytest.mark.ml, pytest.mark.slow]

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
GRADED = """
def worth(prompt, completion, target):
    return sum(map(str.isascii, completion)) / (1 + len(completion))
"""
"""A model with random weights hits no target; this tells its completions apart."""
PAGE = Path("docs") / "how-to" / "preferences-and-rewards.md"


def written(path: str, rows: list[dict[str, object]]) -> None:
    Path(path).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def turns(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def test_every_command_of_the_page_trains(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = BLOCK.findall((root / PAGE).read_text(encoding="utf-8"))
    text = "".join(code for kind, code in blocks if kind == "sh").replace("\\\n", " ")
    commands = [shlex.split(line) for line in text.splitlines()]
    assert len(commands) == 6
    monkeypatch.chdir(tmp_path)
    make_tiny_llama(Path("base-model"), context=512)
    (function,) = (code for kind, code in blocks if kind == "python")
    told: dict[str, Any] = {}
    exec(function, told)
    assert (told["worth"]("", "It is 4.", " 4"), told["worth"]("", "5", "4")) == (1, 0)
    Path("worth.py").write_text(GRADED, encoding="utf-8")
    asked = [f"Say {i}" for i in range(40)]
    written(
        "pairs.jsonl",
        [
            {
                "input": {"messages": turns("user", prompt)},
                "preferred_output": turns("assistant", "yes yes"),
                "non_preferred_output": turns("assistant", f"no {i % 3}"),
            }
            for i, prompt in enumerate(asked)
        ],
    )
    written(
        "marks.jsonl",
        [
            {"prompt": prompt, "completion": "yes" if i % 2 else "no", "label": bool(i % 2)}
            for i, prompt in enumerate(asked)
        ],
    )
    written("tasks.jsonl", [{"prompt": prompt, "completion": "a"} for prompt in asked])
    quick = ["--set", "generated_tokens=8", "--set", "epochs=1", "--set", "micro_batch_size=8"]
    for command in commands:
        more = quick if "grpo" in command else []
        result = CliRunner().invoke(cli, [*command[1:], *more, "--quiet"])
        assert result.exit_code == 0, result.output
        folder = Path(command[command.index("--run-dir") + 1])
        (found,) = folder.glob("training/*/result.json")
        kept = json.loads(found.read_text(encoding="utf-8"))["result"]
        trained = TrainResult.model_validate(kept)
        assert trained.objective == command[command.index("--objective") + 1]
        assert trained.steps
        if trained.objective != "grpo":
            assert trained.dev_loss_after < trained.dev_loss_before
