"""Every objective with every method: what is learned, what is kept, and that others can open it."""

from __future__ import annotations

import contextlib
import gc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.contracts import Applying
from advisor.errors import PlanError
from advisor.resources import embedded_model_root
from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainResult
from tests.fixtures.training import INSTRUCTION, RecordingTools, training_job

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]

RANKED = ("lora", "qlora", "dora", "vera", "loha", "lokr")
METHODS: dict[str, tuple[float, dict[str, Any]]] = {
    "full": (3e-3, {}),
    "lora": (1e-2, {}),
    "qlora": (1e-2, {}),
    "dora": (1e-2, {}),
    "ia3": (1e-1, {}),
    "vera": (1e-1, {}),
    "loha": (3e-2, {}),
    "lokr": (3e-2, {}),
    "oft": (1e-2, {}),
    "boft": (3e-2, {}),
    "prefix": (1e-1, {"virtual_tokens": 6}),
    "prompt": (3e-1, {"virtual_tokens": 6}),
    "p_tuning": (3e-2, {"virtual_tokens": 6}),
    "adapter": (1e-2, {"bottleneck": 8}),
    "freeze": (3e-3, {"layers": 1}),
    "llama_pro": (3e-3, {"blocks": 1}),
}
"""Learning rate and options, by method."""
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "lora pissa": ("lora", {"init": "pissa"}),
    "lora olora, rank-stable": ("lora", {"init": "olora", "rslora": True}),
    "lora plus": ("lora", {"lora_plus": 4.0}),
    "adapter twice a layer": ("adapter", {"bottleneck": 8, "per_layer": 2}),
    "prefix by a network": ("prefix", {"virtual_tokens": 6, "projection": True}),
}
"""Further forms of a method: its name and the options beside its own."""
OBJECTIVES = ("sft", "cpt", "dpo", "orpo", "kto", "reward", "grpo")
IMPOSSIBLE = {("reward", "prompt"), ("reward", "p_tuning")}
WORTH = """
def worth(prompt, answer, reference):
    return sum(letter < "P" for letter in answer) / max(1, len(answer))
"""


def samples(objective: str, first: int, count: int) -> tuple[Sample, ...]:
    return tuple(_sample(objective, number) for number in range(first, first + count))


def _sample(objective: str, number: int) -> Sample:
    good, bad = f"It is {number + 2}.", f"No idea {number}."
    if objective == "cpt":
        return Sample(id=f"s{number}", input="", target=f"Two more than {number} is {number + 2}.")
    asked = {"id": f"s{number}", "input": f"What is {number} plus two?"}
    if objective == "kto":
        is_good = number % 2 == 0
        return Sample(**asked, target=good if is_good else bad, is_good=is_good)
    rejected = bad if objective in ("dpo", "orpo", "reward") else None
    return Sample(**asked, target=good, rejected=rejected)


class Matrix:
    """Trains each case once, however many tests look at it."""

    def __init__(self, base: str, folder: Path) -> None:
        self.base = base
        self.folder = folder
        self.card = query.find_model(base)
        self._done: dict[str, TrainResult] = {}
        (folder / "worth.py").write_text(WORTH)

    def plan_values(self, objective: str, name: str) -> tuple[str, dict[str, Any]]:
        method, more = FORMS.get(name, (name, {}))
        rate, options = METHODS[method]
        values: dict[str, Any] = {
            "objective": objective,
            "method_options": options | more,
            "rank": 4 if method in RANKED else None,
            "dropout": 0.0,
            "learning_rate": rate,
            "gradient_checkpointing": method != "prefix",
            "epochs": 1,
        }
        if method == "qlora":
            values |= {"base_bits": 4, "quantisation": "nf4"}
        if objective == "grpo":
            reward = {"reward": f"{self.folder / 'worth.py'}:worth", "num_generations": 4}
            values |= {"method_options": values["method_options"] | reward, "generated_tokens": 6}
        return method, values

    def job(self, objective: str, name: str) -> Any:
        method, values = self.plan_values(objective, name)
        return training_job(
            self.base,
            self.folder / objective / name.replace(" ", "-"),
            method,
            train_samples=samples(objective, 0, 6 if objective == "grpo" else 40),
            dev_samples=() if objective == "grpo" else samples(objective, 40, 6),
            **values,
        )

    def trained(self, objective: str, name: str) -> TrainResult:
        key = f"{objective} {name}"
        if key not in self._done:
            job = self.job(objective, name)
            self._done[key] = registry.trainer("trl").train(job, RecordingTools())
        return self._done[key]


