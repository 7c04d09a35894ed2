"""What rules claim of their evidence is so; words, chances and gains are what the fit finds."""

import pytest

from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook

BOOK = load_rulebook(rules_root())
DECIDING = [rule for rule in BOOK.rules if rule.kind == "decision" and rule.status == "active"]
OWN = {"authors-judgement"}
FEWEST = 2
"""Publications that must speak for a rule that is no opinion, or that is weighed on outcomes."""


@pytest.fixture(scope="module")
def fit():
    """The script that weighs rules; it needs numpy and scipy."""
    pytest.importorskip("numpy")
    pytest.importorskip("scipy")
    return pytest.importorskip("benchmarks.decisions.fit")


@pytest.fixture(scope="module")
def cases(fit):
    return fit.load(fit.DEVELOPMENT)[0]


@pytest.fixture(scope="module")
def fitted(fit, cases):
    return fit.refit(BOOK, cases)


@pytest.mark.parametrize("rule", DECIDING, ids=lambda rule: rule.id)
def test_a_rule_is_an_opinion_or_two_publications_speak_for_it(rule):
    published = {source.ref for source in rule.sources} - OWN
    assert rule.evidence == "opinion" or len(published) >= FEWEST
    assert rule.evidence == "opinion" or OWN.isdisjoint(
        source.ref for source in rule.sources[:FEWEST]
    )


@pytest.mark.parametrize(
    "rule", [rule for rule in DECIDING if rule.basis == "fitted"], ids=lambda rule: rule.id
)
def test_a_fitted_rule_fires_in_two_publications(rule, cases):
    firing = pytest.importorskip("benchmarks.decisions.firing")
    found = {case.source for case in cases if rule.id in firing.firing_rules(BOOK, case)}
    assert len(found) >= FEWEST


def test_every_fitted_effect_is_weighed(cases):
    design = pytest.importorskip("benchmarks.decisions.design")
    weighed = set(design.make_design(BOOK, cases).keys)
    claimed = {
        (rule.id, place)
        for rule in DECIDING
        if rule.basis == "fitted"
        for place, action in enumerate(rule.then)
        if action.strength
    }
    assert weighed == claimed


def test_the_words_in_the_files_are_those_that_the_fit_finds(fit, fitted):
    assert fit.changes(BOOK, fitted) == {}


def test_the_chances_in_the_file_are_those_that_the_fit_finds(fitted):
    shipped, found = BOOK.acceptance, fitted.acceptance
    assert shipped.basis == found.basis
    assert shipped.most_behind == found.most_behind
    assert shipped.intercept == pytest.approx(found.intercept, abs=0.01)
    assert shipped.per_point_behind == pytest.approx(found.per_point_behind, abs=0.01)
    assert shipped.offsets == pytest.approx(found.offsets, abs=0.02)


def test_the_gains_in_the_file_are_those_that_the_fit_finds(fitted):
    assert len(BOOK.gains) == len(fitted.gains) > 0
    for shipped, found in zip(BOOK.gains, fitted.gains, strict=True):
        assert (shipped.approach, shipped.when) == (found.approach, found.when)
        assert (shipped.comparisons, shipped.sources) == (found.comparisons, found.sources)
        told, likely = ((b.low, b.likely, b.high) for b in (shipped, found))
        assert told == pytest.approx(likely, abs=0.05)


def test_the_files_are_as_the_script_would_write_them(fit):
    folder = rules_root()
    written = (folder / "acceptance.yaml").read_text(encoding="utf-8")
    assert fit.acceptance_text(BOOK.acceptance) == written
    assert fit.gains_text(BOOK.gains) == (folder / "gains.yaml").read_text(encoding="utf-8")
