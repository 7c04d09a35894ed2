"""A mended copy: what is changed and left out, what stays to the letter, and that it is whole."""

from __future__ import annotations

import csv
import errno
import gzip
import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.artifacts import digest_of
from advisor.bundled import bundled_settings, task_names
from advisor.data_check.check import check_file
from advisor.data_check.mend import fix, log_of, wishes_of
from advisor.data_check.mend_between import Wishes
from advisor.errors import DatasetError, InputError, StorageError
from advisor.formats.readers import recognise
from advisor.schema.dataset import DataFix
from tests.fixtures.clean_sets import advice, tickets
from tests.fixtures.data_museum import EXHIBITS, INVENTED, build

PLAIN = Wishes()


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, rows: list[Any]) -> Path:
    texts = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def pairs(count: int = 30) -> list[dict[str, Any]]:
    return [{"prompt": row["ask"], "completion": row["answer"]} for row in advice(count)]


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit["file"])
def test_every_exhibit_is_mended_once_and_for_all(exhibit: dict[str, Any], tmp_path: Path) -> None:
    built = build(exhibit, tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    name = exhibit["file"] if built.path.is_file() else "crawl.jsonl"
    out, again = tmp_path / "once" / name, tmp_path / "twice" / name
    done = fix(built.path, out, PLAIN)
    assert {p: p.read_bytes() for p in before} == before
    assert done.rows == done.kept + sum(done.dropped.values())
    told = Counter(entry["what"] for entry in lines_of(Path(done.log)))
    assert told["dropped"] == sum(done.dropped.values())
    assert told["changed"] <= sum(done.changed.values()) <= 3 * told["changed"]
    assert {place.name for place in out.parent.iterdir()} == {name, f"{name}.changes.jsonl"}
    second = fix(out, again, PLAIN)
    assert (second.changed, second.dropped, second.kept) == ({}, {}, done.kept)
    assert again.read_bytes() == out.read_bytes()
    check = check_file(recognise(out))
    assert check.usable_rows == check.rows == done.kept
    assert mended_codes(done).isdisjoint(problem.code for problem in check.problems)


def mended_codes(done: DataFix) -> set[str]:
    """What the check may no longer find.

    Rows that ask the same and answer differently wait for a person, and are repeats meanwhile.
    """
    return {*done.changed, *done.dropped} - {"duplicates"}


def test_the_log_says_what_became_of_every_row(tmp_path: Path) -> None:
    rows = pairs()
    rows[3] = {"prompt": "Is the cafÃ© open", "completion": "Yes. ", "note": " stays "}
    rows[5] = rows[4]
    path = write(tmp_path / "d.jsonl", [*rows[:8], "nonsense", *rows[8:]])
    done = fix(path, tmp_path / "out.jsonl", PLAIN)
    assert (done.changed, done.dropped) == (
        {"odd_encoding": 1, "white_space": 1},
        {"broken_json": 1, "duplicates": 1},
    )
    assert lines_of(Path(done.log)) == [
        {"line": 4, "code": "odd_encoding", "what": "changed", "before": digest_of(rows[3]),
         "also": ["white_space"], "fields": ["prompt", "completion"], "kept": ["note"]},
        {"line": 6, "code": "duplicates", "what": "dropped", "before": digest_of(rows[5])},
        {"line": 9, "code": "broken_json", "what": "dropped", "before": hashlib.sha256(b"nonsense").hexdigest()[:16]},
    ]  # fmt: skip
    assert lines_of(tmp_path / "out.jsonl")[3] == {
        "prompt": "Is the café open",
        "completion": "Yes.",
        "note": " stays ",
    }


def test_what_is_right_stays_to_the_letter(tmp_path: Path) -> None:
    odd = '{ "Prompt" : "A\\u00e9", "completion":"b", "X":[1.50, 1e3, {"y": null}], "Meta": " z " }'
    kept = [json.dumps(row) for row in pairs()]
    path = write(tmp_path / "d.jsonl", [odd, *kept])
    fix(path, tmp_path / "o.jsonl", PLAIN)
    assert (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines() == [odd, *kept]


@pytest.mark.parametrize("name", task_names())
def test_the_bundled_tasks_need_no_mending(name: str, tmp_path: Path) -> None:
    path = Path(bundled_settings(name).run.data)
    done = fix(path, tmp_path / "o.jsonl", PLAIN)
    assert (done.changed, done.dropped) == ({}, {})
    assert (tmp_path / "o.jsonl").read_bytes() == path.read_bytes()


def test_halves_of_letters_leave_with_their_row_or_stay_escaped(tmp_path: Path) -> None:
    kept = '{"prompt": "x ", "completion": "y", "note": "\\ud83d"}'
    lines = [json.dumps(row) for row in pairs(4)]
    path = write(tmp_path / "d.jsonl", [*lines, '{"prompt": "\\ud83d ", "completion": "z"}', kept])
    done = fix(path, tmp_path / "o.jsonl", PLAIN)
    assert (done.changed, done.dropped) == ({"white_space": 1}, {"not_utf8": 1})
    last = (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    assert last == '{"prompt": "x", "completion": "y", "note": "\\ud83d"}'


def test_turns_roles_splits_ids_and_numbers_are_put_right(tmp_path: Path) -> None:
    def row(number: int, role: str = "assistant", **more: Any) -> dict[str, Any]:
        turns = [{"role": "user", "content": f"question {number}"},
                 {"role": role, "content": f"answer {number}", "weight": 1}]  # fmt: skip
        return {"id": f"r{number}", "messages": turns, "split": "train", **more}

    rows = [row(n) for n in range(30)]
    rows += [row(30, "asistant"), row(31, "Bot"), row(32, split="tset"), row(33, id="r3")]
    rows += [row(34, split="test", synthetic_by="big"), row(35, "moderator"), row(36, split="DEV ")]
    path = write(tmp_path / "d.jsonl", rows)
    done = fix(path, tmp_path / "o.jsonl", PLAIN)
    new = {r["messages"][0]["content"][9:]: r for r in lines_of(tmp_path / "o.jsonl")}
    assert [new[n]["messages"][1]["role"] for n in ("30", "31")] == ["assistant", "assistant"]
    assert (new["32"]["split"], new["34"]["split"], new["33"]["id"]) == ("test", "train", "r3-2")
    assert done.changed == {
        "duplicate_id": 1,
        "synthetic_in_test": 1,
        "unknown_role": 2,
        "unknown_split": 1,
    }
    assert "35" not in new
    assert new["36"]["split"] == "DEV "  # read as it is
    assert new["31"]["messages"][1]["weight"] == 1


def test_train_rows_leave_rather_than_test_rows(tmp_path: Path) -> None:
    rows = [row | {"split": "train"} for row in pairs()]
    rows += [rows[0] | {"split": "test"}, rows[1] | {"split": "test", "completion": "Other."}]
    rows += [rows[2] | {"split": "dev"}]
    done = fix(write(tmp_path / "d.jsonl", rows), tmp_path / "o.jsonl", PLAIN)
    assert [e["line"] for e in lines_of(Path(done.log))] == [1, 2, 3]
    assert done.dropped == {"leakage": 2, "duplicates": 1}
    assert {r["split"] for r in lines_of(tmp_path / "o.jsonl")[-3:]} == {"test", "dev"}


def test_labels_take_the_spelling_of_most_rows_and_a_frequent_none_is_a_label(
    tmp_path: Path,
) -> None:
    rows = [dict(row) for row in tickets(60)]
    rows[0]["label"], rows[5]["label"], rows[7]["label"] = "Billing", "billing!", "Delivery "
    for number in range(10, 20):
        rows[number]["label"] = "none"
    path = tmp_path / "d.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, ["text", "label"])
        table.writeheader()
        table.writerows(rows)
    done = fix(path, tmp_path / "o.csv", PLAIN)
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as stream:
        labels = [row["label"] for row in csv.DictReader(stream)]
    assert set(labels) == {"billing", "delivery", "returns", "account", "technical", "none"}
    assert (done.dropped, done.changed["label_variants"]) == ({}, 3)


def test_what_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    rows = [*pairs(), {"prompt": "x\u200by", "completion": "1"}, {"prompt": "q", "completion": ""}]
    rows += [pairs()[0], {"prompt": "Which one", "completion": "N/A"}]
    path = write(tmp_path / "d.jsonl", rows)
    keep = {"odd_encoding", "empty_target", "duplicates", "placeholder_targets"}
    done = fix(path, tmp_path / "o.jsonl", wishes_of({}, keep=frozenset(keep)))
    assert (done.kept, done.changed, done.dropped) == (34, {}, {})
    assert (tmp_path / "o.jsonl").read_bytes() == path.read_bytes()


def test_secrets_are_covered_when_asked_and_never_logged(tmp_path: Path) -> None:
    secret = INVENTED["secret openai"]()
    rows = [*pairs(), {"prompt": f"Is {secret} mine", "completion": "It was."}]
    rows += [{"prompt": f"And {secret} here", "completion": ""}]
    path = write(tmp_path / "d.jsonl", rows)
    plain = fix(path, tmp_path / "plain.jsonl", PLAIN)
    assert secret in (tmp_path / "plain.jsonl").read_text(encoding="utf-8")
    masked = fix(path, tmp_path / "o.jsonl", wishes_of({}, mask=frozenset({"secrets"})))
    assert masked.changed == {"secrets": 1}
    for place in (plain.log, masked.log, masked.out):
        assert secret not in Path(place).read_text(encoding="utf-8")
    again = fix(
        tmp_path / "o.jsonl", tmp_path / "p.jsonl", wishes_of({}, mask=frozenset({"secrets"}))
    )
    assert again.changed == {}


def test_personal_data_is_covered_when_asked(tmp_path: Path) -> None:
    mail = INVENTED["person email"]()
    rows = [*pairs(), {"prompt": "Who has the key", "completion": f"Ask {mail} today."}]
    path = write(tmp_path / "d.jsonl", rows)
    wishes = wishes_of({}, mask=frozenset({"personal_data", "secrets"}))
    done = fix(path, tmp_path / "o.jsonl", wishes)
    assert done.changed == {"personal_data": 1}
    assert lines_of(tmp_path / "o.jsonl")[-1]["completion"] == "Ask [e-mail address] today."


def test_rows_leave_under_a_code_that_the_check_knows_when_asked(tmp_path: Path) -> None:
    rows = pairs(40)
    rows[2] = rows[1] | {"completion": "Quite the opposite is true, as every baker knows."}
    rows[7]["completion"] = "I'm sorry, but I can't help with that."
    rows[9] = {"prompt": "Nothing", "completion": ""}
    path = write(tmp_path / "d.jsonl", rows)
    plain = fix(path, tmp_path / "plain.jsonl", PLAIN)
    assert plain.dropped == {"empty_target": 1}
    codes = frozenset({"contradictions", "refusals"})
    done = fix(path, tmp_path / "o.jsonl", wishes_of({}, drop=codes))
    assert done.dropped == {"empty_target": 1, "contradictions": 2, "refusals": 1}
    assert [entry["line"] for entry in lines_of(Path(done.log))] == [2, 3, 8, 10]
    left = {problem.code for problem in check_file(recognise(tmp_path / "o.jsonl")).problems}
    assert left.isdisjoint(codes)


def test_the_container_follows_the_original_unless_out_says_json_lines(tmp_path: Path) -> None:
    rows = pairs()
    array = tmp_path / "d.json"
    array.write_text(json.dumps([{"Extra": 1, **row} for row in rows]), encoding="utf-8")
    done = fix(array, tmp_path / "o.json", PLAIN)
    assert done.out_format == "json"
    assert json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))[0]["Extra"] == 1
    packed = fix(array, tmp_path / "o.jsonl.gz", PLAIN)
    assert packed.out_format == "jsonl.gz"
    assert "copied to JSON Lines" in " ".join(packed.notes)
    assert len(gzip.decompress((tmp_path / "o.jsonl.gz").read_bytes()).splitlines()) == 30
    with pytest.raises(InputError, match="cannot be written as parquet"):
        fix(array, tmp_path / "o.parquet", PLAIN)
    inner = tmp_path / "object.json"
    inner.write_text(json.dumps({"version": 1, "data": rows}), encoding="utf-8")
    assert fix(inner, tmp_path / "i.jsonl", PLAIN).out_format == "jsonl"
    told = fix(inner, tmp_path / "i.json", PLAIN)
    assert (told.out_format, "copied to one JSON array" in told.notes[-1]) == ("json", True)
    assert json.loads((tmp_path / "i.json").read_text(encoding="utf-8")) == rows


def test_parquet_keeps_its_schema_and_dates_go_to_json_lines(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from datetime import date

    from pyarrow import parquet

    rows = [{**row, "N": n, "f": n / 3} for n, row in enumerate(pairs())]
    rows[2]["completion"] += "\u200b"
    table = pa.Table.from_pylist(rows)
    parquet.write_table(table, tmp_path / "d.parquet")
    done = fix(tmp_path / "d.parquet", tmp_path / "o.parquet", PLAIN)
    copy = parquet.read_table(tmp_path / "o.parquet")
    assert (done.changed, copy.schema) == ({"odd_encoding": 1}, table.schema)
    assert copy.column("f").to_pylist() == table.column("f").to_pylist()
    numbers = pa.Table.from_pylist([{"question": row["prompt"], "answer": 1} for row in rows])
    parquet.write_table(numbers, tmp_path / "numbers.parquet")
    done = fix(tmp_path / "numbers.parquet", tmp_path / "texts.parquet", PLAIN)
    assert done.changed == {"not_text": 30}
    assert set(parquet.read_table(tmp_path / "texts.parquet").column("answer").to_pylist()) == {"1"}
    dated = pa.Table.from_pylist([{**row, "day": date(2026, 1, 2)} for row in rows])
    parquet.write_table(dated, tmp_path / "dated.parquet")
    told = fix(tmp_path / "dated.parquet", tmp_path / "dated.jsonl", PLAIN)
    assert told.out_format == "jsonl"
    assert lines_of(tmp_path / "dated.jsonl")[0]["day"] == "2026-01-02"


def test_what_could_not_be_read_to_the_end_is_told(tmp_path: Path) -> None:
    lines = [json.dumps(row) for row in pairs(6)]
    path = tmp_path / "d.json"
    path.write_text("[" + ",\n".join(lines[:4]) + "\n" + ",\n".join(lines[4:]) + "]")
    done = fix(path, tmp_path / "o.json", PLAIN)
    assert (done.kept, done.dropped) == (4, {"broken_json": 1})
    assert done.notes[0] == "d.json cannot be read beyond line 5: what follows is not in the copy."


def test_the_files_of_a_folder_keep_the_split_that_their_names_say(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "train.jsonl", pairs(30))
    write(folder / "test.jsonl", [*pairs(35)[30:], pairs(1)[0]])
    done = fix(folder, tmp_path / "o.jsonl", PLAIN)
    assert done.dropped == {"leakage": 1}
    splits = Counter(row["split"] for row in lines_of(tmp_path / "o.jsonl"))
    assert splits == {"train": 29, "test": 6}
    gone = {"file": "train.jsonl", "line": 1, "code": "leakage", "what": "dropped"}
    assert lines_of(Path(done.log)) == [{**gone, "before": digest_of(pairs(1)[0])}]


@pytest.mark.parametrize("written", [0, 1])
def test_a_full_disk_leaves_neither_copy_nor_log(
    written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = os.fsync, []

    def full(handle: int) -> None:
        seen.append(handle)
        if len(seen) > written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    path = write(tmp_path / "d.jsonl", pairs())
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        fix(path, tmp_path / "new" / "o.jsonl", PLAIN)
    assert list((tmp_path / "new").iterdir()) == []


def test_nothing_is_written_over_and_nothing_empty_is_written(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", pairs())
    with pytest.raises(InputError, match="the original itself"):
        fix(path, tmp_path / "." / "d.jsonl", PLAIN, may_replace=True)
    fix(path, tmp_path / "o.jsonl", PLAIN)
    with pytest.raises(InputError, match="is there already"):
        fix(path, tmp_path / "o.jsonl", PLAIN)
    fix(path, tmp_path / "o.jsonl", PLAIN, may_replace=True)
    log_of(tmp_path / "p.jsonl").touch()
    with pytest.raises(InputError, match=r"p\.jsonl\.changes\.jsonl is there already"):
        fix(path, tmp_path / "p.jsonl", PLAIN)
    hopeless = write(
        tmp_path / "h.jsonl", [{"prompt": f"q{n}", "completion": ""} for n in range(9)]
    )
    with pytest.raises(DatasetError, match=r"Nothing of h\.jsonl would be left: empty_target 9"):
        fix(hopeless, tmp_path / "q.jsonl", PLAIN)
    assert not (tmp_path / "q.jsonl").exists()
    with pytest.raises(InputError, match="Did you mean 'secrets'"):
        wishes_of({}, mask=frozenset({"secret"}))


SAID = st.sampled_from(
    ["Yes", "yes ", "no", "N/A", "", " ", "cafÃ©", "a\u200bb", "x\r\ny", "\ufeffz", "Maybe not", 7]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    st.lists(
        st.fixed_dictionaries(
            {"prompt": SAID, "completion": SAID},
            optional={
                "id": st.sampled_from(["a", "b", 1, ""]),
                "split": st.sampled_from(["train", "test", "tset", "odd", ""]),
                "synthetic_by": st.sampled_from(["m", ""]),
            },
        ),
        max_size=14,
    )
)
def test_mending_the_mended_changes_nothing(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = write(tmp_path / "d.jsonl", [*pairs(3), *rows])
    once, twice = tmp_path / "o.jsonl", tmp_path / "p.jsonl"
    fix(path, once, PLAIN, may_replace=True)
    done = fix(once, twice, PLAIN, may_replace=True)
    assert (done.changed, done.dropped) == ({}, {})
    assert twice.read_bytes() == once.read_bytes()
    check = check_file(recognise(once))
    assert check.usable_rows == check.rows
    left = {problem.code for problem in check.problems if problem.severity != "note"}
    assert left <= {"contradictions", "duplicates", "few_rows", "no_test_split", "near_duplicates",
                    "rare_labels", "label_imbalance", "truncated_targets"}  # fmt: skip
