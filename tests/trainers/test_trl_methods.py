"""Full, LoRA and QLoRA train what they should, and nothing else."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from advisor import registry
from advisor.errors import (
    DatasetError,
    ExplodingGradientError,
    MissingExtraError,
    ModelFolderError,
    NonFiniteLossError,
    OutOfMemoryError,
    PlanError,
    StorageError,
    TrainingError,
)
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.evaluation import Message, Sample
from advisor.schema.train import TrainJob, TrainResult
from tests.fixtures.training import RecordingTools, training_job, training_plan, training_samples
from trainers.engines.trl.dataset import completion_turn, prompt_turns
from trainers.engines.trl.failures import told
from trainers.engines.trl.quiet import quiet

METHODS = ("full", "lora", "qlora")
CARD = ModelCard(
    id="mini",
    architecture="LlamaForCausalLM",
    hidden_size=64,
    layers=2,
    attention_heads=4,
    key_value_heads=4,
    head_dim=16,
    intermediate_size=128,
    vocabulary_size=262,
    tied_embeddings=True,
    parameters=99_008,
    provenance=Provenance(kind="computed"),
)


def train(job: TrainJob) -> TrainResult:
    return registry.trainer("trl").train(job, RecordingTools())


@pytest.fixture(scope="module", params=METHODS)
def trained(
    request: pytest.FixtureRequest, tiny_llama: str, tmp_path_factory: pytest.TempPathFactory
) -> TrainResult:
    folder = tmp_path_factory.mktemp(request.param) / "out"
    return train(training_job(tiny_llama, folder, request.param))


def tensors(folder: str | Path, name: str) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(Path(folder) / name)


@pytest.mark.ml
def test_the_loss_falls(trained: TrainResult):
    first = [point.loss for point in trained.loss[:3]]
    last = [point.loss for point in trained.loss[-3:]]
    assert sum(last) < 0.9 * sum(first)


@pytest.mark.ml
def test_only_the_intended_weights_are_there(trained: TrainResult, tiny_llama: str):
    final = Path(trained.served_by.model)
    if trained.method == "full":
        before = tensors(tiny_llama, "model.safetensors")
        after = tensors(final, "model.safetensors")
        assert before.keys() == after.keys()
        assert all(bool((before[key] != after[key]).any()) for key in before)
    else:
        adapter = tensors(final, "adapter_model.safetensors")
        assert all("lora_" in key for key in adapter)
        assert all(bool(adapter[key].any()) for key in adapter)
        assert not (final / "model.safetensors").exists()


@pytest.mark.ml
def test_the_count_of_trainable_parameters_is_told(trained: TrainResult):
    final = trained.served_by.model
    name = "model.safetensors" if trained.method == "full" else "adapter_model.safetensors"
    assert trained.trainable_parameters == sum(t.numel() for t in tensors(final, name).values())
    plan = training_plan("mini", trained.method)
    footprint = registry.method(trained.method).footprint(plan, CARD)
    assert trained.trainable_parameters == footprint.trainable_parameters


@pytest.mark.ml
def test_every_field_of_the_plan_arrives(tiny_llama: str, tmp_path: Path):
    from trainers.engines.trl._run import _ready
    from trainers.engines.trl._settings import settings_of

    plan = training_plan(
        tiny_llama,
        rank=8,
        alpha=3,
        dropout=0.25,
        target_modules="q_proj, v_proj",
        sequence_length=77,
        micro_batch_size=3,
        gradient_accumulation_steps=5,
        gradient_checkpointing=True,
        optimizer="adamw_torch",
        learning_rate=4e-4,
        schedule="constant_with_warmup",
        warmup_share=0.1,
        weight_decay=0.2,
        max_gradient_norm=0.7,
        neftune_alpha=5.0,
        length_grouping=True,
        epochs=2.5,
        seed=9,
    )
    job = training_job(tiny_llama, tmp_path).model_copy(update={"plan": plan})
    with quiet():
        ready = _ready(job, RecordingTools())
    adapter = ready.applied.model.peft_config["default"]
    settings = settings_of(plan, ready.course, tmp_path)
    assert (adapter.r, adapter.lora_alpha, adapter.lora_dropout) == (8, 3, 0.25)
    assert set(adapter.target_modules) == {"q_proj", "v_proj"}
    assert settings.max_length == 77
    assert settings.per_device_train_batch_size == 3
    assert settings.gradient_accumulation_steps == 5
    assert settings.activation_checkpointing is True
    assert settings.optim == "adamw_torch"
    assert settings.learning_rate == 4e-4
    assert settings.lr_scheduler_type == "constant_with_warmup"
    assert settings.warmup_steps == 0.1
    assert settings.weight_decay == 0.2
    assert settings.max_grad_norm == 0.7
    assert settings.neftune_noise_alpha == 5.0
    assert settings.train_sampling_strategy == "group_by_length"
    assert settings.num_train_epochs == 2.5
    assert settings.seed == 9


@pytest.mark.ml
def test_the_loss_counts_on_the_answer_in_the_form_it_is_asked(tiny_llama: str):
    from trainers.engines.trl._model import open_tokenizer
    from trainers.engines.trl._rows import rows_of

    tokenizer = open_tokenizer(training_plan(tiny_llama))
    [row] = rows_of(training_samples(1), "Add two.", tokenizer, sequence_length=128).dataset
    asked = tokenizer.apply_chat_template(
        prompt_turns(training_samples(1)[0], "Add two."), add_generation_prompt=True, tokenize=False
    )
    answer = [token for token in row["labels"] if token != -100]
    assert tokenizer.decode(row["input_ids"]) == asked + "It is 2.<|end|>"
    assert tokenizer.decode(answer) == "It is 2.<|end|>"


@pytest.mark.ml
def test_rows_over_the_length_are_left_out_and_told(tiny_llama: str, tmp_path: Path):
    long = Sample(id="long", input="x" * 300, target="y", line=17)
    job = training_job(
        tiny_llama, tmp_path / "out", epochs=0.5, train_samples=(*training_samples(12), long)
    )
    result = train(job)
    assert result.train_samples == 12
    assert "1 of 13 training samples exceed 128 tokens" in result.notes[0]


@pytest.mark.ml
def test_more_than_a_tenth_over_the_length_stops_before_training(tiny_llama: str, tmp_path: Path):
    long = Sample(id="long", input="x" * 300, target="y", line=17)
    job = training_job(tiny_llama, tmp_path / "out", train_samples=(*training_samples(8), long))
    with pytest.raises(DatasetError, match="1 of 9 training samples exceed") as caught:
        train(job)
    assert caught.value.where == "line 17"
    assert "sequence_length" in caught.value.hint
    assert "--seq-len" in caught.value.hint


@pytest.mark.ml
def test_the_dev_loss_falls_where_something_was_learned(tiny_llama: str, tmp_path: Path):
    dev = training_samples(70)[5:]
    learned = train(training_job(tiny_llama, tmp_path / "out", dev_samples=dev))
    assert learned.dev_loss_after < 0.9 * learned.dev_loss_before
    assert learned.notes == ()
    nothing = train(
        training_job(tiny_llama, tmp_path / "out", dev_samples=dev, learning_rate=1e-30, epochs=0.2)
    )
    assert nothing.dev_loss_after == nothing.dev_loss_before == learned.dev_loss_before
    assert "learned nothing that shows on the dev split" in nothing.notes[0]


@pytest.mark.ml
def test_the_dev_loss_is_the_mean_over_the_completions_tokens(tiny_llama: str):
    import torch

    from trainers.engines.trl._model import open_base, open_tokenizer
    from trainers.engines.trl._rows import dev_rows
    from trainers.engines.trl.objectives._losses import mean_loss

    plan = training_plan(tiny_llama, "full")
    model, tokenizer = open_base(plan), open_tokenizer(plan)
    rows = dev_rows(training_samples(3), "Add two.", tokenizer, sequence_length=128)
    losses = [
        (model(**{k: torch.tensor([v]) for k, v in row.items()}).loss.item(), row["labels"])
        for row in rows
    ]
    counts = [sum(label != -100 for label in labels) for _, labels in losses]
    expected = sum(x * n for (x, _), n in zip(losses, counts, strict=True)) / sum(counts)
    model.train()
    before = torch.get_rng_state()
    accelerator = SimpleNamespace(autocast=contextlib.nullcontext)
    trainer = SimpleNamespace(model=model, accelerator=accelerator)
    assert mean_loss(trainer, rows) == pytest.approx(expected, rel=1e-5)
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)
    assert mean_loss(trainer, []) is None


@pytest.mark.ml
def test_cores_are_counted_where_the_system_knows_no_affinity(monkeypatch: pytest.MonkeyPatch):
    from advisor.builtin.backends import _transformers
    from trainers.engines.trl import _run

    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    assert _run.usable_cores() == _transformers.usable_cores() == 7


@pytest.mark.ml
def test_a_name_of_the_hub_stays_offline_unless_allowed(monkeypatch: pytest.MonkeyPatch):
    from advisor.builtin.backends import _transformers_load as opening
    from trainers.engines.trl import _model as engine

    plan = training_plan("somebody/something")
    assert engine.stays_offline(plan.model)
    assert opening.stays_offline(plan.model)
    monkeypatch.setenv("ADVISOR_ALLOW_DOWNLOAD", "1")
    assert not engine.stays_offline(plan.model)
    assert not opening.stays_offline(plan.model)


@pytest.mark.ml
def test_a_loss_that_is_no_number_is_told(tiny_llama: str, tmp_path: Path):
    job = training_job(
        tiny_llama,
        tmp_path / "out",
        "full",
        learning_rate=1e30,
        max_gradient_norm=1e30,
        schedule="constant",
        warmup_share=0.0,
    )
    with pytest.raises((NonFiniteLossError, ExplodingGradientError), match="at step"):
        train(job)


@pytest.mark.ml
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": "adamw_nonsense"}, "adamw_nonsense"),
        ({"schedule": "zigzag"}, "zigzag"),
        ({"target_modules": "no_such_layer"}, "no_such_layer"),
        ({"precision": "float16"}, "float16"),
    ],
)
def test_a_plan_the_libraries_refuse_is_told(
    tiny_llama: str, tmp_path: Path, changes: dict, words: str
):
    with pytest.raises(PlanError, match=words):
        train(training_job(tiny_llama, tmp_path / "out", **changes))


@pytest.mark.ml
def test_a_model_that_is_not_there_is_told(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFolderError):
        train(training_job(str(tmp_path / "empty"), tmp_path / "out"))


@pytest.mark.parametrize("changes", [{"gpus": 4, "strategy": "layer_split"}, {"rank": None}])
def test_what_the_engine_does_not_do_is_told_at_once(tmp_path: Path, changes: dict):
    with pytest.raises(PlanError):
        train(training_job("tiny", tmp_path / "out", **changes))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("missing", "method", "extra"), [("trl", "lora", "train"), ("bitsandbytes", "qlora", "qlora")]
)
def test_a_missing_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, method: str, extra: str
):
    monkeypatch.setattr(
        "trainers.engines.trl.find_spec", lambda name: None if name == missing else object()
    )
    with pytest.raises(MissingExtraError) as caught:
        train(training_job("tiny", tmp_path / "out", method))
    assert f"pip install 'finetune-advisor[{extra}]'" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), OutOfMemoryError, "ran out"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemoryError, "ran out"),
        (MemoryError(), OutOfMemoryError, "ran out"),
        (OSError(28, "No space left on device"), StorageError, "disk is full"),
        (RuntimeError("PytorchStreamWriter failed writing file"), StorageError, "disk is full"),
        (PermissionError(13, "Permission denied"), StorageError, "Permission denied"),
        (RuntimeError("something else"), TrainingError, "something else"),
    ],
)
def test_foreign_errors_are_told(error: Exception, kind: type, words: str, tmp_path: Path):
    found = told(error, training_plan("tiny"), tmp_path)
    assert type(found) is kind
    assert words in found.message
    assert found.hint


def test_the_chat_form_is_the_one_of_the_zero_shot_prompt():
    tools = RecordingTools()
    builder = registry.prompt_builder("zero_shot")
    builder.fit((), (), (), tools)
    own = (
        Message(role="user", content="Hi"),
        Message(role="assistant", content="Hello"),
        Message(role="system", content="Be brief."),
    )
    for history in ((), own[:2], own):
        sample = Sample(id="s", input="1?", target="2", history=history)
        asked = [{"role": m.role, "content": m.content} for m in builder.build(sample).messages]
        assert prompt_turns(sample, tools.instruction) == asked
        assert completion_turn(sample) == {"role": "assistant", "content": "2"}
