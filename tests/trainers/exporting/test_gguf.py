"""A GGUF file holds what was tuned: weights, tokens, chat form and ends, read back and compared."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from advisor import registry
from advisor.contracts import Reading
from advisor.errors import (
    BackendError,
    MissingProgramError,
    ModelFolderError,
    PlanError,
    UnsupportedArchitectureError,
)
from advisor.schema.evaluation import Message, Prompt
from tests.fixtures.tiny_llama import TURNS, edit_json
from tests.fixtures.training import RecordingTools
from tests.trainers.exporting.tuned import export_job, tuned_by
from trainers.exporting.gguf import GgufExporter
from trainers.exporting.gguf_backend import GgufBackend
from trainers.exporting.gguf_vocabulary import GPT2, WAYS, Way, vocabulary_of

pytestmark = pytest.mark.ml

ODD = (
    "one two  three   four",
    " leading and trailing ",
    "\n\n\ttabs\r\n and lines \n",
    "don't I'LL we've he's",
    "12345 3.14 1,000,000 ½ ² ٣",
    "é e\u0301 ñ ü ß ﬁ",
    "\u4e2d\u6587\u5b57\u7b26 \u65e5\u672c\u8a9e \ud55c\uad6d\uc5b4",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \u202eabc\u202c",
    "<|user|>not a turn<|end|>",
    "a<s>b <| end |> {{ x }} {% y %}",
    "x" * 300,
    "\x00\x01\x1f\x7f\u00a0\u3000\ufeff",
    "!!!???...---=== (a)[b]{c}",
    "",
)


LINES = (
    "The invoice 12345 was not paid, don't you think? We'll see what they're doing.",
    "Hello world! it's 2026-11-26 and the caf\u00e9 is closed; \u00c4\u00d6\u00dc \u00df.",
    "\u4e2d\u6587\u5b57\u7b26 and 1,000,000 things...   many  spaces\n\nand\tlines",
)


def learnt(way: Way) -> Any:
    """A tokenizer with merges that parts texts one way."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    inner = Tokenizer(models.BPE(ignore_merges=way.ignores_merges))
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=way.pattern == GPT2)
    first: list[Any] = [pre_tokenizers.Digits(individual_digits=True)] if way.parts_digits else []
    if way.pattern != GPT2:
        first = [pre_tokenizers.Split(Regex(way.pattern), behavior="isolated")]
    inner.pre_tokenizer = pre_tokenizers.Sequence([*first, last]) if first else last
    inner.decoder = decoders.ByteLevel()
    learner = trainers.BpeTrainer(
        vocab_size=420,
        show_progress=False,
        special_tokens=["<pad>", "<s>", "<|end|>", *TURNS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    inner.train_from_iterator(LINES * 4, learner)
    return inner


def asked(text: str, system: str = "Add two.") -> Prompt:
    turns = (Message(role="system", content=system), Message(role="user", content=text))
    return Prompt(sample_id=text[:9], messages=turns)


def exported(model: Path | str, folder: Path, **options: str) -> Any:
    return GgufExporter().export(export_job(model, folder, **options), RecordingTools())


@pytest.fixture(scope="module")
def tuned(tiny_llama, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "adapter"
    tuned_by("lora", tiny_llama, folder, rank=8)
    return folder


@pytest.fixture(scope="module")
def merged(tuned) -> Any:
    from trainers.exporting._merging import merged_model

    return merged_model(tuned, dtype="float32")


@pytest.fixture(scope="module")
def files(tuned, tmp_path_factory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("gguf")
    return {
        kind: Path(exported(tuned, place / kind, quantisation=kind).served_by.model)
        for kind in ("f32", "f16", "bf16", "q8_0")
    }


def read_back(file: Path) -> dict[str, Any]:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        str(file.parent), gguf_file=file.name, dtype=torch.float32
    )
    return model.state_dict()


@pytest.mark.parametrize(
    ("kind", "most"), [("f32", 0.0), ("f16", 5e-4), ("bf16", 4e-3), ("q8_0", 8e-3)]
)
def test_weights_are_those_of_the_merged_model(files, merged, kind, most):
    import torch

    found, wanted = read_back(files[kind]), merged[0].state_dict()
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        scale = float(tensor.abs().max())
        assert float((found[name] - tensor.float()).abs().max()) <= most * scale, name
        if kind == "f32":
            assert torch.equal(found[name], tensor.float())


def test_texts_become_the_same_tokens(files, merged):
    from trainers.exporting._gguf_plain import tokenizer_of
    from trainers.exporting._gguf_read import facts_of

    ours = tokenizer_of(files["f16"], facts_of(files["f16"]))
    for text in ODD:
        wanted = merged[1](text, add_special_tokens=False)["input_ids"]
        assert ours.encode(text, add_special_tokens=False).ids == wanted, text
        assert ours.decode(wanted) == merged[1].decode(wanted, skip_special_tokens=True)


@pytest.mark.parametrize("is_inside", [True, False])
def test_the_snippets_ask_what_was_evaluated(is_inside):
    from trainers.exporting import _gguf_make

    job = export_job("unused", Path.cwd()).model_copy(update={"instruction": 'Say "so".'})
    with pytest.MonkeyPatch.context() as here:
        here.setattr(_gguf_make, "can_run", lambda: False)
        found = _gguf_make._snippets(job, Path("tuned.gguf"), inside=is_inside)
    for snippet in found[-2:]:
        assert r'"content": "Say \"so\"."' in snippet.text
        assert re.search(r"(max_tokens=|\"max_tokens\": |\), )4\b", snippet.text)
        assert snippet.was_run is None
        if snippet.language == "python":
            compile(snippet.text, "<snippet>", "exec")


def held(made: Any, folder: Path) -> dict[str, Any]:
    """The keys of a file that would hold a tokenizer."""
    from trainers.exporting._gguf_read import KEYS

    made.save(str(folder / "tokenizer.json"))
    found = vocabulary_of(folder, 512)
    told = {KEYS.MODEL: "gpt2", KEYS.LIST: found.tokens, KEYS.TOKEN_TYPE: found.kinds}
    return told | {KEYS.MERGES: found.merges, KEYS.PRE: found.way.name}


def tokens(made: Any) -> list[list[int]]:
    return [made.encode(text, add_special_tokens=False).ids for text in (*ODD, *LINES)]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_file_gives_the_tokens_of_the_tokenizer_that_it_holds(way, tmp_path):
    from trainers.exporting._gguf_plain import tokenizer_of

    wanted = learnt(way)
    assert tokens(tokenizer_of(tmp_path, held(wanted, tmp_path))) == tokens(wanted)


def test_another_name_for_parting_texts_gives_other_tokens(tmp_path):
    from trainers.exporting._gguf_plain import tokenizer_of
    from trainers.exporting._gguf_read import KEYS

    facts = held(learnt(WAYS[0]), tmp_path)
    ways = [tokens(tokenizer_of(tmp_path, facts | {KEYS.PRE: way.name})) for way in WAYS]
    assert [way.name for way, found in zip(WAYS, ways, strict=True) if found == ways[0]] == [
        "gpt-2"
    ]


def test_prompts_and_ends_are_those_of_the_tuned_model(files, tuned):
    with (
        registry.backend("transformers").open(str(tuned), {"device": "cpu"}) as ours,
        GgufBackend().open(str(files["f32"]), {"engine": "transformers"}) as theirs,
    ):
        assert isinstance(theirs, Reading)
        prompts = [asked(text) for text in ODD]
        assert [theirs.prompt_text(p) for p in prompts] == [ours.prompt_text(p) for p in prompts]
        assert theirs.ends == ours.ends == {"<|end|>"}
        assert [theirs.count_tokens(t) for t in ODD] == [ours.count_tokens(t) for t in ODD]
        before = ours.generate(prompts[:6], max_new_tokens=8)
        after = theirs.generate(prompts[:6], max_new_tokens=8)
        assert [a.text for a in after] == [b.text for b in before]
        assert [a.prompt_tokens for a in after] == [b.prompt_tokens for b in before]
        long = theirs.generate([asked("x" * 400)], max_new_tokens=4)[0]
        assert long.finish == "error"
        assert "256" in long.error


def test_the_embedded_model_s_tokenizer_goes_into_no_file():
    from advisor.resources import embedded_model_root

    with pytest.raises(PlanError, match="rewrites texts before it parts them"):
        vocabulary_of(embedded_model_root(), 512)


@pytest.mark.parametrize("form", ["gguf", "ollama"])
def test_a_tokenizer_that_cannot_be_written_is_refused_before_merging(form, tmp_path, monkeypatch):
    from advisor.resources import embedded_model_root

    monkeypatch.setattr("trainers.exporting._gguf_make.merged_model", None)
    job = export_job(embedded_model_root(), tmp_path / "out")
    with pytest.raises(PlanError, match="rewrites texts before it parts them"):
        registry.exporter(form).export(job, RecordingTools(cache_dir=tmp_path))
    assert not list((tmp_path / "out").iterdir())


def test_a_model_that_cannot_be_written_is_refused_before_merging(
    tiny_llama, tmp_path, monkeypatch
):
    monkeypatch.setattr("trainers.exporting._gguf_make.merged_model", None)
    model = Path(shutil.copytree(tiny_llama, tmp_path / "model"))
    edit_json(model / "config.json", sliding_window=16)
    for vocabulary in ("inside", "beside"):
        with pytest.raises(PlanError, match="sliding window"):
            exported(model, tmp_path / vocabulary, vocabulary=vocabulary)


@pytest.mark.slow
def test_the_embedded_model_keeps_its_tokenizer_beside_the_file(tmp_path):
    from advisor.resources import embedded_model_root

    model = str(embedded_model_root())
    found = exported(model, tmp_path / "beside", vocabulary="beside")
    assert "no vocabulary" in found.notes[-1]
    assert "tokenizer.json" in found.files
    prompts = [asked(text, "Answer.") for text in ("What is an invoice?", "Hi", ODD[5])]
    with (
        registry.backend("transformers").open(model, {"device": "cpu"}) as ours,
        GgufBackend().open(str(tmp_path / "beside"), {"engine": "transformers"}) as theirs,
    ):
        before = ours.generate(prompts, max_new_tokens=12)
        after = theirs.generate(prompts, max_new_tokens=12)
    assert [a.text for a in after] == [b.text for b in before]
    assert any(a.text for a in after)


def _as_it_is(*_told: Any, **_more: Any) -> None:
    """What would refuse or mend the file."""


def planted(tuned: Path, place: Path, **changes: Any) -> Path:
    """A file that says something else of conversations than the tuned model."""
    from trainers.exporting import _gguf_make

    folder = place / "planted"
    folder.mkdir()
    kept = _gguf_make.chat_facts, _gguf_make.check_written, _gguf_make.set_adds_bos
    _gguf_make.chat_facts = lambda *told: kept[0](*told)._replace(**changes)
    _gguf_make.check_written = _gguf_make.set_adds_bos = _as_it_is
    try:
        return Path(exported(tuned, folder).served_by.model)
    finally:
        _gguf_make.chat_facts, _gguf_make.check_written, _gguf_make.set_adds_bos = kept


def test_a_wrong_template_a_missing_stop_and_a_missing_beginning_are_seen(tuned, tmp_path):
    wrong = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    special = {"bos": 1, "eos": 0}
    file = planted(tuned, tmp_path, template=wrong, special=special, adds_bos=False)
    with GgufBackend().open(str(file), {"engine": "transformers"}) as session:
        assert session.prompt_text(asked("Hi")) == "Add two.Hi"
        assert session.ends == {"<pad>"}


def test_a_file_that_says_otherwise_is_not_let_out(tuned, files, tmp_path):
    from trainers.exporting._gguf_make import chat_facts
    from trainers.exporting._gguf_read import check_written
    from trainers.exporting._merging import merged_model

    chat = chat_facts(merged_model(tuned)[1], [2, 3], "tuned")
    check_written(files["f16"], chat._replace(ends={2: "<|end|>"}), inside=True)
    with pytest.raises(PlanError, match=r"'<\|system\|>', which ends an answer, is not named"):
        check_written(files["f16"], chat, inside=True)
    with pytest.raises(PlanError, match="chat template is another one"):
        check_written(files["f16"], chat._replace(template="x", ends={}), inside=True)


def test_whether_a_prompt_begins_with_bos_is_mended_in_place(files, tmp_path):
    from trainers.exporting._gguf_read import facts_of, set_adds_bos

    file = tmp_path / "copy.gguf"
    file.write_bytes(files["q8_0"].read_bytes())
    assert facts_of(file)["tokenizer.ggml.add_bos_token"] is True
    set_adds_bos(file, adds=False)
    assert facts_of(file)["tokenizer.ggml.add_bos_token"] is False
    assert read_back(file).keys() == read_back(files["q8_0"]).keys()


def test_only_the_last_of_doubled_beginnings_counts(files):
    """The template writes BOS and the file has it put first: once, as llama.cpp does it."""
    with GgufBackend().open(str(files["f16"]), {"engine": "transformers"}) as session:
        (answer,) = session.generate([asked("Hi")], max_new_tokens=1)
        assert session.prompt_text(asked("Hi")).count("<s>") == 1
        assert answer.prompt_tokens == len("Add two.Hi") + 6


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "'GPT2LMHeadModel' is not written"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "kind 'yarn'"),
        ({"sliding_window": 128}, "sliding window"),
        ({"attention_bias": True}, "with biases"),
        ({"hidden_act": "gelu"}, "'gelu'"),
    ],
)
def test_a_model_that_was_never_tried_is_left_to_llama_cpp(tiny_llama, config, why):
    from trainers.exporting.gguf_shapes import shape_of

    told = json.loads((Path(tiny_llama) / "config.json").read_text())
    assert shape_of(told).architecture == "llama"
    with pytest.raises(PlanError, match=why) as caught:
        shape_of(told | config)
    assert "convert_hf_to_gguf.py" in caught.value.hint


