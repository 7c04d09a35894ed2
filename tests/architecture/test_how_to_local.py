"""What docs/how-to/measure-a-local-model.md says of options and schemas is as the code has it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from advisor import registry
from advisor.resources import embedded_model_root
from tests.fixtures.training import prompt

pytestmark = pytest.mark.ml


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "measure-a-local-model.md").read_text(encoding="utf-8")


def test_the_options_are_those_of_the_backend(page: str):
    from advisor.builtin.backends._transformers import BATCHES_IN_WINDOW
    from advisor.builtin.backends._transformers_load import DTYPES
    from advisor.builtin.backends._ways import ROWS

    values = {
        row[0]: re.findall(r"`(\w+)`", row[1])
        for row in re.findall(r"^\| `(\w+)` \| (.*?) \|", page, re.MULTILINE)
    }
    assert set(values["device"]) == set(ROWS)
    assert set(values["dtype"]) == set(DTYPES)
    assert f"windows of {BATCHES_IN_WINDOW} times" in page


def test_the_schema_holds(page: str):
    [shown] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    told = {"json_schema": shown}
    backend = registry.backend("transformers")
    with backend.open(str(embedded_model_root()), told) as session:
        [answer] = session.generate([prompt("My bill is wrong.")], max_new_tokens=40)
    jsonschema.validate(json.loads(answer.text), json.loads(shown))
