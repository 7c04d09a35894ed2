"""The four modules others may rely on, and what they promise to hold."""

import importlib
import inspect

import pytest


def reading_order(name: str) -> tuple[bool, bool, str]:
    """Constants, then classes, then functions, each by the alphabet: ruff's order for `__all__`."""
    return (not name.isupper(), not name[0].isupper(), name)


SURFACE = ("advisor.contracts", "advisor.errors", "advisor.pipeline", "advisor.schema")


@pytest.mark.parametrize("name", SURFACE)
def test_names_are_sorted_and_exist(name: str):
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(module.__all__, key=reading_order)
    for public in module.__all__:
        assert getattr(module, public, None) is not None or name == "advisor.schema", public


@pytest.mark.parametrize("name", ["advisor.contracts", "advisor.errors"])
def test_every_public_class_is_named(name: str):
    module = importlib.import_module(name)
    own = {
        key
        for key, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == name and not key.startswith("_")
    }
    assert own - set(module.__all__) == set()


def test_schema_names_its_modules(root):
    schema = importlib.import_module("advisor.schema")
    on_disk = {p.stem for p in (root / "advisor" / "schema").glob("*.py")} - {"__init__"}
    assert set(schema.__all__) == on_disk
    for name in schema.__all__:
        importlib.import_module(f"advisor.schema.{name}")


def test_the_package_itself_holds_only_its_version():
    package = importlib.import_module("advisor")
    assert isinstance(package.__version__, str)
