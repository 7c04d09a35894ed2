from __future__ import annotations

import pytest

from advisor.general import packaged_probe
from advisor.schema.evaluation import Sample
from tests.fixtures.training import RecordingTools, training_job

pytestmark = pytest.mark.ml

GENERAL = tuple(Sample(id=f"g{n}", input=f"Say {n}.", target=f"{n}!") for n in range(30))


@pytest.mark.parametrize(
    ("before", "after", "is_told"),
    [
        (1.0, 1.09, False),
        (1.0, 1.11, True),
        (1.0, 0.5, False),
        (None, 2.0, False),
        (1.0, None, False),
    ],
)
def test_a_rise_of_a_tenth_of_a_nat_is_told(before, after, is_told):
    from trainers.engines.trl._forgetting import forgotten

    assert bool(forgotten(before, after)) is is_told


@pytest.fixture(scope="module")
def tuned(tiny_llama, tmp_path_factory):
    from trainers.engines.trl import TrlTrainer

    job = training_job(tiny_llama, tmp_path_factory.mktemp("forgetting"), "full", general_share=0.2)
    general = {"general_samples": GENERAL, "probe_samples": packaged_probe("8b").probe[:8]}
    return TrlTrainer().train(job.model_copy(update=general), RecordingTools())


def test_general_rows_are_trained_on_beside_the_others(tuned):
    # 24 rows of the task and 6 general ones, in batches of 4 over 2 epochs
    assert tuned.steps == 16
    assert any("6 rows of general data are mixed in, 20 % of all." in note for note in tuned.notes)


def test_the_probe_is_taken_before_and_after(tuned):
    assert tuned.general_loss_before == pytest.approx(5.6, abs=0.2)  # 262 pieces, random weights
    assert tuned.general_loss_after != tuned.general_loss_before
    rose = tuned.general_loss_after - tuned.general_loss_before > 0.1
    assert any("Tuning cost general ability" in note for note in tuned.notes) is rose
