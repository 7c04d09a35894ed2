"""The pre-training recipe: deterministic data, learning, exact resume, faithful export."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

pytestmark = pytest.mark.ml

RECIPE_FILE = Path(__file__).resolve().parents[2] / "examples" / "pretrain_tiny" / "recipe.yaml"


@pytest.fixture(scope="module")
def tokenizer():
    from examples.pretrain_tiny.tokenizer import build_tokenizer

    return build_tokenizer(640, 300, 7)


@pytest.fixture(scope="module")
def miniature():
    from examples.pretrain_tiny.network import Shape
    from examples.pretrain_tiny.recipe import Phase, load_recipe

    phase = Phase(
        name="all",
        steps=60,
        tokens_per_step=768,
        lengths={96: 1.0},
        rate=1.0,
        rate_end=0.5,
        random_share=0.1,
        mixture={"dense_lookup": 0.7, "extraction": 0.3},
    )
    shape = Shape(vocabulary=640, width=64, layers=3, heads=4, hidden=96, rope_theta=1e8)
    return dataclasses.replace(load_recipe(RECIPE_FILE), shape=shape, phases=(phase,))


def trainer_for(recipe, tokenizer):
    import torch

    from examples.pretrain_tiny.train import Trainer

    return Trainer(recipe, tokenizer, dtype=torch.float32)


def test_the_committed_recipe_loads_and_its_schedule_ends_at_zero():
    from examples.pretrain_tiny.mixture import FAMILIES
    from examples.pretrain_tiny.recipe import load_recipe

    recipe = load_recipe(RECIPE_FILE)
    assert recipe.rate_factor(0) < recipe.rate_factor(recipe.warm_up_steps)
    assert recipe.rate_factor(recipe.total_steps) == 0
    assert all(phase.mixture.keys() <= FAMILIES.keys() for phase in recipe.phases)


def test_samples_depend_on_the_seed_only():
    from examples.pretrain_tiny.mixture import FAMILIES
    from examples.pretrain_tiny.values import Draw

    for family in FAMILIES.values():
        first, again, other = (family(Draw(seed), 250) for seed in ("a", "a", "b"))
        assert first == again
        assert first != other


@pytest.mark.parametrize(
    "text",
    [
        "Tarvo Belnik",
        '{"name": "Tarvo Belnik", "order": 48213, "x_y": "5GB"}',
        "Hello, don't (ZX-30) pay $4.50!\n\nThe Zorvex-300's battery  life; naïve café",
        "[1] # Tarvo 300\n\nMail to tarvo@belnik.example",
    ],
)
def test_the_fast_encoder_gives_the_tokenizers_ids_and_they_decode_to_the_text(tokenizer, text):
    from examples.pretrain_tiny.tokenizer import FastEncoder

    ids = tokenizer(text, add_special_tokens=False).input_ids
    assert FastEncoder(tokenizer)(text) == ids
    assert tokenizer.decode(ids) == text


def test_rows_are_trained_on_answers_and_first_tokens_weigh_most(tokenizer):
    from examples.pretrain_tiny.rows import FIRST_TOKEN_WEIGHT, build_row
    from examples.pretrain_tiny.tokenizer import END, FastEncoder

    row = build_row("seed", FastEncoder(tokenizer), {"extraction": 1.0}, 200, 640)
    assert row.answers
    for _, start, end in row.answers:
        assert row.ids[end - 1] == END
        assert row.weights[start + 1] == FIRST_TOKEN_WEIGHT


def test_a_miniature_learns(tokenizer, miniature):
    trainer = trainer_for(miniature, tokenizer)
    losses = [trainer.train_step()["loss"] for _ in range(12)]
    assert sum(losses[-3:]) < sum(losses[:3])


def test_a_resumed_run_equals_an_unbroken_one(tokenizer, miniature, tmp_path):
    import torch

    unbroken = trainer_for(miniature, tokenizer)
    for _ in range(4):
        unbroken.train_step()
    broken = trainer_for(miniature, tokenizer)
    for _ in range(2):
        broken.train_step()
    broken.save(tmp_path / "checkpoint.pt")
    resumed = trainer_for(miniature, tokenizer)
    resumed.load(tmp_path / "checkpoint.pt")
    for _ in range(2):
        resumed.train_step()
    for one, other in zip(unbroken.model.parameters(), resumed.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_the_exported_miniature_gives_the_same_logits(tokenizer, miniature, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from examples.pretrain_tiny.export import export

    model = trainer_for(miniature, tokenizer).model
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
    export(model, tokenizer, tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    chat = [{"role": "user", "content": "What is the weight of the Tarvo 300?"}]
    ids = AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )["input_ids"]
    with torch.no_grad():
        expected = model.logits(model(ids))
        torch.testing.assert_close(loaded(ids).logits, expected, rtol=1e-4, atol=1e-4)
