"""The shipped rules are read once, and again whenever anything about them is otherwise."""

import shutil

import pytest

from advisor.resources import rules_root, user_cache_root
from advisor.rulebook import kept as room
from advisor.rulebook import load
from advisor.rulebook.load import load_rulebook


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the shipped rules that passes for them."""
    target = tmp_path / "rules"
    shutil.copytree(rules_root(), target, ignore=shutil.ignore_patterns("catalog"))
    monkeypatch.setattr(room, "rules_root", lambda: target)
    return target


@pytest.fixture
def reads(monkeypatch):
    """How often the files were read whole."""
    counted = []
    whole = load._read_whole

    def read(root, digest):
        counted.append(root)
        return whole(root, digest)

    monkeypatch.setattr(load, "_read_whole", read)
    return counted


def cache():
    return list((user_cache_root() / "rules").glob("*.json"))


def test_the_second_start_reads_the_same_from_the_cache(folder, reads):
    first, second = load_rulebook(folder), load_rulebook(folder)
    assert first == second
    assert len(reads) == 1
    assert len(cache()) == 1


def test_an_edit_of_equal_size_is_noticed(folder, reads):
    before = load_rulebook(folder)
    strengths = folder / "strengths.yaml"
    head, _, weight = strengths.read_text().rpartition("strong: ")
    other = f"{int(weight[0]) % 9 + 1}{weight[1:]}"
    strengths.write_text(f"{head}strong: {other}")
    after = load_rulebook(folder)
    assert before.strengths["strong"] != after.strengths["strong"]
    assert len(reads) == 2
    assert len(cache()) == 1


@pytest.mark.parametrize("content", ["", "{}", "nonsense\n{", "\xff"])
def test_a_broken_cache_is_no_error(folder, reads, content):
    book = load_rulebook(folder)
    (place,) = cache()
    place.write_text(content)
    assert load_rulebook(folder) == book
    state = place.read_text().partition("\n")[0]
    place.write_text(f"{state}\n{{}}")
    assert load_rulebook(folder) == book
    assert len(reads) == 3


def test_a_cache_that_cannot_be_written_is_done_without(folder, reads):
    place = user_cache_root() / "rules"
    place.parent.mkdir(parents=True)
    place.write_text("a file stands where the folder should")
    assert load_rulebook(folder) == load_rulebook(folder)
    assert len(reads) == 2


def test_it_can_be_switched_off(folder, reads, monkeypatch):
    monkeypatch.setenv(room.OFF, "off")
    load_rulebook(folder)
    load_rulebook(folder)
    assert len(reads) == 2
    assert cache() == []


def test_another_folder_is_never_kept(folder, reads, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    load_rulebook(other)
    load_rulebook(other)
    assert len(reads) == 2
    assert cache() == []


def test_a_faulty_folder_is_told_each_time(folder):
    load_rulebook(folder)
    (folder / "strengths.yaml").write_text("weak: 1\n")
    for _ in range(2):
        with pytest.raises(load.RuleParseError):
            load_rulebook(folder)


def test_a_policy_is_never_kept(folder, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("- {rule: no-leak, off: true, reason: a trial}\n")
    changed = load_rulebook(folder, policy)
    plain = load_rulebook(folder)
    assert plain.policy == ()
    assert changed.digest != plain.digest
