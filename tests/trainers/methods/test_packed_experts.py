"""What 4-bit loading really packs of a mixture, with the installed transformers and bitsandbytes."""

import json

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.catalog.architectures import card_of
from advisor.schema.base import Provenance
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.plan.planning import make_plan

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]
SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 256,
    "head_dim": 16,
}
MIXTURES = {
    "MixtralForCausalLM": {"num_local_experts": 4},
    "Qwen3MoeForCausalLM": {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 64,
    },
}


@pytest.mark.parametrize("name", list(MIXTURES))
def test_fused_experts_stay_in_sixteen_bits(name, tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("bitsandbytes")
    architecture = getattr(transformers, name)
    config = architecture.config_class(**SIZES, **MIXTURES[name])
    architecture(config).save_pretrained(tmp_path)
    loaded = architecture.from_pretrained(
        tmp_path,
        quantization_config=transformers.BitsAndBytesConfig(load_in_4bit=True),
        dtype=torch.bfloat16,
    )
    kinds = {key: type(value).__name__ for key, value in loaded.named_parameters()}
    experts = [key for key in kinds if "experts" in key]
    assert experts
    assert {kinds[key] for key in experts} == {"Parameter"}
    packed = sum(2 * p.numel() for k, p in loaded.named_parameters() if kinds[k] == "Params4bit")
    content = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    source = Provenance(kind="computed", source="config.json")
    card = card_of(content, "tiny", source, where="config.json")
    method = registry.method("qlora")
    plan = make_plan(
        EstimateRequest(rank=4),
        model=card,
        gpu=query.find_gpu("t4"),
        method=method,
        reference=query.reference(),
    )
    assert method.footprint(plan, card).packed_parameters == packed
