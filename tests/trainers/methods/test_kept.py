"""What methods say they keep is what autograd keeps of PEFT's own layers, byte by byte."""

from __future__ import annotations

import weakref

import pytest

from advisor import registry
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]

INPUTS, OUTPUTS, TOKENS, RANK = 192, 320, 256, 8
TERMS = {
    "lora": "adapter inputs",
    "dora": "adapter inputs and outputs",
    "vera": "adapter outputs",
    "ia3": "scaled activations",
    "loha": "changes of weights and their inputs",
    "lokr": "changes of weights and their inputs",
    "oft": "rotations and their inputs",
    "boft": "rotations and scaled outputs",
}
SLACK = 0.02
"""Small vectors and 16-bit copies of the adapter's own weights are left out."""


def one_layer_card() -> ModelCard:
    from advisor.schema.architecture import LayerGroup, Linear

    linear = Linear(name="only", inputs=INPUTS, outputs=OUTPUTS, part="attention")
    return ModelCard(
        id="one layer",
        hidden_size=INPUTS,
        layers=1,
        attention_heads=1,
        key_value_heads=1,
        head_dim=INPUTS,
        intermediate_size=OUTPUTS,
        vocabulary_size=2,
        parameters=INPUTS * OUTPUTS,
        groups=(LayerGroup(count=1, linears=(linear,), intermediate_size=OUTPUTS),),
        provenance=Provenance(kind="assumed", source="test"),
    )


def peft_layer(method: str):
    import peft
    import torch

    class One(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.only = torch.nn.Linear(INPUTS, OUTPUTS, bias=False)

        def forward(self, x):
            return self.only(x)

    only = {"target_modules": ["only"]}
    made = {
        "lora": lambda: peft.LoraConfig(r=RANK, **only),
        "dora": lambda: peft.LoraConfig(r=RANK, use_dora=True, **only),
        "vera": lambda: peft.VeraConfig(r=RANK, vera_dropout=0.0, **only),
        "ia3": lambda: peft.IA3Config(feedforward_modules=[], **only),
        "loha": lambda: peft.LoHaConfig(r=RANK, **only),
        "lokr": lambda: peft.LoKrConfig(r=RANK, **only),
        "oft": lambda: peft.OFTConfig(**only),
        "boft": lambda: peft.BOFTConfig(**only),
    }
    return peft.get_peft_model(One().to(torch.bfloat16), made[method]()).train()


def bytes_kept(model, *, autocast: bool) -> int:
    import torch

    held = [*model.parameters(), *model.buffers()]
    known = {tensor.untyped_storage().data_ptr() for tensor in held}
    alive = weakref.WeakSet()

    def pack(tensor):
        saved = Saved(tensor)
        alive.add(saved)
        return saved

    x = torch.randn(TOKENS, INPUTS, dtype=torch.bfloat16, requires_grad=True)
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved.tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast),
    ):
        y = model(x)
    storages = {s.storage.data_ptr(): s.storage.nbytes() for s in alive}
    assert y.requires_grad
    return sum(size for place, size in storages.items() if place not in known)


class Saved:
    """A saved tensor that is forgotten with the graph it belongs to."""

    def __init__(self, tensor):
        self.tensor = tensor
        self.storage = tensor.untyped_storage()


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("method", sorted(TERMS))
def test_kept_bytes(plan_of, method, autocast):
    pytest.importorskip("peft")
    plan = plan_of(
        method,
        rank=RANK,
        micro_batch_size=1,
        sequence_length=TOKENS,
        compute_precision="bfloat16" if autocast else None,
    )
    foot = registry.method(method).footprint(plan, one_layer_card())
    (term,) = [term for term in foot.extra_terms if term.name == TERMS[method]]
    found = bytes_kept(peft_layer(method), autocast=autocast)
    assert term.bytes.likely == pytest.approx(found, rel=SLACK)


@pytest.mark.parametrize("method", ["oft", "boft"])
def test_rotations_weigh_when_tokens_are_few(plan_of, method):
    few = plan_of(method, micro_batch_size=1, sequence_length=1)
    foot = registry.method(method).footprint(few, one_layer_card())
    (term,) = [term for term in foot.extra_terms if term.name == TERMS[method]]
    assert term.bytes.likely > 2 * (INPUTS + OUTPUTS)


def test_boft_holds_its_permutations(plan_of):
    pytest.importorskip("peft")
    foot = registry.method("boft").footprint(plan_of("boft"), one_layer_card())
    (term,) = [term for term in foot.extra_terms if term.name == "permutations"]
    model = peft_layer("boft")
    assert term.bytes.likely == sum(
        buffer.numel() * buffer.element_size() for buffer in model.buffers()
    )


def test_vera_holds_its_shared_matrices(plan_of):
    pytest.importorskip("peft")
    foot = registry.method("vera").footprint(plan_of("vera"), one_layer_card())
    (term,) = [term for term in foot.extra_terms if term.name == "shared projections"]
    model = peft_layer("vera")
    assert term.bytes.likely == sum(
        buffer.numel() * buffer.element_size() for buffer in model.buffers()
    )