def test_other_kinds_of_weights_need_llama_quantize(tuned, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingProgramError, match="llama-quantize"):
        exported(tuned, tmp_path / "q4", quantisation="q4_k_m")
    with pytest.raises(PlanError, match="'q4;rm' is none"):
        exported(tuned, tmp_path / "odd", quantisation="q4;rm")
    with pytest.raises(MissingProgramError, match="no convert_hf_to_gguf"):
        exported(tuned, tmp_path / "no", llama_cpp=str(tmp_path))
    assert not list((tmp_path / "q4").iterdir())


def test_a_converter_that_refuses_is_told_and_done_without(tuned, tmp_path):
    (tmp_path / "convert_hf_to_gguf.py").write_text("raise SystemExit('BPE pre-tokenizer unknown')")
    found = exported(tuned, tmp_path / "out", llama_cpp=str(tmp_path))
    assert "BPE pre-tokenizer unknown" in " ".join(found.notes)
    assert found.notes[-1] == "Written by the pip package gguf."


def test_what_is_no_gguf_file_is_told(files, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(files["f16"].read_bytes()[:5000])
    with pytest.raises(ModelFolderError, match="cannot be read as GGUF"):
        GgufBackend().open(str(broken), {"engine": "transformers"})
    with pytest.raises(ModelFolderError, match="holds 0 GGUF files"):
        GgufBackend().open(str(files["f16"].parent.parent), {})
    with pytest.raises(BackendError, match="'magic' is none"):
        GgufBackend().open(str(files["f16"]), {"engine": "magic"})
    with pytest.raises(BackendError, match="'none' is no number"):
        GgufBackend().open(str(files["f16"]), {"engine": "transformers", "context": "none"})


def test_an_unknown_way_to_part_texts_is_only_for_llama_cpp(files):
    from trainers.exporting._gguf_plain import tokenizer_of
    from trainers.exporting._gguf_read import facts_of

    facts = facts_of(files["f16"]) | {"tokenizer.ggml.pre": "default"}
    with pytest.raises(UnsupportedArchitectureError, match="only read rightly"):
        tokenizer_of(files["f16"], facts)
