"""What every registered reader of documents promises."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor import registry
from advisor.contracts import DocumentReader, PluginInfo
from advisor.errors import AdvisorError, CorpusError, DuplicatePluginError
from advisor.schema.dataset import ReadDocuments
from tests.fixtures.odd_documents import CSV, DISGUISED, HTML, PDF, READ, WORD, put

NAMES = registry.names("advisor.readers")
every_reader = pytest.mark.parametrize("name", NAMES)
SEEDS = [
    PDF,
    WORD,
    HTML.encode(),
    CSV.encode(),
    "größer\x00".encode("latin-1"),
    b"---\na: b\n---\nx",
]


def test_ours_are_registered() -> None:
    assert set(NAMES) >= {"text", "markdown", "html", "pdf", "docx", "csv"}


@every_reader
def test_it_says_who_it_is(name: str) -> None:
    reader = registry.reader(name)
    assert isinstance(reader, DocumentReader)
    assert isinstance(reader.info, PluginInfo)
    assert reader.info.id == name
    assert reader.suffixes
    assert all(ending.startswith(".") and ending == ending.lower() for ending in reader.suffixes)


def keeps_its_word(found: ReadDocuments, name: str) -> None:
    names = [document.name for document in found.documents]
    assert len(set(names)) == len(names)
    for document in found.documents:
        assert document.name == name or document.name.startswith(f"{name}#")
        assert document.text.strip()
        assert "\x00" not in document.text
        document.model_dump_json().encode()
        assert all(document.metadata.values())


def outcome(reader: DocumentReader, path: Path, name: str) -> ReadDocuments | AdvisorError:
    try:
        return reader.read(path, name)
    except AdvisorError as error:
        return error


def tried(reader: DocumentReader, folder: Path, content: bytes) -> None:
    """Reading gives documents that keep the promises, or an error that is told; twice the same."""
    name = f"odd file{reader.suffixes[0]}"
    path = put(folder, {name: content}) / name
    found = outcome(reader, path, f"sub/{name}")
    if isinstance(found, AdvisorError):
        assert name in found.message
        assert found.hint
        return
    keeps_its_word(found, f"sub/{name}")
    assert reader.read(path, f"sub/{name}") == found


@every_reader
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=400))
def test_random_bytes_never_break_it(name: str, tmp_path: Path, content: bytes) -> None:
    tried(registry.reader(name), tmp_path, content)


@every_reader
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_changed_documents_never_break_it(name: str, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for place, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)
    ):
        content[place] = byte
    tried(registry.reader(name), tmp_path, bytes(content))


@every_reader
def test_the_museum_never_breaks_it(name: str, tmp_path: Path) -> None:
    for content, *_ in (*READ.values(), *DISGUISED.values()):
        tried(registry.reader(name), tmp_path, content)


@every_reader
def test_nothing_and_blanks_give_nothing(name: str, tmp_path: Path) -> None:
    reader = registry.reader(name)
    for content in (b"", b" \n\t\n", b"\xef\xbb\xbf"):
        path = put(tmp_path, {f"a{reader.suffixes[0]}": content}) / f"a{reader.suffixes[0]}"
        found = outcome(reader, path, path.name)
        if isinstance(found, ReadDocuments):
            assert found.documents == ()
        else:
            assert path.name in found.message


@every_reader
def test_a_file_that_is_not_there_is_told(name: str, tmp_path: Path) -> None:
    reader = registry.reader(name)
    with pytest.raises(CorpusError, match="cannot be read"):
        reader.read(tmp_path / f"gone{reader.suffixes[0]}", "gone")


class Foreign:
    info = PluginInfo(id="better", label="another package's")
    suffixes = (".pdf", ".new")


def test_another_package_stands_before_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    real, owners = registry.reader, {"better": "better-pdf", "again": "again-pdf"}
    monkeypatch.setattr(registry, "names", lambda _group: (*NAMES, "better"))
    monkeypatch.setattr(registry, "owner", lambda _group, name: owners.get(name, registry.OURS))
    monkeypatch.setattr(
        registry, "reader", lambda name: Foreign() if name in owners else real(name)
    )
    found = registry.readers()
    assert found[".pdf"].info.id == found[".new"].info.id == "better"
    assert found[".txt"].info.id == "text"
    monkeypatch.setattr(registry, "names", lambda _group: (*NAMES, "better", "again"))
    with pytest.raises(DuplicatePluginError, match=r"Two readers claim \.pdf files"):
        registry.readers()
