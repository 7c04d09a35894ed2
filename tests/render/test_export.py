"""An export on a terminal: the verdict first, every figure, and nothing that a text can do."""

from __future__ import annotations

import io

import pytest

from advisor.render.export import MEANING, show_export
from advisor.render.terminal import make_console
from advisor.schema.base import ConfidenceInterval
from advisor.schema.export import (
    CONFIDENCE,
    Agreement,
    Exported,
    ExportRecord,
    Snippet,
    most_differing,
)
from advisor.shipping.certifying import few


def agreement(**changes) -> Agreement:
    base = {
        "reference": "transformers: lora tuned, final",
        "exported": "transformers: merged, merged",
        "n": 100,
        "equal": 99,
        "asked_agreement": 0.99,
        "metric": "exact_match",
        "reference_score": 0.9,
        "exported_score": 0.89,
        "worse_by": 0.01,
        "interval": ConfidenceInterval(low=-0.01, high=0.03, level=0.9),
        "asked_worse_by": 0.02,
        "same_prompts": True,
        "same_ends": None,
        "differing": ("t-3",),
        "verdict": "within_tolerance",
    }
    return Agreement(**base | changes)


def shown(found: Agreement | None, **changes) -> str:
    base = {"exporter": "merged", "output_dir": "exports/merged", "files": ("config.json",)}
    record = ExportRecord(exported=Exported(**base | changes), agreement=found)
    out = io.StringIO()
    show_export(make_console(out, color=False), record)
    return out.getvalue()


@pytest.mark.parametrize("verdict", sorted(MEANING))
def test_the_verdict_stands_first_in_words(verdict):
    found = agreement(verdict=verdict, n=1000, equal=999)
    text = " ".join(shown(found).split())
    assert text.index(MEANING[verdict][:40]) < text.index("999 of 1000")


def test_every_figure_is_told_with_what_was_asked_for():
    text = " ".join(shown(agreement()).split())
    assert "99 of 100 (99.0 %; at least 99 % asked for)" in text
    assert "90.0 % evaluated, 89.0 % exported, -1.0 points" in text
    assert "(90 % interval -3.0 to +1.0); at most 2 worse let pass" in text
    assert "read alike" in text
    assert "unknown: one of the two does not tell" in text
    assert "t-3" in text


def test_nothing_compared_shows_no_figures():
    text = shown(agreement(verdict="unchecked", n=0, equal=0, worse_by=None, interval=None))
    assert "of 0" not in text
    assert "Is it the same?" not in shown(None)


def test_a_snippet_keeps_its_lines_and_says_whether_it_was_run():
    code = "for x in y:\n    print(x)\n"
    text = shown(
        None, snippets=(Snippet(title="Ask it", language="python", text=code, was_run=True),)
    )
    assert "Ask it: was run here" in text
    assert "  for x in y:\n      print(x)\n" in text


def test_hostile_texts_do_nothing():
    bad = "a\x1b[2Jb\u202ec[bold]d[/bold]<script>"
    text = shown(
        agreement(problems=(bad,), differing=(bad,), exported=bad, verdict="different"),
        files=(bad,),
        notes=(bad,),
        unchecked=(bad,),
        snippets=(Snippet(title=bad, text=bad, note=bad),),
    )
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]" in text


@pytest.mark.parametrize(
    ("asked", "n", "equal", "is_shown"),
    [
        (0.99, 298, 298, False),
        (0.99, 299, 299, True),
        (0.99, 299, 298, False),
        (0.99, 473, 472, True),
        (0.90, 28, 28, False),
        (0.90, 29, 29, True),
        (0.90, 100, 95, False),
        (0.90, 100, 96, True),
        (0.99, 1, 1, False),
        (1.00, 9999, 9999, False),
    ],
)
def test_a_proof_is_claimed_only_where_the_sample_shows_the_tolerance(asked, n, equal, is_shown):
    verdict = "same" if n == equal else "within_tolerance"
    found = agreement(verdict=verdict, n=n, equal=equal, asked_agreement=asked)
    text = " ".join(shown(found).replace("│", " ").split())
    assert (MEANING[verdict] in text) == is_shown
    assert ("leave open whether" in text) != is_shown
    assert f"{equal} of {n}" in text
    assert bool(few(found)) != is_shown
    assert few(found.model_copy(update={"verdict": "different"})) == ()


def test_the_bound_is_that_of_the_exact_binomial_test():
    from scipy.stats import beta

    for others, n in ((0, 1), (0, 100), (1, 100), (7, 240), (39, 5000), (99, 100)):
        asked = beta.ppf(CONFIDENCE, others + 1, n - others)
        assert most_differing(others, n) == pytest.approx(asked, abs=1e-6)
    assert most_differing(3, 3) == 1.0
    assert agreement(asked_agreement=0.99).least_asked == 299
    assert agreement(asked_agreement=1.0).least_asked is None
