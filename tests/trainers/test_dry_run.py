"""The dry run says that it trains nothing, and its answers follow the train samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import ModelFolderError
from advisor.schema.evaluation import Sample
from tests.fixtures.training import RecordingTools, prompt, training_job
from trainers.engines.dry_run import loss_curve


def test_says_that_nothing_was_trained(tmp_path: Path):
    result = registry.trainer("dry_run").train(
        training_job("tiny", tmp_path / "out"), RecordingTools()
    )
    assert "Nothing was trained" in result.notes[0]
    assert result.trainable_parameters == 0
    assert result.tokens_per_second is None


def test_answers_with_the_target_of_the_most_similar_sample(tmp_path: Path):
    samples = (
        Sample(id="a", input="colour of the sky", target="blue"),
        Sample(id="b", input="colour of grass", target="green as ever"),
    )
    job = training_job("tiny", tmp_path / "out", train_samples=samples)
    served = registry.trainer("dry_run").train(job, RecordingTools()).served_by
    with registry.backend(served.backend).open(served.model, {}) as session:
        asked = [prompt("Which colour has the sky?"), prompt("And the grass?"), prompt("zzz")]
        answers = session.generate(asked, max_new_tokens=2)
    assert [answer.text for answer in answers] == ["blue", "green as", "blue"]
    assert [answer.finish for answer in answers] == ["stop", "length", "stop"]


def test_the_curve_falls_and_belongs_to_its_seed():
    curve = loss_curve(3, 50)
    assert curve[-1].loss < 0.5 * curve[0].loss
    assert curve == loss_curve(3, 50)
    assert curve != loss_curve(4, 50)


@pytest.mark.parametrize("content", [None, "{", "{}", '{"rows": [1]}'])
def test_a_folder_it_did_not_make_is_told(tmp_path: Path, content: str | None):
    if content is not None:
        (tmp_path / "dry_run.json").write_text(content)
    with pytest.raises(ModelFolderError, match="does not hold") as caught:
        registry.backend("dry_run").open(str(tmp_path), {})
    assert "--trainer dry_run" in caught.value.hint
