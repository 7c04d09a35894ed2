"""Facts from samples, documents, machine and answers, and who wins."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from advisor.schema.catalog import ModelCard
from advisor.schema.dataset import Dataset
from advisor.schema.evaluation import Document, Sample
from advisor.schema.profile import (
    DataFacts,
    KnowledgeFacts,
    MachineFacts,
    ModelFacts,
    Profile,
    TaskFacts,
)
from advisor.stages.profile import hardware
from advisor.stages.profile.dataset import guess_kind, measure_data, measure_documents
from advisor.stages.profile.hardware import measure_machine, memory_bytes, parse_gpus
from advisor.stages.profile.model import model_facts
from advisor.stages.profile.stage import profile

MACHINE = MachineFacts(cpu_cores=2, memory_gib=8.0, gpus=0, disk_free_gb=50.0)
DOCUMENTS = (Document(name="a.md", text="12345"), Document(name="b.md", text="123"))


def labelled(count: int = 40, labels: int = 4) -> tuple[Sample, ...]:
    return tuple(
        Sample(id=str(n), input=f"text number {n}", target=f"label-{n % labels}")
        for n in range(count)
    )


def made(answers: Profile = Profile(), **more: object) -> Profile:  # noqa: B008 - a frozen value
    given = {"dataset": None, "samples": (), "documents": (), "machine": MACHINE} | more
    return profile(answers=answers, **given)


def test_data_facts_of_a_label_set() -> None:
    facts = measure_data(labelled())
    assert facts.labelled_samples == 40
    assert facts.classes == 4
    assert facts.majority_share == 0.25
    assert facts.answer_in_input_share == 0
    assert facts.duplicate_share == 0
    assert facts.median_target_characters == 7
    assert facts.train_samples is None
    assert guess_kind(facts) == "classification"


def test_split_counts_are_known_once_every_sample_has_one() -> None:
    rows = labelled()
    placed = [
        s.model_copy(update={"split": "test" if n < 10 else "train"}) for n, s in enumerate(rows)
    ]
    facts = measure_data(placed)
    assert (facts.train_samples, facts.dev_samples, facts.test_samples) == (30, 0, 10)


def test_a_limited_test_split_does_not_hide_labelled_samples() -> None:
    rows = labelled()
    dataset = Dataset(path="d", format="f", samples=rows, rows=40, digest="0")
    used = [
        s.model_copy(update={"split": "train" if n % 2 else "test"})
        for n, s in enumerate(rows[:30])
    ]
    got = made(dataset=dataset, samples=used)
    assert got.data.labelled_samples == 40
    assert (got.data.train_samples, got.data.test_samples) == (15, 15)


def test_answers_of_the_test_split_bear_on_no_fact() -> None:
    rows = labelled()
    placed = [
        s.model_copy(update={"split": "test" if n < 10 else "dev" if n < 15 else "train"})
        for n, s in enumerate(rows)
    ]
    other = [
        s.model_copy(update={"target": f"{s.input} secret {s.id}", "input": s.input * 9})
        if s.split == "test"
        else s
        for s in placed
    ]
    assert measure_data(rows, placed=other) == measure_data(rows, placed=placed)
    assert guess_kind(measure_data(other)) == "classification"


def test_of_a_test_split_alone_only_counts_are_known() -> None:
    rows = [s.model_copy(update={"split": "test"}) for s in labelled()]
    facts = measure_data(rows)
    assert (facts.labelled_samples, facts.test_samples) == (40, 40)
    assert (facts.classes, facts.majority_share, facts.median_input_characters) == (None,) * 3


def test_targets_that_hardly_repeat_are_no_classes() -> None:
    assert measure_data(labelled(40, labels=9)).classes is None
    assert measure_data(labelled(40, labels=8)).classes == 8
    assert measure_data(labelled(2000, labels=201)).classes is None
    assert guess_kind(measure_data(labelled(40, labels=1))) is None


def test_answers_that_stand_in_the_input_make_an_extraction() -> None:
    rows = tuple(
        Sample(id=str(n), input=f"The name is Ann{n}, she said.", target=f"ANN{n}")
        for n in range(40)
    )
    facts = measure_data(rows)
    assert facts.answer_in_input_share == 1
    assert guess_kind(facts) == "extraction"
    part = Sample(id="x", input="The name is Annabel.", target="Ann")
    assert measure_data([part]).answer_in_input_share == 0
    assert guess_kind(DataFacts()) is None


def test_nothing_measured_is_unknown() -> None:
    assert measure_data(()) == DataFacts()
    assert measure_documents(()) == KnowledgeFacts()
    assert made(machine=MachineFacts()) == Profile()


def test_provenance_of_every_known_fact() -> None:
    answers = Profile(task=TaskFacts(target=0.8))
    got = made(answers, samples=labelled(), documents=DOCUMENTS)
    known = {
        f"{group}.{name}"
        for group, facts in got.model_dump().items()
        if group not in {"name", "provenance", "unknown", "notes"}
        for name, value in facts.items()
        if value is not None
    }
    assert set(got.provenance) == known
    assert got.provenance["task.target"] == "asked"
    assert got.provenance["task.kind"] == "suggested by dataset"
    assert got.knowledge.in_documents is None  # documents beside labels need not hold the labels
    assert got.provenance["machine.cpu_cores"] == "machine"
    assert (got.knowledge.documents, got.knowledge.document_characters) == (2, 8)
    assert got.notes == ()


def test_documents_are_taken_to_hold_the_answers_unless_those_are_labels() -> None:
    asked = Profile(task=TaskFacts(kind="question_answering"))
    got = made(asked, samples=labelled(), documents=DOCUMENTS)
    assert got.knowledge.in_documents is True
    assert got.provenance["knowledge.in_documents"] == "suggested by documents"


def test_answers_win_over_guesses_and_lose_against_measurements() -> None:
    answers = Profile(
        task=TaskFacts(kind="generation"),
        data=DataFacts(labelled_samples=1000, preference_pairs=7),
        knowledge=KnowledgeFacts(in_documents=False),
    )
    got = made(answers, samples=labelled(), documents=DOCUMENTS)
    assert got.task.kind == "generation"
    assert got.knowledge.in_documents is False
    assert got.data.labelled_samples == 40
    assert got.data.preference_pairs == 7
    assert got.provenance["task.kind"] == "asked"
    assert got.provenance["data.labelled_samples"] == "dataset"
    assert got.notes == (
        "data.labelled_samples: 1000 was answered, 40 was measured (dataset); the measured value counts.",
    )


def test_a_gpu_that_is_not_there_is_noted_and_dropped() -> None:
    answers = Profile(machine=MachineFacts(gpu="H100", gpu_memory_gib=80.0))
    got = made(answers)
    assert (got.machine.gpu, got.machine.gpu_memory_gib, got.machine.gpus) == (None, None, 0)
    assert len(got.notes) == 2
    assert "--gpu" in got.notes[0]
    unknown = made(answers, machine=MachineFacts(cpu_cores=1))
    assert unknown.machine.gpu == "H100"


def test_a_profile_made_again_renews_what_was_measured() -> None:
    first = made(samples=labelled())
    again = made(first, samples=labelled(40, labels=40))
    assert again.data.classes is None
    assert again.task.kind is None
    assert again.notes == ()
    kept = made(first)
    assert kept.data == first.data
    assert kept.provenance["data.classes"] == "dataset"


def test_notes_of_the_dataset_travel_along() -> None:
    dataset = Dataset(
        path="d", format="f", samples=labelled(), rows=40, digest="0", notes=("A field is unused.",)
    )
    assert made(dataset=dataset, samples=labelled()).notes == ("A field is unused.",)


def test_this_machine_is_measured(tmp_path: Path) -> None:
    facts = measure_machine(tmp_path / "not" / "there" / "yet")
    assert facts.cpu_cores == len(os.sched_getaffinity(0))
    assert facts.memory_gib is not None
    assert 0.1 < facts.memory_gib < 1e5
    assert facts.disk_free_gb is not None
    assert facts.disk_free_gb >= 0


def test_a_container_limit_lowers_the_memory(tmp_path: Path) -> None:
    whole = memory_bytes(cgroup=tmp_path)
    assert whole == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    (tmp_path / "memory.max").write_text("max\n", encoding="utf-8")
    assert memory_bytes(cgroup=tmp_path) == whole
    (tmp_path / "memory.max").write_text("1073741824\n", encoding="utf-8")
    assert memory_bytes(cgroup=tmp_path) == 2**30
    (tmp_path / "memory.max").write_text(str(2**63), encoding="utf-8")
    assert memory_bytes(cgroup=tmp_path) == whole


def test_gpus_as_nvidia_smi_tells_them() -> None:
    two = "NVIDIA H100 80GB HBM3, 81559\nNVIDIA H100 80GB HBM3, 81559\n"
    name, count, memory = parse_gpus(two)
    assert (name, count) == ("NVIDIA H100 80GB HBM3", 2)
    assert memory == pytest.approx(79.65, abs=0.01)
    assert parse_gpus("NVIDIA GB10, [N/A]\n") == ("NVIDIA GB10", 1, None)
    assert parse_gpus("No devices were found\n") == (None, 0, None)


def script(folder: Path, body: str) -> None:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def test_nvidia_smi_is_asked_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    script(tmp_path, 'echo "NVIDIA A10G, 23028"')
    assert measure_machine().gpu == "NVIDIA A10G"
    script(tmp_path, "exit 9")
    broken = measure_machine()
    assert (broken.gpu, broken.gpus) == (None, None)
    script(tmp_path, "exec sleep 20")
    monkeypatch.setattr(hardware, "QUERY_SECONDS", 0.2)
    assert measure_machine().gpus is None


def test_without_nvidia_smi_the_driver_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(hardware, "NVIDIA_DRIVER", tmp_path / "none")
    assert measure_machine().gpus == 0
    monkeypatch.setattr(hardware, "NVIDIA_DRIVER", tmp_path)
    assert measure_machine().gpus is None


def test_measuring_loads_nothing_heavy() -> None:
    code = (
        "import sys, advisor.stages.profile.stage as s, advisor.stages.profile.hardware as h;"
        "h.measure_machine();"
        "print([m for m in ('torch', 'numpy', 'transformers', 'rich') if m in sys.modules])"
    )
    import sys

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def card(name: str = "Llama-3.1-8B") -> ModelCard:
    from advisor.catalog.query import find_model

    return find_model("8b").model_copy(update={"id": name})


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", True),
        ("google/gemma-2-9b-it", True),
        ("Qwen/Qwen1.5-7B-Chat", True),
        ("ibm-granite/granite-3.0-8b-base", False),
        ("google/gemma-3-4b-pt", False),
        ("Qwen/Qwen2.5-7B", None),
        ("/models/chat/Qwen2.5-7B", None),
        ("mistralai/Mistral-7B-v0.1", None),
    ],
)
def test_a_model_follows_instructions_where_its_name_says_so(
    name: str, *, follows: bool | None
) -> None:
    assert model_facts(card(), named=name).is_instruct is follows


def test_the_size_of_a_model_is_looked_up() -> None:
    got = made(model=model_facts(card()))
    assert got.model.parameters_billion == pytest.approx(8.03, abs=0.01)
    assert got.provenance["model.parameters_billion"] == "catalog"


def test_the_embedded_demonstrator_tells_nothing() -> None:
    assert model_facts(card("tiny"), named="tiny") == ModelFacts()


def test_kinds_of_documents_come_by_frequency() -> None:
    names = ("a.txt", "b.md", "sub/c.MD", "d.txt", "e.md", "README")
    documents = [Document(name=name, text="x") for name in names]
    assert measure_documents(documents).document_formats == "md, txt"
    assert measure_documents([Document(name="README", text="x")]).document_formats is None


def test_a_high_share_of_answers_in_the_input_is_a_hint_that_an_answer_overrules() -> None:
    rows = tuple(
        Sample(id=str(n), input=f"The name is Ann{n}, she said.", target=f"Ann{n}")
        for n in range(40)
    )
    got = made(samples=rows)
    assert got.task.answer_in_input is True
    assert got.provenance["task.answer_in_input"] == "suggested by dataset"
    no = made(Profile(task=TaskFacts(answer_in_input=False)), samples=rows)
    assert no.task.answer_in_input is False
    assert made(samples=labelled()).task.answer_in_input is None


def test_a_label_whose_word_stands_in_its_input_is_no_answer_in_the_input() -> None:
    teams = ("billing", "login", "delivery", "refund")
    rows = tuple(
        Sample(id=str(n), input=f"Ticket {n}: my {teams[n % 4]} is broken", target=teams[n % 4])
        for n in range(60)
    )
    got = made(samples=rows)
    assert got.data.answer_in_input_share == 1
    assert got.task.kind == "classification"
    assert got.task.answer_in_input is None
    few = made(Profile(task=TaskFacts(kind="classification")), samples=rows[:8])
    assert few.data.classes is None
    assert few.task.answer_in_input is None


def test_a_correction_wins_over_the_measurement_and_is_noted() -> None:
    answers = Profile(
        data=DataFacts(labelled_samples=900), provenance={"data.labelled_samples": "corrected"}
    )
    got = made(answers, samples=labelled())
    assert got.data.labelled_samples == 900
    assert got.provenance["data.labelled_samples"] == "corrected"
    assert got.notes == (
        "data.labelled_samples: 900 was answered, 40 was measured (dataset); the correction counts.",
    )


def test_earlier_hints_are_renewed_with_the_data() -> None:
    earlier = made(samples=labelled())
    rows = tuple(Sample(id=str(n), input=f"i{n}", target=f"t {n}") for n in range(40))
    assert made(earlier, samples=rows).task.kind is None


def test_what_nobody_knows_stays_unknown_until_it_is_measured() -> None:
    answers = Profile(unknown=("data.labelled_samples", "task.needs_style"))
    assert made(answers, samples=labelled()).unknown == ("task.needs_style",)


def test_pairs_marks_and_plain_text_are_counted_apart():
    one = Sample(id="a", input="q", target="a")
    samples = [
        one,
        one.model_copy(update={"rejected": "b"}),
        one.model_copy(update={"is_good": False}),
        Sample(id="t", input="", target="word " * 35),
    ]
    data = measure_data(samples)
    assert data.labelled_samples == 2
    assert (data.preference_pairs, data.rated_answers) == (1, 1)
    assert data.unlabelled_tokens == pytest.approx(44, abs=10)
    assert measure_data([one]).preference_pairs is None
