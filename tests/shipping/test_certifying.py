"""An export that is the evaluated model passes, another one does not, each form by its tolerance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import StaleArtifactError
from advisor.evaluation.bench import Bench
from advisor.evaluation.runner import evaluate
from advisor.evaluation.session import LazySession
from advisor.resources import embedded_model_root
from advisor.schema.export import Exported
from advisor.schema.train import Served
from advisor.shipping.certifying import EXACT, ROUNDED, Witness, agreed
from advisor.shipping.checking import certified_without_run, tolerance_of
from advisor.tools import Silence
from tests.fixtures.chat_service import chat_service
from tests.fixtures.tiny_llama import tiny_llama
from tests.fixtures.witnesses import (
    BACKEND,
    SAMPLES,
    adapter,
    adapter_on,
    ask,
    builder,
    causes,
    evaluated,
    kept,
    merged,
    merged_into,
    place,
    planted,
    settled,
    witness,
)

__all__ = [
    "adapter",
    "ask",
    "builder",
    "evaluated",
    "kept",
    "merged",
    "place",
    "planted",
    "settled",
    "tiny_llama",
]

pytestmark = pytest.mark.ml


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
