"""Faults planted in exports, each caught and named; what is the same passes."""

from __future__ import annotations

import gc
import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import StaleArtifactError
from advisor.evaluation.bench import Bench, EvaluationSettings
from advisor.evaluation.cache import CompletionCache
from advisor.evaluation.runner import evaluate
from advisor.evaluation.session import LazySession
from advisor.resources import embedded_model_root
from advisor.schema.evaluation import Sample
from advisor.schema.export import Exported
from advisor.schema.train import Served
from advisor.shipping.certifying import EXACT, ROUNDED, Witness, agreed
from advisor.shipping.checking import certified_without_run, tolerance_of
from advisor.tools import Silence, Tools
from tests.fixtures.chat_service import chat_service
from tests.fixtures.tiny_llama import edit_json, tiny_llama

__all__ = ["tiny_llama"]

pytestmark = pytest.mark.ml

SECRET_WORD = "Rumpelstilzchen"
SAMPLES = tuple(
    Sample(id=f"s{i}", input=f"{SECRET_WORD} asks {i} times {i * 7}", target="It is.", split="test")
    for i in range(8)
)
BACKEND = registry.backend("transformers")


def adapter_on(base: str, folder: Path, *, seed: int = 3) -> Path:
    """A LoRA adapter that changes what the base says, with the tokenizer beside it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT asks transformers by an old name
        get_peft_model(model, config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def merged_into(base: str, adapter: Path, folder: Path, *, bits: int = 32) -> Path:
    """The adapter merged into its base, in full or, as nobody should, into packed weights."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    more = {"dtype": torch.float32}
    if bits == 4:
        more["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32
        )
    model = AutoModelForCausalLM.from_pretrained(base, **more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same, and that merging into 4 bits rounds
        PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(adapter)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def settled():
    """A session that is given back looks for what is left over, but not through all of torch."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("certifying")


@pytest.fixture(scope="module")
def adapter(tiny_llama, place):
    return adapter_on(tiny_llama, place / "adapter")


@pytest.fixture(scope="module")
def merged(tiny_llama, adapter, place):
    return merged_into(tiny_llama, adapter, place / "merged")


@pytest.fixture
def planted(merged, tmp_path):
    """A copy of the merged model that may be spoilt."""
    return Path(shutil.copytree(merged, tmp_path / "merged"))


@pytest.fixture(scope="module")
def kept(place):
    """Answers of the evaluated model, computed once."""
    return CompletionCache(place / "kept.sqlite")


@pytest.fixture(scope="module")
def builder():
    found = registry.prompt_builder("zero_shot")
    found.fit((), (), (), Tools(seed=0, instruction="Be brief.", cache_dir=Path()))
    return found


def witness(folder: Path, *, cache=None, claims: str = "float32", opened=None) -> Witness:
    def opener():
        session = BACKEND.open(str(folder), {"device": "cpu"})
        if opened is not None:
            opened.append(session)
        return session

    settings = EvaluationSettings(
        dataset_digest="these",
        backend="transformers",
        model=folder.name,
        max_new_tokens=8,
        decides={"backend.dtype": "float32"},
    )
    metric = registry.metric("exact_match")
    bench = Bench(LazySession(opener), metric, settings, Silence(), cache=cache)
    return Witness(folder.name, bench, folder, claims)


@pytest.fixture(scope="module")
def evaluated(adapter):
    """The evaluated model, opened once and not given back between two tests."""
    session = BACKEND.open(str(adapter), {"device": "cpu"})
    session.__exit__ = lambda *_told: None
    return session


@pytest.fixture
def ask(adapter, evaluated, kept, builder):
    """What is found of a folder, held against the adapter."""

    def asked(folder: Path, *, tolerance=EXACT, **told):
        reference = witness(adapter, cache=kept)
        staying = replace(reference.bench, session=LazySession(lambda: evaluated))
        exported = witness(folder, **told)
        reference = reference._replace(bench=staying)
        return agreed(reference, exported, builder, SAMPLES, tolerance=tolerance)

    return asked


def causes(found) -> str:
    told = " ".join(found.problems)
    assert SECRET_WORD not in told  # nothing of the user's is shown
    return told


def test_the_merged_model_is_the_adapter_and_never_both_are_in_memory(adapter, merged, builder):
    opened: list = []
    first = witness(adapter, opened=opened)

    def second():
        assert [session._model for session in opened] == [None]  # given back before
        return BACKEND.open(str(merged), {"device": "cpu"})

    after = witness(merged)
    after = after._replace(bench=replace(after.bench, session=LazySession(second)))
    found = agreed(first, after, builder, SAMPLES, tolerance=EXACT)
    assert (found.verdict, found.equal, found.n) == ("same", 8, 8)
    assert (found.same_prompts, found.same_ends) == (True, True)
    assert found.problems == ()
    assert found.worse_by == 0


def test_a_model_that_is_not_the_one_that_was_verified_is_no_reference(
    adapter, evaluated, kept, builder
):
    before = witness(adapter, cache=kept)
    staying = replace(before.bench, session=LazySession(lambda: evaluated))
    measured = evaluate(staying, "tuned", builder, SAMPLES)

    def held(verified):
        bench = replace(before.bench, session=LazySession(lambda: evaluated))
        reference = before._replace(bench=bench, verified=verified)
        return agreed(reference, witness(adapter), builder, SAMPLES, tolerance=EXACT)

    assert held(measured).verdict == "same"
    manifest = measured.manifest.model_copy(update={"model_digest": "another"})
    with pytest.raises(StaleArtifactError, match="not the one that was verified: its files"):
        held(measured.model_copy(update={"manifest": manifest}))
    scores = tuple(
        one.model_copy(update={"completion": one.completion.model_copy(update={"text": "No."})})
        for one in measured.scores
    )
    with pytest.raises(StaleArtifactError, match="only 0 of 8 answers are those"):
        held(measured.model_copy(update={"scores": scores}))


FORMS = [
    ("transformers", "float32", False, EXACT),
    ("transformers", "float16", False, ROUNDED),
    ("transformers", "bfloat16", False, ROUNDED),
    ("transformers", "nf4", True, ROUNDED),
    ("transformers", "float32", True, ROUNDED),
    ("gguf", "f32", False, ROUNDED),
    ("gguf", "f16", False, ROUNDED),
    ("gguf", "q8_0", True, ROUNDED),
]


@pytest.mark.parametrize(("backend", "precision", "is_lossy", "asked"), FORMS)
def test_each_form_is_held_to_the_tolerance_that_the_decision_names(
    tmp_path, backend, precision, is_lossy, asked
):
    found = Exported(
        exporter="any",
        output_dir=str(tmp_path),
        files=(),
        served_by=Served(backend=backend, model=str(tmp_path)),
        precision=precision,
        is_lossy=is_lossy,
    )
    assert tolerance_of(found, "float32") == asked


def test_an_adapter_beside_its_base_is_opened_as_it_was_evaluated(adapter, merged):
    def beside(model, evaluated_in):
        served = Served(backend="transformers", model=str(model))
        found = Exported(
            exporter="vllm", output_dir="", files=(), served_by=served, precision="float16"
        )
        return tolerance_of(found, evaluated_in)

    assert beside(adapter, "float32") == EXACT
    assert beside(merged, "float32") == ROUNDED
    assert beside(merged, "float16") == EXACT


def test_the_base_alone_is_not_the_adapter(ask, tiny_llama):
    found = ask(Path(tiny_llama))
    assert found.verdict == "different"
    assert found.equal < 4
    assert "letter by letter" in causes(found)


def test_an_adapter_put_on_its_base_otherwise_is_named(ask, adapter, tmp_path):
    folder = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    assert ask(folder).verdict == "same"
    edit_json(folder / "adapter_config.json", lora_alpha=8.01)  # answers alike, and is another
    found = ask(folder)
    assert found.verdict == "different"
    assert "lora_alpha is 8.01 instead of 8 in adapter_config.json" in causes(found)


def test_another_chat_template_is_caught_and_shown(ask, planted):
    template = planted / "chat_template.jinja"
    template.write_text(template.read_text().replace("'<|end|>'", "'\\n<|end|>'"))
    found = ask(planted)
    assert found.verdict == "different"
    assert found.same_prompts is False
    told = causes(found)
    assert "The chat template differs: 8 of 8 prompts" in told
    assert r"'<|end|><|user|>Good morn'" in told
    assert r"'\n<|end|><|user|>Good mor'" in told


def test_a_template_that_differs_on_the_users_prompts_alone_shows_nothing_of_them(ask, planted):
    template = planted / "chat_template.jinja"
    spoilt = template.read_text().replace(
        "m['content']", f"m['content'].replace('{SECRET_WORD}', '')"
    )
    template.write_text(spoilt)
    found = ask(planted)
    assert found.same_prompts is False
    assert "a plain prompt is read alike, the first other one differs from character" in causes(
        found
    )


def test_a_special_token_that_became_plain_letters_is_caught(ask, planted):
    tokenizer = planted / "tokenizer.json"
    told = json.loads(tokenizer.read_text())
    told["added_tokens"] = [t for t in told["added_tokens"] if t["content"] != "<|assistant|>"]
    tokenizer.write_text(json.dumps(told))
    edit_json(planted / "tokenizer_config.json", extra_special_tokens=[])
    found = ask(planted)
    assert found.same_prompts is False
    assert "The tokenizer differs: the same text is read as other tokens" in causes(found)


def test_a_stop_token_missing_in_one_file_is_caught(ask, planted):
    edit_json(planted / "generation_config.json", eos_token_id=None)
    found = ask(planted)
    assert found.verdict == "different"
    assert found.same_ends is False
    assert "stop token 2 is missing in generation_config.json" in causes(found)


def test_a_stop_token_missing_in_the_tokenizer_is_caught(ask, planted):
    edit_json(planted / "tokenizer_config.json", eos_token="<pad>")
    told = causes(ask(planted))
    assert "The stop token '<pad>' is new" in told
    edit_json(planted / "tokenizer_config.json", eos_token=None)
    told = causes(ask(planted))
    assert "The stop token '<|end|>' is missing in tokenizer_config.json" in told


def test_a_stop_token_missing_everywhere_is_caught(ask, planted):
    edit_json(planted / "generation_config.json", eos_token_id=4)
    edit_json(planted / "config.json", eos_token_id=4)
    edit_json(planted / "tokenizer_config.json", eos_token="<|user|>")
    found = ask(planted)
    assert found.verdict == "different"
    assert found.same_ends is False
    assert "The stop token '<|end|>' is missing: the evaluated model ends" in causes(found)


def test_a_merge_into_packed_weights_is_caught(ask, tiny_llama, adapter, tmp_path):
    pytest.importorskip("bitsandbytes")
    packed = merged_into(tiny_llama, adapter, tmp_path / "packed", bits=4)
    found = ask(packed)
    assert found.verdict == "different"
    told = causes(found)
    assert "packed in 4 bits (bitsandbytes), although the export is said to be in float32" in told
    assert "packed" not in causes(ask(packed, claims="nf4", tolerance=ROUNDED))


def test_weights_rounded_brutally_are_caught_and_a_little_is_let_pass(ask, planted):
    import torch
    from safetensors.torch import load_file, save_file

    file = planted / "model.safetensors"
    whole = load_file(file)
    save_file({name: tensor.bfloat16() for name, tensor in whole.items()}, file, {"format": "pt"})
    edit_json(planted / "config.json", dtype="bfloat16")
    mild = ask(planted, tolerance=EXACT._replace(least_equal=0.0))
    assert mild.verdict in {"same", "within_tolerance"}
    strict = ask(planted, tolerance=EXACT._replace(least_equal=1.01))
    assert "weights are in bfloat16, and the model was evaluated in float32" in causes(strict)
    rough = {name: torch.round(tensor * 20) / 20 for name, tensor in whole.items()}
    save_file(rough, file, {"format": "pt"})
    found = ask(planted, tolerance=ROUNDED)
    assert found.verdict == "different"
    assert "letter by letter" in causes(found)


def test_another_vocabulary_is_named_where_answers_differ(ask, tiny_llama, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    model.resize_token_embeddings(300, mean_resizing=False)
    model.save_pretrained(tmp_path / "wider")
    AutoTokenizer.from_pretrained(tiny_llama).save_pretrained(tmp_path / "wider")
    assert "Its vocabulary holds 300 tokens, that of the evaluated model" in causes(
        ask(tmp_path / "wider")
    )


def test_a_broken_export_is_different_and_says_why(ask, planted):
    (planted / "model.safetensors").write_bytes(b"broken")
    found = ask(planted)
    assert (found.verdict, found.n) == ("different", 0)
    assert found.problems[0].startswith("The export cannot be opened:")


@pytest.mark.parametrize("is_right", [True, False])
def test_a_server_with_another_template_is_caught(adapter, kept, builder, planted, is_right):
    if not is_right:
        template = planted / "chat_template.jinja"
        template.write_text(template.read_text().replace("<|assistant|>", "<|user|>"))
    with BACKEND.open(str(planted), {"device": "cpu"}) as served:

        def answer(_model, prompt):
            return served.generate([prompt], max_new_tokens=8)[0].text

        with chat_service(answer) as (url, _asked):
            before = witness(adapter, cache=kept)
            settings = before.bench.settings.model_copy(update={"backend": "openai"})
            session = LazySession(lambda: registry.backend("openai").open("m", {"base_url": url}))
            bench = Bench(session, before.bench.metric, settings, Silence())
            after = Witness("a server", bench)
            found = agreed(before, after, builder, SAMPLES, tolerance=ROUNDED)
    assert found.same_prompts is None
    assert found.verdict == ("same" if is_right else "different")
    if not is_right:
        assert "8 of 8 prompts have another number of tokens there" in causes(found)


@pytest.fixture(scope="module")
def shipped(place):
    """An adapter on the embedded model, and the merged model as an exporter tells of it."""
    base = str(embedded_model_root())
    tuned = adapter_on(base, place / "own")
    whole = merged_into(base, tuned, place / "whole")
    return tuned, Exported(
        exporter="merged",
        output_dir=str(whole),
        files=(),
        served_by=Served(backend="transformers", model=str(whole), settings={"device": "cpu"}),
        precision="float32",
    )


def test_without_a_run_packaged_questions_are_asked(shipped):
    agreement, why = certified_without_run(*shipped, max_new_tokens=4, most=12)
    assert why[0].startswith("With 12 of 12 answers equal, up to 22.1 % of all may still be others")
    assert (agreement.verdict, agreement.equal, agreement.n) == ("same", 12, 12)
    assert agreement.asked_agreement == 0.99
    tuned, found = shipped
    unseen, why = certified_without_run(tuned, found.model_copy(update={"served_by": None}))
    assert unseen.verdict == "unchecked"
    assert why


@pytest.mark.slow
def test_adapter_and_merged_model_agree_on_99_percent_of_all_packaged_questions(shipped):
    agreement, _ = certified_without_run(*shipped)
    assert agreement.n == 64
    assert agreement.share >= 0.99
