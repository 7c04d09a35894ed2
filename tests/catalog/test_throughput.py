import shutil

import pytest

from advisor.catalog import throughput as reader
from advisor.catalog.load import catalog_root, read
from advisor.catalog.query import reference
from advisor.errors import CatalogError
from advisor.schema.base import Figure, Value

FOLDER = catalog_root() / "throughput"
KNOWN = reader.throughput()


def figures(value):
    if isinstance(value, Figure):
        yield value
    elif isinstance(value, Value):
        for name in type(value).model_fields:
            yield from figures(getattr(value, name))
    elif isinstance(value, dict):
        for entry in value.values():
            yield from figures(entry)
    elif isinstance(value, tuple):
        for entry in value:
            yield from figures(entry)


def test_every_figure_has_a_source_that_the_catalog_names():
    text = (catalog_root() / "sources.yaml").read_text(encoding="utf-8")
    text += (catalog_root().parent / "sources.yaml").read_text(encoding="utf-8")
    found = list(figures(KNOWN))
    assert len(found) > 60
    for figure in found:
        assert f"id: {figure.provenance.source}," in text
        assert figure.interval.low >= 0


def test_assumptions_say_why():
    constants = figures(reader.throughput().overheads)
    assert all(f.provenance.note for f in constants if f.provenance.kind == "assumed")


def test_every_stack_of_the_catalog_is_in_a_class():
    named = {name for entry in KNOWN.stacks for name in (entry.id, *entry.stacks)}
    stacks = {file.stem for file in (catalog_root() / "stacks").glob("*.yaml")}
    assert stacks <= named
    assert [entry.id for entry in KNOWN.stacks] == ["stock", "tuned", "vendor"]


def test_the_last_class_takes_every_other_card():
    *named, last = KNOWN.classes
    assert all(entry.architectures or entry.gpus for entry in named)
    assert not (last.architectures)
    assert not (last.gpus)


def test_the_reference_holds_it():
    assert reference().throughput == KNOWN


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("power.yaml", "load:", "lode:", "Unknown key 'lode'"),
        ("constants.yaml", "likely: 18", "likely: many", "must be a number"),
        ("utilisation.yaml", "id: hopper", "name: hopper", "Unknown key 'name'"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path, name, old, new, told):
    shutil.copy(FOLDER / name, tmp_path)
    file = tmp_path / name
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CatalogError, match=told) as caught:
        list(reader._part(file))
    assert f"{name}:" in caught.value.where


def test_an_unknown_file_is_told(tmp_path):
    file = tmp_path / "speed.yaml"
    file.write_text("a: 1\n", encoding="utf-8")
    with pytest.raises(CatalogError, match="Unknown file"):
        list(reader._part(file))
    assert read(file).has("a")
