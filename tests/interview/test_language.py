"""Texts as data: every language says the same things, and a gap falls back to English."""

import re
import shutil
import string
from pathlib import Path

import pytest

from advisor.errors import InputError, RuleParseError
from advisor.interview.contradictions import load_contradictions
from advisor.interview.language import FactTexts, languages, load_language
from advisor.interview.question import Wish
from advisor.resources import rules_root
from advisor.rulebook.conditions import facts_named
from advisor.rulebook.load import load_facts

ROOT = Path(__file__).resolve().parents[2]
ASKED = [fact for fact in load_facts(rules_root()) if fact.question]
ENGLISH = load_language(rules_root(), "en")
OTHERS = [code for code in languages(rules_root()) if code != "en"]
TABLES = ("words", "keys", "texts", "approaches", "sources", "facts", "contradictions")


def only(code):
    """The file by itself, without the English below it."""
    import yaml

    text = (rules_root() / "language" / f"{code}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, yaml.BaseLoader)


def places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("table", TABLES)
def test_a_translation_has_the_same_keys(code, table):
    assert set(only(code)[table]) >= set(only("en")[table])
    if table != "facts":
        assert set(only(code)[table]) == set(only("en")[table])


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("table", ["texts", "sources"])
def test_a_translation_has_the_same_places(code, table):
    theirs = only(code)[table]
    for key, text in only("en")[table].items():
        assert places(theirs[key]) == places(text), key


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("fact", ASKED, ids=lambda fact: fact.id)
def test_a_translation_says_all_of_every_question(code, fact):
    own = FactTexts.model_validate(only(code)["facts"][fact.id])
    assert all((own.label, own.question, own.meaning, own.why))
    assert bool(own.help) == bool(fact.help)
    assert set(own.choices) == set(fact.choices)
    assert {float(value) for value in own.presets} == {preset.value for preset in fact.presets}


@pytest.mark.parametrize("fact", ASKED, ids=lambda fact: fact.id)
def test_english_names_every_fact_and_choice(fact):
    own = ENGLISH.facts[fact.id]
    assert own.label
    assert set(own.choices) == set(fact.choices)


def test_every_contradiction_has_a_sentence_and_names_facts_that_are_asked():
    known = load_contradictions(rules_root())
    assert {one.id for one in known} == set(ENGLISH.contradictions)
    asked = {fact.id for fact in ASKED}
    for one in known:
        assert set(facts_named(one.when)) <= asked, one.id


def test_a_faulty_file_of_contradictions_is_told(tmp_path):
    (tmp_path / "contradictions.yaml").write_text("- id: a\n  wen: {}\n")
    with pytest.raises(RuleParseError, match="wen"):
        load_contradictions(tmp_path)


def test_every_unit_asked_for_is_translated():
    units = {fact.unit for fact in ASKED if fact.unit}
    for code in OTHERS:
        assert units <= set(only(code)["units"])


def test_every_sentence_in_the_code_is_there_and_every_one_there_is_used():
    files = [*(ROOT / "advisor/interview").glob("*.py"), *(ROOT / "advisor/cli").glob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    called = set(re.findall(r"\bsay\(\s*\"(\w+)\"", code))
    assert called <= set(ENGLISH.texts)
    quoted = set(re.findall(r"\"(\w+)\"", code))
    built = {key for key in ENGLISH.texts if key.startswith(("limit_", "way_", "origin_"))}
    assert set(ENGLISH.texts) - quoted - built == set()


@pytest.mark.parametrize("code", ["en", *OTHERS])
def test_no_word_or_key_means_two_things(code):
    language = load_language(rules_root(), code)
    wishes = [wish.value for wish in Wish]
    said = [word for wish in wishes for word in language.words[wish]]
    said += [*language.words["yes"], *language.words["no"]]
    assert len(said) == len(set(said))
    keys = [language.keys[wish] for wish in wishes]
    keys += [language.keys["yes"], language.keys["no"]]
    assert len(keys) == len(set(keys))
    review = [language.keys[name] for name in ("accept", "go_on", "back", "why", "add")] + ["q"]
    assert len(review) == len(set(review))
    assert all(len(key) == 1 and not key.isdigit() for key in language.keys.values())


def test_what_a_translation_leaves_out_is_english(tmp_path):
    shutil.copytree(rules_root() / "language", tmp_path / "language")
    (tmp_path / "language" / "fr.yaml").write_text(
        "name: français\ntexts: {'yes': oui}\nfacts: {task.kind: {choices: {chat: bavarder}}}\n",
        encoding="utf-8",
    )
    french = load_language(tmp_path, "fr")
    kind = next(fact for fact in ASKED if fact.id == "task.kind")
    assert (french.say("yes"), french.say("no")) == ("oui", "no")
    assert french.choice(kind, "chat") == "bavarder"
    assert french.choice(kind, "code") == ENGLISH.choice(kind, "code")
    assert french.of(kind).question == kind.question
    assert french.keys == ENGLISH.keys


def test_an_unknown_language_is_told_with_those_there_are():
    with pytest.raises(InputError, match="no language 'fr'") as caught:
        load_language(rules_root(), "fr")
    assert "de, en" in caught.value.hint


def test_a_faulty_language_file_is_told(tmp_path):
    (tmp_path / "language").mkdir()
    (tmp_path / "language" / "en.yaml").write_text("name: English\ntextes: {}\n")
    with pytest.raises(RuleParseError, match="textes") as caught:
        load_language(tmp_path, "en")
    assert "en.yaml:2" in caught.value.where


def test_values_in_words(facts):
    german = load_language(rules_root(), "de")
    samples, target = facts["data.labelled_samples"], facts["task.target"]
    assert ENGLISH.value(samples, 12345) == "12,345 samples"
    assert german.value(samples, 12345) == "12.345 Beispiele"
    assert german.value(samples, 20) == "etwa 20"
    assert ENGLISH.value(target, 0.835) == "83.5 %"
    assert german.value(target, 0.835) == "83,5 %"
    assert german.value(facts["output.house_format"], value=True) == "ja"
    assert german.either(["a", "b", "c"]) == "a, b oder c"
