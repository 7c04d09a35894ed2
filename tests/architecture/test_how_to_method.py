"""The method shown in docs/how-to/add-a-method.md does what the page says."""

import re
from pathlib import Path

import pytest

from advisor.catalog import query
from advisor.contracts import Applying, Keeping, Method
from advisor.errors import ModelFolderError
from advisor.schema.estimate import EstimateRequest
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, ObjectiveFootprint, Plan
from advisor.stages.estimate.candidate import Inquiry, make_candidate

PLAN = Plan(
    model="gpt2",
    method="bias",
    precision="bfloat16",
    base_bits=16,
    sequence_length=128,
    micro_batch_size=1,
    learning_rate=1e-3,
    epochs=1,
    gpu="h100",
)


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "add-a-method.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def method(page: str):
    [code] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(compile(code, "add-a-method.md", "exec"), names)
    return names["BiasMethod"]()


def test_it_fulfils_the_contract(method):
    assert isinstance(method, Method)
    found = method.footprint(PLAN, query.find_model("gpt2"))
    assert found.trainable_parameters == 12 * (3 * 768 + 768 + 3072 + 768)
    assert method.obstacles(PLAN, MachineFacts()) == []
    packed = PLAN.model_copy(update={"quantisation": "nf4"})
    assert method.obstacles(packed, MachineFacts())


@pytest.mark.ml
def test_it_is_trained_kept_and_opened_again(method, tmp_path: Path):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    assert isinstance(method, Applying)
    assert isinstance(method, Keeping)
    config = GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=32, n_positions=16)
    torch.manual_seed(0)
    first = GPT2LMHeadModel(config).eval()
    base = {name: tensor.clone() for name, tensor in first.state_dict().items()}
    model = method.apply(first, PLAN).model
    trained = {name: one.numel() for name, one in model.named_parameters() if one.requires_grad}
    assert all(name.endswith(".bias") for name in trained)
    assert sum(trained.values()) == 2 * (3 * 16 + 16 + 4 * 16 + 16)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.5)
    method.keep(model, tmp_path)
    other = GPT2LMHeadModel(config).eval()
    other.load_state_dict(base)
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(method.restore(other, tmp_path)(ids).logits, model(ids).logits)
    narrow = GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=2, n_head=2, vocab_size=32))
    with pytest.raises(ModelFolderError, match="does not fit"):
        method.restore(narrow, tmp_path)


def test_the_estimator_takes_it_as_it_is(method):
    inquiry = Inquiry(
        request=EstimateRequest(methods=("bias",)),
        model=query.find_model("gpt2"),
        offers={},
        reference=query.reference(),
    )
    option = make_candidate(inquiry, query.find_gpu("h100"), method).option
    assert option.method == "bias"
    assert option.trainable_parameters == 12 * (3 * 768 + 768 + 3072 + 768)
    assert 0 < option.memory.allocated_gib.likely < 10


def test_it_explains_every_field_of_a_footprint(page: str):
    explained = set(re.findall(r"`(\w+)`", page))
    assert set(Footprint.model_fields) <= explained
    assert ObjectiveFootprint.model_fields


def test_its_entry_point_names_a_group(page: str):
    assert '[project.entry-points."advisor.methods"]' in page
