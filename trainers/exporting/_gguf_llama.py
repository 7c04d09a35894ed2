"""A GGUF file run by llama.cpp, through llama-cpp-python."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as low
import numpy as np

from advisor.errors import BackendError, ModelFolderError
from trainers.exporting._gguf_read import declared_ends, facts_of
from trainers.exporting._gguf_session import words_from
from trainers.exporting.gguf_words import Words

KV = {"f16": llama_cpp.GGML_TYPE_F16, "f32": llama_cpp.GGML_TYPE_F32}
NO_VOCABULARY = ("none", "no_vocab")
BATCH = 512


class LlamaEngine:
    """llama.cpp's own vocabulary and graph; the tokenizer beside the file where it holds none."""

    def __init__(self, file: Path, context: int, settings: Mapping[str, str]) -> None:
        facts = facts_of(file)
        architecture = str(facts.get("general.architecture"))
        trained = int(facts.get(f"{architecture}.context_length") or context)
        self.context = min(context, trained)
        self._model = _opened(file, self.context, settings)
        self._vocab = self._model._model.vocab  # noqa: SLF001 - no public way to special tokens
        self._size = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self.words = self._words(file, facts)

    def _words(self, file: Path, facts: dict[str, Any]) -> Words:
        if facts.get("tokenizer.ggml.model") in NO_VOCABULARY:
            from trainers.exporting._gguf_plain import words_beside  # noqa: PLC0415 - delays torch

            return words_beside(file, facts)
        bos, eos = (int(f(self._vocab)) for f in (llama_cpp.llama_vocab_bos, _eos))
        stops = [at for at in range(self._size) if llama_cpp.llama_vocab_is_eog(self._vocab, at)]
        ends = declared_ends(facts)
        return words_from(
            facts,
            bos=self._piece(bos) if bos >= 0 else "",
            eos=self._piece(eos) if eos >= 0 else "",
            bos_id=bos if bos >= 0 else None,
            adds_bos=bool(llama_cpp.llama_vocab_get_add_bos(self._vocab)),
            ends=ends or {at: self._piece(at) for at in stops},
            stops=frozenset(stops),
            encode=lambda text: self._tokens(text, special=True),
            decode=self._text,
            count=lambda text: len(self._tokens(text, special=False)),
        )

    def begin(self) -> None:
        """Forget what was read."""
        self._model.reset()
        self._model._ctx.kv_cache_clear()  # noqa: SLF001 - reset leaves old tokens behind

    def scores(self, tokens: Sequence[int]) -> np.ndarray:
        """Scores over the vocabulary behind these tokens and all read before."""
        self._model.eval(list(tokens))
        last = llama_cpp.llama_get_logits_ith(self._model._ctx.ctx, -1)  # noqa: SLF001
        found: np.ndarray = np.array(np.ctypeslib.as_array(last, shape=(self._size,)))
        return found

    def close(self) -> None:
        """Give the memory back."""
        self._model.close()

    def _tokens(self, text: str, *, special: bool) -> list[int]:
        found = text.encode("utf-8", "replace")
        return list(self._model.tokenize(found, add_bos=False, special=special)) if found else []

    def _text(self, tokens: Sequence[int]) -> str:
        pieces = b"".join(self._bytes(token, special=False) for token in tokens)
        return pieces.decode("utf-8", "replace")

    def _piece(self, token: int) -> str:
        return self._bytes(token, special=True).decode("utf-8", "replace")

    def _bytes(self, token: int, *, special: bool) -> bytes:
        size = 64
        while True:
            room = ctypes.create_string_buffer(size)
            used = llama_cpp.llama_token_to_piece(self._vocab, token, room, size, 0, special)
            if used >= 0:
                return room.raw[:used]
            size = -used


@contextlib.contextmanager
def _weights_as_they_are() -> Iterator[None]:
    """Weights are not packed anew for the processor's tiles (AMX).

    Machines that name them and do not grant them to a process break down in q8_0 otherwise, and
    the library has no argument for it.
    """
    usual = low.llama_model_default_params

    def plain() -> Any:
        told = usual()
        told.use_extra_bufts = False
        return told

    low.llama_model_default_params = plain
    try:
        yield
    finally:
        low.llama_model_default_params = usual


def _cores() -> int:
    """Cores this process may use: threads beyond them wait for each other by spinning."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _eos(vocab: Any) -> int:
    return int(llama_cpp.llama_vocab_eos(vocab))


def _opened(file: Path, context: int, settings: Mapping[str, str]) -> Any:
    kv = settings.get("kv", "f16")
    if kv not in KV:
        raise BackendError(f"The setting kv is '{kv}'.", hint=f"Use one of: {', '.join(KV)}.")
    threads = settings.get("threads") or os.environ.get("OMP_NUM_THREADS") or str(_cores())
    if not threads.isdecimal() or int(threads) < 1:
        raise BackendError(f"The setting threads is '{threads}'.", hint="Use a number above 0.")
    try:
        with _weights_as_they_are():
            return llama_cpp.Llama(
                str(file),
                n_ctx=context,
                n_batch=BATCH,
                n_threads=int(threads),
                n_threads_batch=int(threads),
                type_k=KV[kv],
                type_v=KV[kv],
                chat_format="chatml",
                verbose=False,
            )
    except (ValueError, RuntimeError, OSError) as error:
        raise ModelFolderError(
            f"llama.cpp cannot open '{file.name}': {error}",
            hint="Export the file again, or install a newer llama-cpp-python.",
            where=str(file),
        ) from error
