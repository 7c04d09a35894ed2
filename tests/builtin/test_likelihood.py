"""Losses of the transformers session: those of a plain pass over each text alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor import registry
from advisor.builtin.backends.quiet import quiet
from advisor.contracts import Likelihood
from advisor.schema.evaluation import Message, Sample
from tests.builtin.test_transformers_adapters import leave

pytestmark = pytest.mark.ml

SAMPLES = (
    Sample(id="text", input="", target="Rivers begin where rain collects."),
    Sample(id="long", input="", target="A budget is a plan for money. " * 4),
    Sample(id="answer", input="What is the capital of France?", target="Paris"),
    Sample(
        id="turns",
        input="And of Spain?",
        target="Madrid, as far as I know.",
        history=(
            Message(role="system", content="Answer."),
            Message(role="user", content="The capital of France?"),
            Message(role="assistant", content="Paris"),
        ),
    ),
    Sample(id="none", input="Say nothing.", target=""),
    Sample(id="letter", input="", target="."),
)


def plain_losses(folder: Path, adapter: Path | None = None, **how) -> list[float | None]:
    """One forward pass for each sample, without a batch, written down once more."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **how)
    if adapter is not None:
        from peft import PeftModel

        with quiet():  # the libraries warn of each other's old names
            model = PeftModel.from_pretrained(model, adapter)
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found: list[float | None] = []
    for sample in SAMPLES:
        before: list[int] = []
        ids = list(tokenizer(sample.target)["input_ids"])
        if sample.input:
            turns = [{"role": turn.role, "content": turn.content} for turn in sample.history]
            turns.append({"role": "user", "content": sample.input})
            written = tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=False
            )
            before = tokenizer(written, add_special_tokens=False)["input_ids"]
            said = tokenizer(sample.target, add_special_tokens=False)["input_ids"]
            ids = [*before, *said, *([tokenizer.eos_token_id] if said else [])]
        first = max(1, len(before))
        if len(ids) <= first:
            found.append(None)
            continue
        with torch.no_grad(), quiet():
            scores = model(input_ids=torch.tensor([ids])).logits[0, -len(ids) :].float()
        told = torch.log_softmax(scores, dim=-1)
        found.append(
            -sum(float(told[at - 1, ids[at]]) for at in range(first, len(ids))) / (len(ids) - first)
        )
    return found


def agrees(reference: str, expected: list[float | None]) -> None:
    with registry.backend("transformers").open(reference, {"device": "cpu"}) as session:
        assert isinstance(session, Likelihood)
        found = session.losses(SAMPLES)
        alone = [session.losses([sample])[0] for sample in SAMPLES]
    assert [loss is None for loss in found] == [loss is None for loss in expected]
    for loss, single, wanted in zip(found, alone, expected, strict=True):
        assert loss == pytest.approx(wanted, abs=1e-4)
        assert single == pytest.approx(wanted, abs=1e-4)


def test_a_batch_gives_each_text_the_loss_it_has_alone(tiny_llama):
    expected = plain_losses(Path(tiny_llama))
    assert expected.count(None) == 2
    agrees(tiny_llama, expected)


def test_an_adapter_counts(tiny_llama, tmp_path):
    left = leave(Path(tiny_llama), tmp_path / "adapter", "lora")
    expected = plain_losses(Path(tiny_llama), left)
    base = plain_losses(Path(tiny_llama))
    assert max(abs(a - b) for a, b in zip(expected, base, strict=True) if a is not None) > 0.01
    agrees(str(left), expected)


def test_virtual_tokens_in_front_move_no_loss_to_another_token(tiny_llama, tmp_path):
    import torch
    from peft import PromptTuningConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)
    torch.manual_seed(1)
    with quiet():
        get_peft_model(model, config).save_pretrained(tmp_path / "prompt")
    agrees(str(tmp_path / "prompt"), plain_losses(Path(tiny_llama), tmp_path / "prompt"))


def test_a_quantised_base_counts_as_it_was_trained_on(tiny_llama, tmp_path):
    import json

    import torch
    from transformers import BitsAndBytesConfig

    pytest.importorskip("bitsandbytes")
    left = leave(Path(tiny_llama), tmp_path / "adapter", "lora")
    facts = json.loads((left / "base.json").read_text())
    (left / "base.json").write_text(json.dumps(facts | {"base_bits": 4}))
    packing = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    expected = plain_losses(Path(tiny_llama), left, quantization_config=packing)
    assert expected[0] != pytest.approx(plain_losses(Path(tiny_llama), left)[0], abs=1e-4)
    agrees(str(left), expected)


def test_what_is_longer_than_the_model_reads_is_cut(tiny_llama):
    with registry.backend("transformers").open(tiny_llama, {"device": "cpu"}) as session:
        long, cut = (
            session.losses([Sample(id="s", input="", target="word " * count)])[0]
            for count in (500, 51)
        )
    assert long == pytest.approx(cut, abs=0.05)
