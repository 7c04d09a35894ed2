import json
import os
from pathlib import Path

import pytest

from advisor.catalog import compiled as room
from advisor.catalog import overlay
from advisor.catalog.compiled import compiled
from advisor.errors import CatalogError
from advisor.resources import user_cache_root, user_data_root


class Builder:
    """Counts how often a file is read."""

    def __init__(self):
        self.read = []

    def __call__(self, file):
        self.read.append(file.name)
        text = file.read_text(encoding="utf-8")
        if text.startswith("broken"):
            raise CatalogError("Broken.", hint="Mend it.", where=f"{file.name}:1")
        return [{"id": text}]


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "gpus"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.yaml").write_text(name, encoding="utf-8")
    return sorted(folder.iterdir())


def place():
    (found,) = (user_cache_root() / "catalog").iterdir()
    return found


def test_the_second_start_reads_no_file(files):
    first, second = Builder(), Builder()
    assert compiled("gpus", files, first) == compiled("gpus", files, second)
    assert first.read == ["a.yaml", "b.yaml"]
    assert second.read == []


def test_an_edit_of_equal_size_is_noticed(files):
    compiled("gpus", files, Builder())
    before = files[0].stat()
    files[0].write_text("c", encoding="utf-8")
    os.utime(files[0], ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert compiled("gpus", files, Builder())[0] == {"id": "c"}


def test_a_new_file_is_noticed(files):
    compiled("gpus", files, Builder())
    new = files[0].with_name("c.yaml")
    new.write_text("c", encoding="utf-8")
    assert len(compiled("gpus", [*files, new], Builder())) == 3


def test_another_version_reads_again(files, monkeypatch):
    compiled("gpus", files, Builder())
    monkeypatch.setattr(room, "__version__", "0.0.0")
    builder = Builder()
    compiled("gpus", files, builder)
    assert builder.read


def test_changed_code_reads_again(files, monkeypatch, tmp_path):
    code = tmp_path / "catalog"
    code.mkdir()
    (code / "entries.py").write_text("one", encoding="utf-8")
    monkeypatch.setattr(room, "_PACKAGE", tmp_path)
    compiled("gpus", files, Builder())
    (code / "entries.py").write_text("other", encoding="utf-8")
    room._code.cache_clear()
    builder = Builder()
    compiled("gpus", files, builder)
    assert builder.read


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"state": 1}', "\xff"])
def test_a_broken_cache_is_made_again(files, content):
    compiled("gpus", files, Builder())
    place().write_text(content, encoding="latin-1")
    builder = Builder()
    assert compiled("gpus", files, builder) == [{"id": "a"}, {"id": "b"}]
    assert builder.read
    assert json.loads(place().read_text(encoding="utf-8"))["entries"]


def test_a_cache_that_cannot_be_written_is_done_without(files):
    user_cache_root().parent.mkdir(parents=True, exist_ok=True)
    user_cache_root().write_text("a file where the folder should be", encoding="utf-8")
    assert len(compiled("gpus", files, Builder())) == 2


def test_off_reads_every_time_and_writes_nothing(files, monkeypatch):
    monkeypatch.setenv("ADVISOR_CATALOG_CACHE", "off")
    compiled("gpus", files, Builder())
    assert not user_cache_root().exists()


def test_what_is_wrong_with_a_file_is_told_and_not_kept(files):
    files[1].write_text("broken", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(CatalogError) as caught:
            compiled("gpus", files, Builder())
        assert caught.value.where == "b.yaml:1"
    assert not user_cache_root().exists()


def test_two_installations_keep_apart(files, tmp_path):
    other = tmp_path / "elsewhere" / "gpus"
    other.mkdir(parents=True)
    (other / "a.yaml").write_text("z", encoding="utf-8")
    compiled("gpus", files, Builder())
    assert compiled("gpus", [other / "a.yaml"], Builder()) == [{"id": "z"}]
    builder = Builder()
    compiled("gpus", files, builder)
    assert builder.read == []


def test_no_temporary_file_stays(files):
    compiled("gpus", files, Builder())
    assert [p.suffix for p in Path(user_cache_root() / "catalog").iterdir()] == [".json"]


def test_a_process_without_a_home_reads_the_catalog_all_the_same(files, monkeypatch):
    for name in ("ADVISOR_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert len(compiled("gpus", files, Builder())) == 2
    assert overlay.overlay() == {"offers": [], "inference": []}


def no_home():
    raise RuntimeError("Could not determine home directory.")


def test_folders_follow_the_platform(monkeypatch, tmp_path):
    monkeypatch.delenv("ADVISOR_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    assert user_cache_root() == tmp_path / "c" / "advisor"
    assert user_data_root() == tmp_path / "d" / "advisor"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert user_cache_root().is_relative_to(Path.home())
