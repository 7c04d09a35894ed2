from __future__ import annotations

import pytest

from advisor import registry
from advisor.errors import DuplicatePluginError, PluginContractError, UnknownPluginError


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """A function that installs a tiny distribution with one entry point."""

    def install(distribution, group, line, module="", code=""):
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[{group}]\n{line}\n")
        if module:
            (tmp_path / f"{module}.py").write_text(code)
        registry._points.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield install
    registry._points.cache_clear()


def test_our_own_plugins_are_listed_without_importing_them():
    assert {"full", "lora", "qlora"} <= set(registry.names("advisor.methods"))
    assert registry.owner("advisor.methods", "lora") == "finetune-advisor"


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(
        UnknownPluginError, match=r"Unknown method 'lroa'\. Did you mean 'lora'\?"
    ) as e:
        registry.method("lroa")
    assert "lora" in e.value.hint


def test_a_plugin_of_another_package_is_found(third_party):
    code = "class Upper:\n    info = None\n    def score(self, prompt, completion, sample): ...\n"
    third_party(
        "upper-metric", "advisor.metrics", "upper = upper_metric:Upper", "upper_metric", code
    )
    assert type(registry.metric("upper")).__name__ == "Upper"
    assert registry.owner("advisor.metrics", "upper") == "upper-metric"


def test_two_packages_with_one_name_are_both_named(third_party):
    third_party("rival", "advisor.methods", "lora = rival:Lora")
    with pytest.raises(DuplicatePluginError, match="finetune-advisor and rival"):
        registry.names("advisor.methods")


def test_a_plugin_that_lacks_a_member_is_told(third_party):
    third_party(
        "lame", "advisor.trainers", "lame = lame:Lame", "lame", "class Lame:\n    info = 1\n"
    )
    with pytest.raises(PluginContractError, match="lacks: train"):
        registry.trainer("lame")


def test_the_environment_limits_what_may_load(third_party, monkeypatch):
    third_party("extra", "advisor.metrics", "extra = extra:Extra", "extra", "class Extra: ...\n")
    monkeypatch.setenv("ADVISOR_PLUGINS", "")
    registry._points.cache_clear()
    assert "extra" not in registry.names("advisor.metrics")
    assert "exact_match" in registry.names("advisor.metrics")


def test_a_registered_class_gives_a_fresh_instance_each_time():
    first = registry.get("advisor.prompting", "few_shot")
    assert first is not registry.get("advisor.prompting", "few_shot")
