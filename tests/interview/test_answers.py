"""Profiles as files."""

import json

import pytest

from advisor.errors import ProfileError, StorageError
from advisor.interview.answers import load_profile, save_profile
from advisor.schema.profile import DataFacts, OutputFacts, Profile, TaskFacts


def written(tmp_path, text, name="answers.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_nested_and_dotted_keys_are_the_same(tmp_path):
    nested = load_profile(written(tmp_path, "task: {kind: chat}\ndata: {labelled_samples: 5}\n"))
    dotted = load_profile(written(tmp_path, "task.kind: chat\ndata.labelled_samples: 5\n"))
    assert nested == dotted
    assert nested.task.kind == "chat"


def test_both_spellings_may_stand_side_by_side(tmp_path):
    profile = load_profile(written(tmp_path, "task: {kind: chat}\ntask.target: 0.5\n"))
    assert profile.task == TaskFacts(kind="chat", target=0.5)


def test_json_is_read(tmp_path):
    text = json.dumps({"task": {"kind": "code"}, "output": {"strict_format": True}})
    profile = load_profile(written(tmp_path, text, "answers.json"))
    assert profile.output.strict_format is True


def test_yes_and_no_are_understood(tmp_path):
    profile = load_profile(written(tmp_path, "output: {strict_format: yes, house_format: no}\n"))
    assert profile.output == OutputFacts(strict_format=True, house_format=False)


def test_null_and_an_empty_file_mean_unknown(tmp_path):
    assert load_profile(written(tmp_path, "")) == Profile()
    assert load_profile(written(tmp_path, "task:\ndata: {labelled_samples: null}\n")) == Profile()


def test_an_artifact_can_be_read_as_a_profile(tmp_path):
    content = {"schema_version": 1, "advisor_version": "0", "as_of": "x", "artifact": {}}
    content |= Profile(task=TaskFacts(kind="chat")).model_dump(mode="json")
    assert (
        load_profile(written(tmp_path, json.dumps(content), "1-profile.json")).task.kind == "chat"
    )


@pytest.mark.parametrize("name", ["saved.yaml", "saved.json"])
def test_what_is_saved_is_read_back(tmp_path, name):
    profile = Profile(
        name="größe", task=TaskFacts(kind="chat", target=0.5), data=DataFacts(labelled_samples=0)
    )
    save_profile(profile, tmp_path / name)
    assert load_profile(tmp_path / name) == profile
    assert "None" not in (tmp_path / name).read_text()


def test_what_nobody_knows_and_where_facts_come_from_is_read_back(tmp_path):
    profile = Profile(
        task=TaskFacts(kind="chat", target=0.5),
        provenance={"task.kind": "suggested by dataset", "task.target": "asked"},
        unknown=("task.needs_style", "data.quality"),
    )
    save_profile(profile, tmp_path / "a.yaml")
    read = load_profile(tmp_path / "a.yaml")
    assert read.unknown == profile.unknown
    assert read.provenance == {"task.kind": "suggested by dataset"}


def test_a_stated_fact_is_not_unknown(tmp_path):
    text = "task: {kind: chat}\nunknown: [task.kind, data.quality, data.quality]\n"
    assert load_profile(written(tmp_path, text)).unknown == ("data.quality",)
    assert load_profile(written(tmp_path, "unknown:\n")).unknown == ()


def test_an_unwritable_place_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        save_profile(Profile(), tmp_path / "file" / "answers.yaml")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("task:\n  targett: 1\n", 2, "unknown fact 'task.targett'; did you mean 'task.target'?"),
        ("task.targett: 1\n", 1, "unknown fact 'task.targett'; did you mean 'task.target'?"),
        ("tasks: {}\n", 1, "unknown key 'tasks'; did you mean 'task'?"),
        ("labelled_samples: 5\n", 1, "did you mean 'data.labelled_samples'?"),
        ("weather: fine\n", 1, "the groups are task, data"),
        ("task: chat\n", 1, "facts are expected below this group"),
        ("task: {kind: chating}\n", 1, "did you mean 'chat'?"),
        ("task: {target: 85}\n", 1, "task.target: 85 should be less than or equal to 1"),
        ("data:\n  labelled_samples: plenty\n", 2, "data.labelled_samples: 'plenty'"),
        ("data.labelled_samples: -1\n", 1, "data.labelled_samples: -1"),
        ("task: {kind: chat}\ntask: {kind: code}\n", 2, "'task' stands twice"),
        ("- task\n", 1, "a profile is a set of facts"),
        ("task: {kind: [\n", 2, "not valid YAML"),
        ("unknown: [task.kind,\n  task.targett]\n", 2, "did you mean 'task.target'?"),
        ("task: {kind: chat}\nunknown: task.target\n", 2, "unknown: a list of facts is expected"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path, text, line, words):
    with pytest.raises(ProfileError) as caught:
        load_profile(written(tmp_path, text))
    assert words in caught.value.message
    assert caught.value.where.endswith(f"answers.yaml:{line}")
    assert caught.value.hint


def test_several_mistakes_are_told_together(tmp_path):
    text = "task: {kinnd: chat}\ndate: {}\noutput: {strict_formal: true}\n"
    with pytest.raises(ProfileError) as caught:
        load_profile(written(tmp_path, text))
    for words in ("task.kinnd", "'date'", "output.strict_formal"):
        assert words in caught.value.message


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ProfileError, match="does not exist") as caught:
        load_profile(tmp_path / "nowhere.yaml")
    assert "nowhere.yaml" in caught.value.where


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("task: {kind: [", "Mend the line"),
        ("task: {kind: chat}\ntask: {}\n", "Keep one of the two."),
        ("task: {knid: chat}\n", "rules/facts.yaml names every fact"),
        ("task: {target: 85}\n", "Give a value as the message says"),
        (b"task: {kind: \xff}", "text in UTF-8"),
        (None, "Check the path"),
        ("folder", "not a folder"),
    ],
)
def test_the_hint_fits_the_mistake(tmp_path, text, hint):
    path = tmp_path / "answers.yaml"
    if text == "folder":
        path.mkdir()
    elif text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert hint in caught.value.hint


def test_different_mistakes_have_each_their_hint(tmp_path):
    with pytest.raises(ProfileError) as caught:
        load_profile(written(tmp_path, "task: {kind: chat}\ntask: {knid: 1}\n"))
    assert "Keep one of the two." in caught.value.hint
    assert "rules/facts.yaml" in caught.value.hint