@pytest.fixture(scope="module")
def matrix(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    import trl  # noqa: F401 - what is imported now is set apart

    gc.freeze()
    return Matrix(tiny_llama, tmp_path_factory.mktemp("matrix"))


def opened(result: TrainResult, base: str) -> Any:
    """The result by PEFT or transformers alone, or by what its method keeps; on its plain base."""
    import torch
    import transformers
    from peft import PeftModel

    folder = Path(result.served_by.model)
    kind = transformers.AutoModelForCausalLM
    more: dict[str, Any] = {}
    if result.objective == "reward":
        kind, more = transformers.AutoModelForSequenceClassification, {"num_labels": 1}
    if (folder / "config.json").exists():
        return kind.from_pretrained(folder, dtype=torch.float32)
    if result.method == "qlora":
        more["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True
        )
    model = kind.from_pretrained(base, dtype=torch.float32, **more)
    if (folder / "adapter_config.json").exists():
        return PeftModel.from_pretrained(model, str(folder))
    return registry.method(result.method).restore(model, folder)


def dev_loss(model: Any, base: str, objective: str) -> float:
    from trainers.engines.trl._model import open_tokenizer
    from trainers.engines.trl.objectives import course_of

    job = training_job(
        base,
        Path("unused"),
        objective=objective,
        train_samples=samples(objective, 0, 40),
        dev_samples=samples(objective, 40, 6),
    )
    course = course_of(job, open_tokenizer(job.plan), RecordingTools(instruction=INSTRUCTION))
    accelerator = SimpleNamespace(autocast=contextlib.nullcontext)
    return course.dev_loss(SimpleNamespace(model=model, accelerator=accelerator))


def check(matrix: Matrix, objective: str, name: str) -> None:
    """What holds of every case."""
    job, result = matrix.job(objective, name), matrix.trained(objective, name)
    assert result.trainable_parameters == footprint(matrix, job)
    if objective != "grpo":
        assert result.dev_loss_after < result.dev_loss_before
    model = opened(result, matrix.base)
    check_changes(matrix, result, model, footprint(matrix, job), name)
    if objective in ("sft", "cpt"):
        again = dev_loss(model, matrix.base, objective)
        packed = name == "qlora"  # asked without gradients, 4-bit layers take another kernel
        assert again == pytest.approx(result.dev_loss_after, abs=5e-3 if packed else 2e-4)


def footprint(matrix: Matrix, job: Any) -> int:
    plan = job.plan
    return registry.method(plan.method).footprint(plan, matrix.card).trainable_parameters


def check_changes(matrix: Matrix, result: TrainResult, model: Any, count: int, name: str) -> None:
    """Only the intended weights are kept, or differ from the base's where all are kept."""
    from safetensors.torch import load_file

    folder = Path(result.served_by.model)
    if not (folder / "config.json").exists():
        (file,) = folder.glob("*.safetensors")
        kept = sum(tensor.numel() for tensor in load_file(file).values())
        assert kept == kept_entries(matrix, name, count)
        assert not (folder / "model.safetensors").exists()
        return
    base, own = load_file(Path(matrix.base) / "model.safetensors"), model.state_dict()
    changed = {key for key, tensor in base.items() if bool((own[key] != tensor).any())}
    intended = {
        "full": set(base),
        "freeze": {key for key in base if key.startswith("model.layers.1.")},
        "llama_pro": set(),  # the new block is the third one
    }
    assert changed == intended[result.method]
    if result.method == "llama_pro":
        new = {k: t for k, t in own.items() if k.startswith("model.layers.2.")}
        assert all(
            bool((tensor != own[key.replace(".2.", ".1.")]).any()) for key, tensor in new.items()
        )


def kept_entries(matrix: Matrix, name: str, count: int) -> int:
    """Entries in the file; PEFT also keeps VeRA's shared matrices, and of networks what they make."""
    card, method = matrix.card, FORMS.get(name, (name, {}))[0]
    if method == "vera":
        return count + 4 * 2 * max(card.hidden_size, card.intermediate_size)
    if method == "p_tuning":
        return 6 * card.hidden_size
    if name == "prefix by a network":
        return 6 * 2 * card.layers * card.hidden_size
    twice = name in ("lora pissa", "lora olora, rank-stable")
    return 2 * count if twice else count


@pytest.mark.parametrize(
    "name", [*METHODS, *(pytest.param(name, marks=pytest.mark.slow) for name in FORMS)]
)
def test_every_method_tunes_answers(matrix: Matrix, name: str):
    check(matrix, "sft", name)


@pytest.mark.parametrize("objective", [one for one in OBJECTIVES if one != "sft"])
def test_every_objective_tunes_an_adapter(matrix: Matrix, objective: str):
    check(matrix, objective, "lora")


def test_a_packed_base_is_told_with_its_adapter(matrix: Matrix):
    result = matrix.trained("sft", "qlora")
    model = opened(result, matrix.base)
    assert model.get_base_model().is_loaded_in_4bit
    dtypes = {str(p.dtype) for name, p in model.named_parameters() if "lora_" in name}
    assert dtypes == {"torch.float32"}


@pytest.mark.slow
@pytest.mark.parametrize("objective", [one for one in OBJECTIVES if one != "sft"])
@pytest.mark.parametrize("name", [one for one in METHODS if one != "lora"])
def test_the_whole_product(matrix: Matrix, objective: str, name: str):
    if (objective, name) not in IMPOSSIBLE:
        check(matrix, objective, name)
        return
    with pytest.raises(PlanError, match="last token"):
        matrix.trained(objective, name)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return Matrix(str(embedded_model_root()), tmp_path_factory.mktemp("embedded"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full", "lora", "qlora", "prefix", "prompt", "adapter", "ia3"])
def test_the_embedded_model_learns_by_the_methods_of_the_field(embedded: Matrix, name: str):
    check(embedded, "sft", name)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["cpt", "dpo", "orpo", "reward"])
def test_the_embedded_model_learns_what_it_is_given(embedded: Matrix, objective: str):
    check(embedded, objective, "lora")


def test_every_method_that_can_be_trained_is_in_the_matrix():
    trained = {
        n for n in registry.names("advisor.methods") if isinstance(registry.method(n), Applying)
    }
    assert trained == set(METHODS)


@pytest.mark.parametrize("name", ["galore", "lisa"])
def test_a_method_that_is_only_priced_is_told(tiny_llama: str, tmp_path: Path, name: str):
    with pytest.raises(PlanError, match="cannot train it"):
        registry.trainer("trl").train(
            training_job(tiny_llama, tmp_path / "out", name, rank=None), RecordingTools()
        )
