import pytest

from advisor.catalog.load import files_in, read
from advisor.errors import CatalogError


def write(tmp_path, text):
    file = tmp_path / "entry.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_duplicate_key_names_file_line_and_path(tmp_path):
    file = write(tmp_path, "id: a\nfacts:\n  memory_gib: 1\n  memory_gib: 2\n")
    with pytest.raises(CatalogError) as caught:
        read(file)
    assert caught.value.message == "Duplicate key 'memory_gib'."
    assert caught.value.where == "entry.yaml:4 (facts.memory_gib)"


def test_unknown_key_names_file_line_and_path(tmp_path):
    node = read(write(tmp_path, "id: a\ncolour: red\n"))
    with pytest.raises(CatalogError, match="Unknown key 'colour'") as caught:
        node.expect(required=("id",))
    assert caught.value.where == "entry.yaml:2 (colour)"


def test_missing_key_is_named(tmp_path):
    with pytest.raises(CatalogError, match="Missing: name"):
        read(write(tmp_path, "id: a\n")).expect(required=("id", "name"))


@pytest.mark.parametrize("text", ["", "- a\n", "just words\n"])
def test_a_file_without_mapping_is_refused(tmp_path, text):
    with pytest.raises(CatalogError, match="holds no mapping"):
        read(write(tmp_path, text))


def test_broken_yaml_names_the_line(tmp_path):
    with pytest.raises(CatalogError, match="not valid YAML") as caught:
        read(write(tmp_path, "id: a\nfacts: {open: 1\n"))
    assert caught.value.where.startswith("entry.yaml:")


def test_wrong_type_is_told(tmp_path):
    with pytest.raises(CatalogError, match="must be a number"):
        read(write(tmp_path, "memory: lots\n")).number("memory")


def test_an_empty_folder_is_a_broken_installation(tmp_path):
    with pytest.raises(CatalogError, match="holds no files"):
        files_in(tmp_path)
