"""The tree drawn in the docstring of advisor.errors is the tree of its classes."""

import inspect
import re

from advisor import errors

BRANCH = re.compile(r"^ {4}(?P<trunk>(?:│ {2}| {3})*)(?:[├└]─ )?(?P<name>[A-Z]\w+)$")


def drawn_edges() -> set[tuple[str, str]]:
    """(parent, child) pairs of the drawing; a root's parent is empty."""
    edges, path = set(), []
    for line in errors.__doc__.splitlines():
        found = BRANCH.match(line)
        if found is None:
            continue
        depth = len(found["trunk"]) // 3 + ("─" in line)
        path = [*path[:depth], found["name"]]
        edges.add((path[-2] if depth else "", path[-1]))
    return edges


def class_edges() -> set[tuple[str, str]]:
    ours = {
        c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__
    }
    edges = set()
    for kind in ours:
        parents = [base for base in kind.__bases__ if base in ours]
        edges.add((parents[0].__name__ if parents else "", kind.__name__))
    return edges


def test_drawing_and_classes_agree():
    assert drawn_edges() == class_edges()
    assert len(class_edges()) > 30


def test_every_error_says_what_it_means():
    for _, name in class_edges():
        assert (getattr(errors, name).__doc__ or "").strip().endswith("."), name


def test_every_error_carries_message_hint_and_place():
    for _, name in class_edges():
        kind = getattr(errors, name)
        if not issubclass(kind, errors.AdvisorError) or kind is errors.MissingExtraError:
            continue
        told = kind("what", hint="how", where="place")
        assert (told.message, told.hint, told.where, str(told)) == ("what", "how", "place", "what")


def test_a_missing_extra_names_the_line_that_installs_it():
    assert (
        "pip install 'finetune-advisor[rag]'" in errors.MissingExtraError("Retrieval", "rag").hint
    )
