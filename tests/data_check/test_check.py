"""Each kind of fault is found, with its rows, and nothing is found in clean data."""

from __future__ import annotations

from pathlib import Path

from advisor.data_check.check import check
from advisor.data_check.contradictions import contradicting
from advisor.data_check.duplicates import duplicate_share, repeated
from advisor.data_check.empties import placeholders
from advisor.data_check.lengths import estimated_tokens, quantiles
from advisor.data_check.normal import input_key, normalise
from advisor.formats.readers import read_dataset
from advisor.schema.dataset import DataCheck, Dataset
from advisor.schema.evaluation import Message, Sample


def dataset_of(*rows: tuple[str, str, str | None]) -> Dataset:
    samples = tuple(
        Sample(id=str(n), input=text, target=target, split=part, line=n)
        for n, (text, target, part) in enumerate(rows, start=1)
    )
    return Dataset(path="d", format="jsonl/x", samples=samples, rows=len(samples), digest="0" * 16)


def clean(count: int = 100) -> list[tuple[str, str, str | None]]:
    return [(f"question {n}", f"answer {n}", None) for n in range(count)]


def codes(found: DataCheck) -> dict[str, tuple[int, ...]]:
    return {problem.code: problem.rows for problem in found.problems}


def test_clean_data_has_no_problem() -> None:
    found = check(dataset_of(*clean()))
    assert found.problems == ()
    assert (found.rows, found.usable_rows) == (100, 100)
    assert found.splits.given == {"none": 100}
    assert found.splits.used == {"train": 60, "dev": 10, "test": 30}
    assert found.leakage.share is None


def test_normalising_evens_out_case_space_and_unicode() -> None:
    assert normalise("  Caf\u0065\u0301\tAU  lait ") == "caf\u00e9 au lait"
    assert normalise("\uff21") == "a"


def test_history_makes_inputs_different() -> None:
    bare = Sample(id="1", input="And then?", target="x")
    later = bare.model_copy(update={"history": (Message(role="user", content="Hello"),)})
    assert input_key(bare) != input_key(later)


def test_duplicates_and_contradictions() -> None:
    rows = [*clean(), ("Question  0", "answer 0", None), ("question 1", "other", None)]
    found = check(dataset_of(*rows))
    assert codes(found) == {"contradictions": (2, 102), "duplicates": (101, 102)}
    assert (found.duplicates.rows, found.duplicates.groups) == (2, 2)
    assert (found.contradictions.inputs, found.contradictions.rows) == (1, 2)
    samples = dataset_of(*rows).samples
    assert [s.line for s in repeated(samples)] == [101, 102]
    assert duplicate_share(samples) == 2 / 102
    assert duplicate_share(()) is None
    assert [[s.line for s in group] for group in contradicting(samples)] == [[2, 102]]


def test_leakage_is_an_error_and_comes_first() -> None:
    rows = [(f"question {n}", "a", "train") for n in range(30)]
    rows += [("QUESTION 3", "a", "test"), ("new", "a", "test"), ("question 3", "a", "train")]
    found = check(dataset_of(*rows))
    assert found.problems[0].code == "leakage"
    assert found.problems[0].severity == "error"
    assert found.problems[0].rows == (31,)
    assert (found.leakage.leaked_rows, found.leakage.test_rows, found.leakage.share) == (1, 2, 0.5)


def test_placeholders_are_a_warning_when_rare_and_a_note_when_a_label() -> None:
    rare = dataset_of(*clean(), ("question x", "N/A", None))
    assert check(rare).problems[0].severity == "warning"
    assert [s.line for s in placeholders(rare.samples)] == [101]
    label = dataset_of(*[(f"q{n}", ("none", "some")[n % 2], None) for n in range(100)])
    assert [p.severity for p in check(label).problems] == ["note"]


def test_lengths_are_estimated_from_characters_and_say_so() -> None:
    found = check(dataset_of(*clean(), ("long " * 1000, "answer", None)))
    assert found.token_lengths is not None
    assert found.token_lengths.estimated_from == "UTF-8 bytes / 4"
    assert found.token_lengths.input.largest == 1250
    assert codes(found) == {"long_rows": (101,)}
    assert estimated_tokens("12345") == 2
    spread = quantiles(range(1, 101))
    assert (spread.smallest, spread.p50, spread.p95, spread.largest) == (1, 50, 95, 100)
    assert quantiles([7]).p95 == 7


def test_no_rows_at_all() -> None:
    found = check(dataset_of())
    assert found.token_lengths is None
    assert list(codes(found)) == ["no_test_split", "few_rows"]
    assert found.splits.used is None


def test_faulty_rows_are_grouped_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    good = "".join(f'{{"input": "q{n}", "output": "a{n}"}}\n' for n in range(100))
    path.write_text(good + 'nope\n{"input": "", "output": "x"}\nnope\n', encoding="utf-8")
    found = check(read_dataset(path, keep_faulty=True))
    assert codes(found) == {"broken_json": (101, 103), "empty_input": (102,)}
    assert (found.rows, found.usable_rows) == (103, 100)
    assert all(problem.hint for problem in found.problems)
