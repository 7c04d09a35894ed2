"""The trainer shown in docs/how-to/write-a-trainer.md does what the page says."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from advisor.contracts import ModelBackend, Session, Trainer
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob, TrainResult

PLAN = Plan(
    model="tiny",
    method="full",
    precision="float32",
    base_bits=32,
    sequence_length=128,
    micro_batch_size=1,
    learning_rate=1e-3,
    epochs=1,
    gpu="local",
)


@pytest.fixture(scope="module")
def shown(root: Path) -> dict:
    page = (root / "docs" / "how-to" / "write-a-trainer.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(compile(code, "write-a-trainer.md", "exec"), names)
    return names


def test_it_fulfils_the_contracts(shown: dict):
    assert isinstance(shown["MajorityTrainer"](), Trainer)
    assert isinstance(shown["MajorityBackend"](), ModelBackend)


def test_it_trains_and_is_opened_again(shown: dict, tmp_path: Path):
    targets = ["b", "a", "b"]
    samples = tuple(Sample(id=str(i), input="?", target=t) for i, t in enumerate(targets))
    job = TrainJob(
        plan=PLAN,
        instruction="",
        train_samples=samples,
        dev_samples=(),
        output_dir=str(tmp_path / "out"),
    )
    events = []
    result = shown["MajorityTrainer"]().train(job, SimpleNamespace(emit=events.append))
    assert isinstance(result, TrainResult)
    assert result.loss[-1].loss == pytest.approx(1 / 3)
    assert result.peak_memory_gib > 0.005
    assert [event.kind for event in events] == ["end"]
    assert Path(result.served_by.model).is_relative_to(tmp_path / "out")
    with shown["MajorityBackend"]().open(result.served_by.model, {}) as session:
        assert isinstance(session, Session)
        assert [c.text for c in session.generate(["x", "y"], max_new_tokens=8)] == ["b", "b"]


def test_its_entry_points_name_the_groups_of_the_contracts(root: Path):
    page = (root / "docs" / "how-to" / "write-a-trainer.md").read_text(encoding="utf-8")
    assert '[project.entry-points."advisor.trainers"]' in page
    assert '[project.entry-points."advisor.backends"]' in page
