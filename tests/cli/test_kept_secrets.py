"""No option brings a key into the run folder."""

from __future__ import annotations

import pytest

from advisor.artifacts import RunFolder
from advisor.cli.measuring_options import read
from advisor.errors import InputError
from advisor.kept_settings import load_settings, save_settings
from advisor.schema.run import SETTINGS_FILE, RunSettings

KEY = "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4"


@pytest.mark.parametrize(
    "values",
    [
        {"backend_options": ("KEY=sk-short",)},
        {"backend_options": ("Api_Key=abc",)},
        {"backend_options": (f"bearer={KEY}",)},
        {"backend_options": (f"extra={KEY}",)},
        {"backend_options": (f"api_key_env={KEY}",)},
        {"metric_options": (f"rubric={KEY}",)},
        {"instruction": f"Answer. Use {KEY} where asked."},
        {"model": KEY},
    ],
)
def test_an_option_that_holds_a_secret_is_refused(values: dict):
    with pytest.raises(InputError) as caught:
        read(values)
    assert "in the run folder" in caught.value.message
    assert KEY not in f"{caught.value.message} {caught.value.hint}"


def test_the_name_of_a_variable_is_no_secret():
    given = {"backend_options": ("api_key_env=GROQ_API_KEY", "device=cpu")}
    found = read(given | {"instruction": "Is there a key or a password in the text?"})
    assert found["backend_options"] == {"api_key_env": "GROQ_API_KEY", "device": "cpu"}


def test_settings_are_kept_without_secrets(tmp_path):
    folder = RunFolder(tmp_path)
    save_settings(
        RunSettings(instruction=f"Use {KEY}.", backend_options={"extra": KEY, "device": "cpu"}),
        folder,
    )
    assert KEY not in (tmp_path / SETTINGS_FILE).read_text(encoding="utf-8")
    kept = load_settings(folder)
    assert kept.instruction == "Use [OpenAI key]."
    assert kept.backend_options == {"extra": "[OpenAI key]", "device": "cpu"}
