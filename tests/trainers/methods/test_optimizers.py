"""Bytes of optimizer states are what the optimizers really allocate."""

from __future__ import annotations

import pytest

from advisor.errors import PlanError
from trainers.methods.optimizers import (
    OPTIMIZERS,
    optimizer_state_bytes,
    paged_bytes,
    step_copy,
)

ROWS, COLUMNS = 256, 1024


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_states_grow_with_parameters_and_are_never_negative(name):
    sizes = [optimizer_state_bytes(name, count, 2) for count in (0, 1_000, 10**9, 10**11)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 0
    for term in step_copy(name, 10**9, 2, largest=10**8):
        assert term.bytes.low >= 0
        assert term.phases == ("optimizer_step",)


def test_an_unknown_optimizer_is_told():
    with pytest.raises(PlanError, match="shampoo"):
        optimizer_state_bytes("shampoo", 1, 2)


@pytest.mark.parametrize(
    ("name", "per_parameter"),
    [("adamw_torch", 10.0), ("adamw_torch_fused", 8.0), ("adamw_torch_8bit", 6.03)],
)
def test_full_tuning_takes_the_measured_bytes_per_parameter(name, per_parameter):
    count = 7_000_000_000
    copies = sum(term.bytes.likely for term in step_copy(name, count, 2))
    total = 2 * count + 2 * count + optimizer_state_bytes(name, count, 2) + copies
    assert total / count == pytest.approx(per_parameter, abs=0.01)


def test_bitsandbytes_leaves_embeddings_in_32_bits():
    spared = optimizer_state_bytes("adamw_8bit", 1000, 2, embeddings=100)
    assert spared == pytest.approx(2 * (900 * (1 + 4 / 256) + 100 * 4))


def test_muon_keeps_one_moment_except_for_embeddings():
    assert optimizer_state_bytes("muon", 1000, 2, embeddings=100) == 2 * (900 + 2 * 100)


def test_only_paged_states_hide_from_the_allocator():
    for name in OPTIMIZERS:
        states = optimizer_state_bytes(name, 10**9, 2)
        assert paged_bytes(name, states) == (states if name.startswith("paged") else 0)


def _optimizer(name, parameters):
    import bitsandbytes as bnb
    import torch

    if name == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(parameters, scale_parameter=False, relative_step=False, lr=1e-3)
    made = {
        "adamw_torch": lambda: torch.optim.AdamW(parameters),
        "adamw_torch_fused": lambda: torch.optim.AdamW(parameters, fused=True),
        "rmsprop": lambda: torch.optim.RMSprop(parameters),
        "adagrad": lambda: torch.optim.Adagrad(parameters),
        "sgd": lambda: torch.optim.SGD(parameters, lr=0.1),
        "sgd_momentum": lambda: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
        "muon": lambda: torch.optim.Muon(parameters),
        "adamw_8bit": lambda: bnb.optim.AdamW8bit(parameters),
        "paged_adamw_32bit": lambda: bnb.optim.AdamW32bit(parameters),
        "ademamix": lambda: bnb.optim.AdEMAMix(parameters, optim_bits=32),
        "ademamix_8bit": lambda: bnb.optim.AdEMAMix8bit(parameters),
        "lion_8bit": lambda: bnb.optim.Lion8bit(parameters),
        "lion_32bit": lambda: bnb.optim.Lion(parameters),
        "rmsprop_bnb_8bit": lambda: bnb.optim.RMSprop8bit(parameters),
    }
    return made[name]()


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "name",
    [
        "adamw_torch", "adamw_torch_fused", "rmsprop", "adagrad", "sgd", "sgd_momentum", "muon",
        "adafactor", "adamw_8bit", "paged_adamw_32bit", "ademamix", "ademamix_8bit", "lion_8bit",
        "lion_32bit", "rmsprop_bnb_8bit",
    ],
)  # fmt: skip
def test_states_are_what_the_library_allocates(name, precision):
    torch = pytest.importorskip("torch")
    pytest.importorskip("bitsandbytes")
    weight = torch.nn.Parameter(torch.randn(ROWS, COLUMNS).to(getattr(torch, precision)))
    optimizer = _optimizer(name, [weight])
    weight.grad = torch.randn_like(weight)
    optimizer.step()
    found = sum(
        value.numel() * value.element_size()
        for value in optimizer.state[weight].values()
        if isinstance(value, torch.Tensor) and value.numel() > 1
    )
    told = optimizer_state_bytes(name, ROWS * COLUMNS, weight.element_size())
    lookup = 2 * 256 * 4 if "8bit" in name else 0
    slack = 0.02 * ROWS * COLUMNS if name == "adafactor" else 0
    assert told <= found + slack
    assert found <= told + lookup + slack
