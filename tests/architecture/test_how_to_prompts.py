"""The page on prompts names every builder of its room with its options, and commands that parse."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from advisor import registry
from advisor.builtin.prompting.compared import MAY_BE_CHANCE
from advisor.builtin.prompting.telling import CALLS
from advisor.cli.baseline import command as baseline

BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \|.*\|([^|]*)\|$", re.MULTILINE)


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "prompts.md").read_text(encoding="utf-8")


def test_the_table_has_the_builders_with_their_options(page: str) -> None:
    told = {name: set(re.findall(r"`(\w+)`", options)) for name, options in ROW.findall(page)}
    ours = {
        name
        for name in registry.names("advisor.prompting")
        if "builtin" in type(registry.prompt_builder(name)).__module__
    }
    assert set(told) == ours
    for name, options in told.items():
        assert options == set(registry.prompt_builder(name).info.options), name


def test_every_command_is_one_that_the_program_takes(page: str) -> None:
    text = "".join(BLOCK.findall(page)).replace("\\\n", " ")
    commands = [shlex.split(line) for line in text.splitlines() if line.startswith("advisor")]
    assert len(commands) == 6
    known = {name for option in baseline.params for name in option.opts}
    for words in commands:
        assert words[1] == "baseline"
        assert {word for word in words if word.startswith("--")} <= known
        for name in words[words.index("--builders") + 1].split(","):
            told = dict(word.split("=") for word in words if word.startswith(f"{name}."))
            registry.configured_system(name, told)


def test_the_figures_are_those_of_the_code(page: str) -> None:
    assert f"({CALLS} if not told)" in page
    assert f"sign test, {MAY_BE_CHANCE:.0%}".replace("%", " %") in page


def test_the_share_of_lucky_searches_is_the_measured_one(page: str, root: Path) -> None:
    found = re.search(r"(\d+) % to (\d+) % of searches left the start", " ".join(page.split()))
    assert found
    told = [int(number) for number in found.groups()]
    result = root / "benchmarks" / "results" / "prompts.json"
    if not result.is_file():  # `make bench` has not run yet
        return
    alike = json.loads(result.read_text(encoding="utf-8"))["simulated"]["all_prompts_alike"]
    shares = [100 * size["changed"] for size in alike.values() if isinstance(size, dict)]
    assert told == pytest.approx([min(shares), max(shares)], abs=5)
