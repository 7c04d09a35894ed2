"""The run's metric for looks at the dev split: the prompts of verification, the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.artifacts import RunFolder
from advisor.dev_scoring import dev_scoring
from advisor.schema.evaluation import Completion, Message, Sample
from advisor.schema.run import RunSettings
from advisor.schema.train import DEV_LOOKED_AT, looked_at
from advisor.workspace import Workspace
from tests.fixtures.training import training_job


def space_of(folder: Path, rows: int = 60, **changes) -> Workspace:
    data = folder / "data.jsonl"
    lines = [
        {"input": f"Is {n} even?", "target": "yes" if n % 2 == 0 else "no"} for n in range(rows)
    ]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    chosen = {"name": "x", "data": str(data), "backend": "echo", "metric": "exact_match"}
    return Workspace(RunSettings(**chosen | changes), RunFolder(folder / "run"))


def scoring_of(space: Workspace, **wishes):
    """The scoring of a job on the run's own dev samples, or others."""
    dev = tuple(sample for sample in space.samples if sample.split == "dev")
    return dev_scoring(space, training_job("base", Path("out"), **{"dev_samples": dev} | wishes))


def answering(text_of):
    """A model that answers as told, and what it was asked."""
    asked = []

    def generate(prompts, most):
        asked.append((list(prompts), most))
        return [
            Completion(text=text_of(p), prompt_tokens=1, completion_tokens=1, latency_ms=1.0)
            for p in prompts
        ]

    return generate, asked


def test_the_value_is_that_of_an_evaluation_of_the_same_answers(tmp_path: Path):
    space = space_of(tmp_path)
    scoring = scoring_of(space)
    dev = [sample for sample in space.samples if sample.split == "dev"]
    generate, asked = answering(lambda _prompt: "yes")
    share = sum(sample.target == "yes" for sample in dev) / len(dev)
    assert scoring.dev_value(generate) == pytest.approx(share)
    assert scoring.dev_value(generate) == pytest.approx(share)
    assert asked[0] == asked[1]
    prompts, most = asked[0]
    assert most == space.settings.max_new_tokens
    assert [prompt.sample_id for prompt in prompts] == [sample.id for sample in dev]
    assert prompts[0].messages[-1].content == dev[0].input
    assert (scoring.metric, scoring.higher_is_better) == ("exact_match", True)


def test_at_most_64_are_answered_and_the_seed_says_which(tmp_path: Path):
    chosen = []
    for seed in (0, 0, 1):
        generate, asked = answering(lambda _prompt: "yes")
        scoring_of(space_of(tmp_path, rows=1500), seed=seed).dev_value(generate)
        chosen.append([prompt.sample_id for prompt in asked[0][0]])
    assert len(chosen[0]) == DEV_LOOKED_AT
    assert chosen[0] == chosen[1] != chosen[2]


def test_the_metric_is_taken_of_the_samples_that_the_loss_is_looked_at_on(tmp_path: Path):
    space = space_of(tmp_path, rows=1500, seed=1)
    own = [sample for sample in space.samples if sample.split == "dev"]
    bad = Sample(id="bad", input="Is 3 even?", target="yes", is_good=False, split="dev")
    generate, asked = answering(lambda _prompt: "yes")
    scoring_of(space, dev_samples=(*own, bad), seed=5).dev_value(generate)
    drawn = [sample.id for sample in looked_at((*own, bad), 5) if sample.id != "bad"]
    assert [prompt.sample_id for prompt in asked[0][0]] == drawn
    assert not any(prompt.shots for prompt in asked[0][0]), "a bad answer more is no shot"


def test_trained_behind_shots_it_is_asked_with_them(tmp_path: Path):
    generate, asked = answering(lambda _prompt: "yes")
    space = space_of(tmp_path)
    dev = [sample for sample in space.samples if sample.split == "dev"]
    shot = (Message(role="user", content="Is 2 even?"), Message(role="assistant", content="yes"))
    behind = tuple(sample.model_copy(update={"history": shot}) for sample in dev)
    scoring_of(space, dev_samples=behind).dev_value(generate)
    assert all(prompt.shots for prompt in asked[0][0])


def test_single_texts_have_a_value_too(tmp_path: Path):
    space = space_of(tmp_path)
    some = [sample for sample in space.samples if sample.split == "train"][:3]
    texts = [some[0].target, "perhaps", some[2].target]
    assert scoring_of(space).values(some, texts) == [1.0, 0.0, 1.0]


def test_a_metric_that_is_no_mean_is_made_of_summed_totals(tmp_path: Path):
    space = space_of(tmp_path, metric="macro_f1")
    generate, _ = answering(lambda _prompt: "yes")
    dev = [sample.target for sample in space.samples if sample.split == "dev"]
    precision = dev.count("yes") / len(dev)
    f1_of_yes = 2 * precision / (precision + 1)
    assert scoring_of(space).dev_value(generate) == pytest.approx(f1_of_yes / 2)


def test_a_failed_answer_is_worth_nothing(tmp_path: Path):
    def generate(prompts, _most):
        return [
            Completion(
                text="",
                prompt_tokens=9,
                completion_tokens=0,
                latency_ms=0,
                finish="error",
                error="x",
            )
            for _ in prompts
        ]

    assert scoring_of(space_of(tmp_path)).dev_value(generate) == 0.0


def test_a_metric_that_asks_a_judge_is_none(tmp_path: Path):
    assert scoring_of(space_of(tmp_path, metric="judge", judge_model="m")) is None
