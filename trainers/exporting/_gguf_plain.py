"""A GGUF file's weights made plain and run by transformers, where llama.cpp is not here."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from advisor.errors import ModelFolderError, UnsupportedArchitectureError
from trainers.engines.trl.failures import first_line
from trainers.exporting._gguf_read import KEYS, declared_ends, facts_of
from trainers.exporting._gguf_session import words_from
from trainers.exporting.gguf_vocabulary import CONTROL, GPT2, USER_DEFINED, way_called
from trainers.exporting.gguf_words import Words

BEGINS = ("llama-bpe",)
"""Ways of parting texts under which llama.cpp puts BOS first where a file does not say."""


class PlainEngine:
    """The file's weights in float32; texts parted as the file's key says."""

    def __init__(self, file: Path, context: int) -> None:
        facts = facts_of(file)
        no_vocabulary = facts.get(KEYS.MODEL) == "none"
        self.words = words_beside(file, facts) if no_vocabulary else _words(file, facts)
        self._model = _opened(file)
        self.context = min(context, int(self._model.config.max_position_embeddings))
        self._cache: Any = None

    def begin(self) -> None:
        """Forget what was read."""
        self._cache = None

    def scores(self, tokens: Sequence[int]) -> np.ndarray:
        """Scores over the vocabulary behind these tokens and all read before."""
        with torch.inference_mode():
            out = self._model(
                input_ids=torch.tensor([list(tokens)]),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        self._cache = out.past_key_values
        found: np.ndarray = out.logits[0, -1].float().numpy()
        return found

    def close(self) -> None:
        """Give the memory back."""
        self._model = self._cache = None


def _opened(file: Path) -> Any:
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # a bar that no setting turns off
            model = AutoModelForCausalLM.from_pretrained(
                str(file.parent), gguf_file=file.name, dtype=torch.float32, local_files_only=True
            )
    except (ValueError, NotImplementedError, KeyError) as error:
        raise UnsupportedArchitectureError(
            f"transformers cannot read '{file.name}': {first_line(error)}",
            hint="Install llama-cpp-python, which reads every GGUF file.",
            where=str(file),
        ) from error
    return model.eval()


def words_beside(file: Path, facts: Mapping[str, Any]) -> Words:
    """The tokenizer in the file's folder. Raises ModelFolderError where there is none."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(file.parent), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(
            f"'{file.name}' holds no vocabulary, and beside it is no tokenizer that can be opened:"
            f" {first_line(error)}",
            hint="Keep tokenizer.json and tokenizer_config.json beside the file.",
            where=str(file.parent),
        ) from error
    ends = {at: str(tokenizer.decode([at])) for at in declared_ends(dict(facts))}
    return words_from(
        facts,
        bos=tokenizer.bos_token or "",
        eos=tokenizer.eos_token or "",
        bos_id=tokenizer.bos_token_id,
        adds_bos=bool(facts.get(KEYS.ADD_BOS)),
        ends=ends,
        stops=frozenset(ends),
        encode=lambda text: list(tokenizer(text, add_special_tokens=False)["input_ids"]),
        decode=lambda ids: str(tokenizer.decode(list(ids), skip_special_tokens=True)),
        count=lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"]),
    )


def _words(file: Path, facts: dict[str, Any]) -> Words:
    made = tokenizer_of(file, facts)
    words, ends = facts[KEYS.LIST], declared_ends(facts)
    bos, eos = (facts.get(f"tokenizer.ggml.{kind}_token_id") for kind in ("bos", "eos"))
    usual = facts.get(KEYS.PRE) in BEGINS
    return words_from(
        facts,
        bos=words[bos] if bos is not None else "",
        eos=words[eos] if eos is not None else "",
        bos_id=bos,
        adds_bos=bool(facts.get(KEYS.ADD_BOS, usual)),
        ends=ends,
        stops=frozenset(ends),
        encode=lambda text: list(made.encode(text, add_special_tokens=False).ids),
        decode=lambda ids: str(made.decode(list(ids), skip_special_tokens=True)),
        count=lambda text: len(made.encode(text, add_special_tokens=False).ids),
    )


def tokenizer_of(file: Path, facts: Mapping[str, Any]) -> Any:
    """A tokenizer made of the file's own vocabulary and of the name it gives to its parting.

    transformers' own reading takes no notice of that name. Raises UnsupportedArchitectureError.
    """
    way = way_called(str(facts.get(KEYS.PRE)))
    if facts.get(KEYS.MODEL) != "gpt2" or way is None:
        raise UnsupportedArchitectureError(
            f"The vocabulary of '{file.name}' ({facts.get(KEYS.MODEL)}, {facts.get(KEYS.PRE)})"
            " is only read rightly by llama.cpp.",
            hint="Install llama-cpp-python.",
            where=str(file),
        )
    ids = {word: at for at, word in enumerate(facts[KEYS.LIST])}
    pairs = [tuple(merge.split(" ", 1)) for merge in facts[KEYS.MERGES]]
    merges = [pair for pair in pairs if "".join(pair) in ids]
    made = Tokenizer(models.BPE(vocab=ids, merges=merges, ignore_merges=way.ignores_merges))
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=way.pattern == GPT2)
    first: list[Any] = []
    if way.parts_digits:
        first = [pre_tokenizers.Digits(individual_digits=True)]
    elif way.pattern != GPT2:
        first = [pre_tokenizers.Split(Regex(way.pattern), behavior="isolated")]
    made.pre_tokenizer = pre_tokenizers.Sequence([*first, last])
    made.decoder = decoders.ByteLevel()
    kinds = list(zip(facts[KEYS.LIST], facts[KEYS.TOKEN_TYPE], strict=True))
    made.add_special_tokens([AddedToken(w, special=True) for w, k in kinds if k == CONTROL])
    made.add_tokens([AddedToken(w, normalized=False) for w, k in kinds if k == USER_DEFINED])
    return made
