import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.schema.citing import cited, without_citations


@pytest.mark.parametrize(
    ("text", "numbers", "bare"),
    [
        ("Paris [1].", (1,), "Paris."),
        ("Paris.[1]", (1,), "Paris."),
        ("Paris [1][3], or Rome [2, 3].", (1, 3, 2), "Paris, or Rome."),
        ("Paris [ 2 ; 4 ]", (2, 4), "Paris"),
        ("Paris [1-3]", (1, 2, 3), "Paris"),
        ("Paris [3-1]", (3, 1), "Paris"),
        ("[1] Paris", (1,), "Paris"),
        ("Paris (1)", (), "Paris (1)"),
        ("a[i] and [sic] and [1a]", (), "a[i] and [sic] and [1a]"),
        ("Line one [1]\nLine two [2]", (1, 2), "Line one\nLine two"),
        ("", (), ""),
    ],
)
def test_marks_are_read_and_taken_off(text, numbers, bare):
    assert cited(text) == numbers
    assert without_citations(text) == bare


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab [],.0123456789-\n", max_size=60))
def test_what_is_left_names_nothing_and_text_without_marks_is_left(text):
    assert cited(without_citations(text)) == () or "[[" in text or "]" in text
    if not cited(text):
        assert without_citations(text) in {text, text.strip()}
