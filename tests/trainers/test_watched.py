"""Tokens of any batch, rates of some parameters, and the clock of steps."""

from __future__ import annotations

import time

import pytest

from trainers.engines.trl.clock import Clock
from trainers.engines.trl.watched import Watched, real_tokens, watched

pytestmark = pytest.mark.ml


def test_tokens_are_counted_without_padding_for_every_kind_of_batch():
    import torch

    ids = torch.ones(2, 5, dtype=torch.long)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    assert int(real_tokens({"input_ids": ids, "attention_mask": mask, "labels": ids})) == 8
    assert int(real_tokens({"input_ids": ids, "position_ids": ids})) == 10
    assert int(real_tokens({"input_ids": ids, "attention_mask": mask, "completion_mask": ids})) == 8
    pairs = {
        f"{side}_{k}": v
        for side in ("chosen", "rejected")
        for k, v in {"input_ids": ids, "attention_mask": mask}.items()
    }
    prompt = {"prompt_input_ids": ids, "prompt_attention_mask": mask}
    assert int(real_tokens(pairs | prompt)) == 16
    kto = {"input_ids": ids, "attention_mask": mask, "KL_input_ids": ids, "KL_attention_mask": mask}
    assert int(real_tokens(kto)) == 16
    drawn = {"prompt_ids": ids, "prompt_mask": mask, "completion_ids": ids, "completion_mask": mask}
    assert int(real_tokens(drawn)) == 16


def test_some_parameters_learn_at_another_rate():
    import torch

    class Plain:
        def __init__(self) -> None:
            self.args = type("Args", (), {"learning_rate": 0.1})
            self.model = torch.nn.ModuleDict({name: torch.nn.Linear(2, 2) for name in ("a", "b_B")})

        def create_optimizer(self):
            return torch.optim.AdamW(
                [
                    {"params": [p for p in self.model.parameters() if p.dim() > 1]},
                    {"params": [p for p in self.model.parameters() if p.dim() == 1]},
                ],
                lr=self.args.learning_rate,
                weight_decay=0.5,
            )

    trainer = watched(Plain)()
    trainer.rates = {"_B": 16.0}
    groups = trainer.create_optimizer().param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.1, 0.1, 1.6, 1.6])
    assert [len(group["params"]) for group in groups] == [1, 1, 1, 1]
    assert {group["weight_decay"] for group in groups} == {0.5}
    assert {id(p) for group in groups for p in group["params"]} == {
        id(p) for p in trainer.model.parameters()
    }


def test_a_watched_class_is_made_once():
    assert watched(dict) is watched(dict)
    assert issubclass(watched(dict), Watched)


def test_looking_and_saving_are_no_steps():
    clock = Clock()
    clock.start()
    with clock.aside("evaluation"):
        time.sleep(0.02)
    with clock.aside("saving"):
        time.sleep(0.02)
    with clock.aside("saving", more=True):
        time.sleep(0.02)
    clock.stop()
    assert clock.evaluation >= 0.02
    assert clock.last_saving == pytest.approx(clock.saving)
    assert clock.saving >= 0.04
    assert clock.steps == pytest.approx(clock.seconds - clock.evaluation - clock.saving)
    assert clock.steps < 0.02
