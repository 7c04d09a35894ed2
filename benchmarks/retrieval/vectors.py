"""Real sentence embeddings and jittered copies of them, as passages that need no embedding."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np

from advisor.contracts import PluginInfo
from advisor.embedding import run_embedder, vectors_root
from advisor.schema.evaluation import Passage

JITTER = 0.35
"""Length of the noise added to a copy: it lies at a cosine near 0.94 to its original."""
BLOCK = 4096
PER_DOCUMENT = 25
SEED = 7
QUERIES = 250
"""Of each kind of query."""


@dataclass(frozen=True)
class RealVectors:
    """Unit vectors of texts, and of other texts that search them."""

    indexed: Any
    queries: Any


def real_vectors(data: Path) -> RealVectors:
    """MiniLM embeddings: bank questions and encyclopedia sentences, searched by other questions."""
    texts = [*_column(data / "banking77" / "train.csv", 5000), *_sentences(data)]
    questions = [*_column(data / "banking77" / "test.csv", None), *_questions(data)]
    draw = np.random.default_rng(SEED)
    half = len(_column(data / "banking77" / "test.csv", None))
    chosen = [
        *draw.choice(half, QUERIES, replace=False),
        *(half + draw.choice(len(questions) - half, QUERIES, replace=False)),
    ]
    embedder = run_embedder(None, None, vectors_root())
    known = set(texts)
    asked = [questions[at] for at in chosen if questions[at] not in known]
    found = RealVectors(embedder.array(texts), embedder.array(asked))
    embedder.close()
    return found


def _column(path: Path, most: int | None) -> list[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        texts = dict.fromkeys(row["text"].strip() for row in csv.DictReader(stream))
    spread = list(texts)
    if most is None:
        return spread
    return [spread[at] for at in range(0, len(spread), max(1, len(spread) // most))][:most]


def _articles(data: Path) -> Any:
    path = data / "squad_v2_sample" / "dev-sample.json"
    return json.loads(path.read_text(encoding="utf-8"))["data"]


def _sentences(data: Path) -> list[str]:
    found: dict[str, None] = {}
    for article in _articles(data):
        for paragraph in article["paragraphs"]:
            for sentence in re.split(r"(?<=[.!?])\s+", paragraph["context"]):
                if len(sentence) > 30:
                    found[sentence] = None
    return list(found)


def _questions(data: Path) -> list[str]:
    return [
        asked["question"].strip()
        for article in _articles(data)
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]


@dataclass(frozen=True)
class Corpus:
    """So many vectors: the real ones first, then copies of them, each moved at random."""

    real: Any
    size: int

    def block(self, number: int) -> Any:
        """Vectors from `number * BLOCK` on; the same at every call."""
        rows = np.arange(number * BLOCK, min(self.size, (number + 1) * BLOCK))
        vectors = self.real[rows % len(self.real)].copy()
        noise = np.random.default_rng([SEED, number]).standard_normal(
            vectors.shape, dtype="float32"
        )
        noise *= JITTER / np.linalg.norm(noise, axis=1, keepdims=True)
        copies = rows >= len(self.real)
        vectors[copies] += noise[copies]
        vectors[copies] /= np.linalg.norm(vectors[copies], axis=1, keepdims=True)
        return vectors

    def blocks(self) -> Iterator[Any]:
        """All vectors, block by block."""
        return (self.block(number) for number in range(-(-self.size // BLOCK)))

    def rows(self, wanted: Any) -> Any:
        """Vectors of some rows."""
        out = np.empty((len(wanted), self.real.shape[1]), dtype="float32")
        for number in np.unique(wanted // BLOCK):
            here = wanted // BLOCK == number
            out[here] = self.block(int(number))[wanted[here] % BLOCK]
        return out

    @cached_property
    def passages(self) -> Numbered:
        """A passage per vector."""
        return Numbered(0, self.size)


class Numbered(Sequence[Passage]):
    """Passages whose text is their number: made when asked for, like those of a large corpus."""

    def __init__(self, first: int, size: int) -> None:
        self.first, self.size = first, size

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, at: int) -> Passage: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Passage]: ...
    def __getitem__(self, at: int | slice) -> Passage | Sequence[Passage]:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(self.size))]
        if not 0 <= at < self.size:
            raise IndexError(at)
        number = self.first + at
        text = f"{number:09}"
        document = f"document-{number // PER_DOCUMENT}"
        return Passage(id=text, document=document, text=text, start=0, end=len(text))


class ReadyEmbedder:
    """Gives the vectors of a corpus by the number that stands in the text; queries by theirs."""

    info = PluginInfo(id="ready", label="vectors that are there already")
    digest = "ready-1"

    def __init__(self, corpus: Corpus, queries: Any) -> None:
        self.corpus, self.queries = corpus, queries

    def array(self, texts: Sequence[str]) -> Any:
        """float32, one row per text."""
        if texts and texts[0].startswith("q"):
            return self.queries[[int(text[1:]) for text in texts]]
        return self.corpus.rows(np.array([int(text) for text in texts]))

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The same as lists."""
        vectors: list[list[float]] = self.array(texts).tolist()
        return vectors

    def prepare(self, texts: Sequence[str]) -> None:
        """Nothing is to do: it keeps all."""
