from __future__ import annotations

import errno
import json
import os

import pytest

from advisor.artifacts import FILES, Origin, RunFolder, digest_of, digest_of_tree, write_text
from advisor.errors import ArtifactError, MissingArtifactError, SchemaVersionError, StorageError
from advisor.schema.machine import MachineFacts
from advisor.schema.profile import Profile


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def profile(cores=2):
    return Profile(name="p", machine=MachineFacts(cpu_cores=cores))


def test_a_written_value_comes_back_equal(folder):
    folder.write(profile(), Origin(stage="profile", inputs={"data": "a"}))
    assert folder.read("profile", Profile) == profile()
    assert folder.origin("profile").inputs == {"data": "a"}


def test_the_document_carries_version_and_date(folder):
    folder.write(profile(), Origin(stage="profile"))
    content = json.loads(folder.file("profile").read_text())
    assert {"schema_version", "advisor_version", "as_of", "artifact"} <= set(content)


def test_a_missing_document_names_the_command(folder):
    with pytest.raises(MissingArtifactError) as caught:
        folder.raw("gate")
    assert "advisor gate" in caught.value.hint


def test_broken_json_is_told(folder):
    folder.file("profile").write_text("{broken")
    with pytest.raises(ArtifactError, match=r"1-profile\.json cannot be read"):
        folder.raw("profile")


def test_another_schema_version_is_told(folder):
    folder.file("profile").write_text('{"schema_version": 99}')
    with pytest.raises(SchemaVersionError, match="99"):
        folder.raw("profile")


def test_wrong_content_names_the_field(folder):
    folder.write(profile(), Origin(stage="profile"))
    path = folder.file("profile")
    content = json.loads(path.read_text())
    content["machine"]["cpu_cores"] = -1
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match=r"machine\.cpu_cores"):
        folder.read("profile", Profile)


def test_a_document_is_current_only_for_the_same_inputs(folder):
    origin = Origin(stage="profile", inputs={"data": "a"})
    assert not folder.is_current(origin)
    folder.write(profile(), origin)
    assert folder.is_current(origin)
    assert not folder.is_current(Origin(stage="profile", inputs={"data": "b"}))


def test_a_changed_earlier_document_makes_the_later_one_stale(folder):
    folder.write(profile(), Origin(stage="profile"))
    folder.write(profile(), Origin(stage="decide", made_from=folder.made_from("profile")))
    assert folder.freshness("decide") == "fresh"
    folder.write(profile(cores=4), Origin(stage="profile"))
    assert folder.freshness("decide") == "stale"


def test_staleness_is_handed_down(folder):
    folder.write(profile(), Origin(stage="profile"))
    folder.write(profile(), Origin(stage="decide", made_from=folder.made_from("profile")))
    folder.write(profile(), Origin(stage="estimate", made_from=folder.made_from("decide")))
    folder.write(profile(cores=4), Origin(stage="profile"))
    assert folder.freshness("estimate") == "stale"


def test_another_data_digest_than_an_earlier_stage_saw_is_stale(folder):
    folder.write(profile(), Origin(stage="profile", inputs={"data": "new"}))
    folder.write(profile(), Origin(stage="baseline", inputs={"data": "old"}))
    assert folder.freshness("baseline") == "stale"


def test_date_and_version_do_not_count_in_the_digest(folder):
    folder.write(profile(), Origin(stage="profile"))
    before = folder.digest("profile")
    path = folder.file("profile")
    content = json.loads(path.read_text()) | {"as_of": "1999-01-01", "advisor_version": "0"}
    path.write_text(json.dumps(content))
    assert folder.digest("profile") == before


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_text(path, "old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unwritable_folder_is_told(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(StorageError, match="Cannot write"):
        write_text(blocker / "below" / "a.json", "x")


def test_file_names_carry_the_order_of_the_journey():
    assert list(FILES.values()) == [
        "1-profile.json",
        "2-decide.json",
        "3-estimate.json",
        "4-baseline.json",
        "5-gate.json",
        "6-train.json",
        "7-verify.json",
    ]


def test_digest_of_a_tree_changes_with_names_and_contents(tmp_path):
    (tmp_path / "a.txt").write_text("1")
    first = digest_of_tree(tmp_path)
    (tmp_path / "a.txt").write_text("2")
    second = digest_of_tree(tmp_path)
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    assert len({first, second, digest_of_tree(tmp_path)}) == 3


def test_digest_of_ignores_the_order_of_keys():
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
