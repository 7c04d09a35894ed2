from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from advisor.contracts import Reading
from advisor.schema.evaluation import Message, Prompt
from tests.fixtures.tiny_llama import edit_json

pytestmark = pytest.mark.ml

ASKED = Prompt(
    sample_id="1",
    messages=(Message(role="system", content="Be brief."), Message(role="user", content="Hi")),
)
READ = "<s><|system|>Be brief.<|end|><|user|>Hi<|end|><|assistant|>"


def opened(folder: Path | str):
    from advisor.builtin.backends.transformers_local import TransformersBackend

    return TransformersBackend().open(str(folder), {"device": "cpu"})


def test_a_prompt_is_told_as_the_model_reads_it_and_where_an_answer_ends(tiny_llama):
    from advisor.builtin.backends.chat_tokens import tokens_of

    with opened(tiny_llama) as session:
        assert isinstance(session, Reading)
        assert session.prompt_text(ASKED) == READ
        tokens = tokens_of(ASKED.messages, session._tokenizer)
        assert session._tokenizer.decode(tokens) == READ
        assert session.ends == {"<|end|>"}


def test_another_template_and_another_end_are_told(tiny_llama, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(tiny_llama, folder)
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|end|>", " "))
    edit_json(folder / "generation_config.json", eos_token_id=[2, 4])
    with opened(folder) as session:
        assert session.prompt_text(ASKED) == READ.replace("<|end|>", " ")
        assert session.ends == {"<|end|>", "<|user|>"}


def test_a_template_that_refuses_is_told_in_its_own_words(tiny_llama, tmp_path):
    folder = tmp_path / "refusing"
    shutil.copytree(tiny_llama, folder)
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no turns please') }}")
    with opened(folder) as session:
        assert "no turns please" in session.prompt_text(ASKED)
