import pytest

from advisor.catalog.entries import gpu_from
from advisor.catalog.load import read
from advisor.errors import CatalogError


def node(tmp_path, text):
    file = tmp_path / "somewhere.yaml"
    file.write_text(text, encoding="utf-8")
    return read(file)


def test_a_gpu_fact_needs_its_source(tmp_path):
    text = "id: x\nname: X\narchitecture: A\nfacts:\n  memory_gib: {value: 1}\n"
    with pytest.raises(CatalogError, match="Missing: source"):
        gpu_from(node(tmp_path, text))
