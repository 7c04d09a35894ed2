"""Tokens per character by script, from real tokenizers on real texts.

`calibrate.py --tokenizers DIR --texts DIR... --out rules/catalog/tokenisation.yaml`

DIR of tokenizers holds what these packages ship: dashscope (qwen.tiktoken), litellm (cl100k_base,
deepseek and anthropic tokenizers) and mistral-common (tokenizer.model.v1, tekken). Texts are
folders of .txt, .py, .po, .json and .csv files; .po files give interface texts in many languages.
Needs tiktoken, sentencepiece, tokenizers, numpy and scipy.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import tiktoken
import yaml
from scipy.optimize import nnls
from tokenizers import Tokenizer

from advisor.data_check.scripts import KINDS, SCRIPTS, characters_by_script, kind_of

CHUNK = 1500
"""Characters of one text: about the length of a training sample."""
MOST_OF_A_GROUP = 40
CL100K = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
"""The file name that tiktoken gives cl100k_base."""
Count = Callable[[str], int]
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def tokenizers(folder: Path) -> dict[str, tuple[bool, Count]]:
    """Name -> (small vocabulary, counter) of every tokenizer found below a folder."""
    found: dict[str, tuple[bool, Count]] = {}
    for file in sorted(folder.rglob("*")):
        if file.name == "qwen.tiktoken":
            found["qwen"] = (False, byte_pairs(ranked_lines(file), SPLIT))
        elif file.name == CL100K:
            found["cl100k"] = (False, byte_pairs(ranked_lines(file), SPLIT))
        elif file.name == "tekken_240911.json":
            found["tekken"] = (False, tekken(file))
        elif file.name == "tokenizer.model.v1":
            pieces = sentencepiece.SentencePieceProcessor(model_file=str(file))
            found["mistral-v1"] = (True, partial(count_pieces, pieces))
        elif file.name in {"deepseek_tokenizer.json", "anthropic_tokenizer.json"}:
            fast = Tokenizer.from_file(str(file))
            found[file.stem.removesuffix("_tokenizer")] = (False, partial(count_fast, fast))
    return found


def ranked_lines(file: Path) -> dict[bytes, int]:
    """Merge ranks of a file of base64 tokens and ranks."""
    lines = (line.split() for line in file.read_bytes().splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def byte_pairs(ranks: dict[bytes, int], pattern: str) -> Count:
    """A counter of byte pair merges."""
    merges = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda text: len(merges.encode_ordinary(text))


def tekken(file: Path) -> Count:
    """A counter of Mistral's tekken file."""
    content = json.loads(file.read_text(encoding="utf-8"))
    about = content["config"]
    size = about["default_vocab_size"] - about["default_num_special_tokens"]
    entries = content["vocab"][:size]
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in entries}
    return byte_pairs(ranks, about["pattern"])


def count_pieces(pieces: Any, text: str) -> int:
    """Tokens of a sentencepiece model."""
    return len(pieces.encode(text))


def count_fast(fast: Any, text: str) -> int:
    """Tokens of a tokenizers file."""
    return len(fast.encode(text, add_special_tokens=False).ids)


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """(group, text) of about CHUNK characters from every readable file below a folder."""
    for file in sorted(folder.rglob("*")):
        if file.suffix not in {".py", ".po", ".json", ".csv", ".txt", ".md"} or not file.is_file():
            continue
        content = file.read_text(encoding="utf-8", errors="ignore")
        group = file.suffix
        if file.suffix == ".po":
            strings = re.findall(r'^msgstr(?:\[\d\])? "(.+)"$', content, re.MULTILINE)
            content, group = "\n".join(s.replace("\\n", "\n") for s in strings), file.parts[-3]
        elif file.suffix == ".csv":
            with file.open(encoding="utf-8", newline="") as lines:
                content = "\n".join(" ".join(row) for row in csv.reader(lines))
        for start in range(0, min(len(content), 40 * CHUNK), CHUNK):
            piece = content[start : start + CHUNK]
            if len(piece) > CHUNK // 3:
                yield group, piece


def balanced(documents: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """At most so many texts of each group, so that no kind of text decides alone."""
    random.Random(0).shuffle(documents)  # noqa: S311  repeatable, nothing secret
    taken: Counter[str] = Counter()
    kept = []
    for group, text in documents:
        most = MOST_OF_A_GROUP * (10 if group.startswith(".") else 1)
        if taken[group] < most:
            taken[group] += 1
            kept.append((group, text))
    return kept


def fit(rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Tokens per character of each script, never negative, by relative least squares."""
    weights, _ = nnls(rows / counts[:, None], np.ones(len(counts)))
    rates: np.ndarray = weights / np.median(rows @ weights / counts)
    return rates


def main() -> None:
    """Fit, check on held-out texts, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizers", type=Path, required=True)
    parser.add_argument("--texts", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    documents = balanced([pair for folder in asked.texts for pair in texts(folder)])
    corpus = Corpus(documents)
    found = tokenizers(asked.tokenizers)
    result: dict[str, object] = {
        "measured_on": str(datetime.now(UTC).date()),
        "tokenizers": sorted(found),
    }
    report = {}
    for size, is_small in (("small", True), ("large", False)):
        counters = [counter for small, counter in found.values() if small is is_small]
        result[size], report[size] = calibrated(corpus, counters)
    head = (
        "# Tokens per character by script, made by benchmarks/lengths/calibrate.py.\n"
        f"# Check on held-out languages and file kinds: {json.dumps(report)}\n"
    )
    asked.out.write_text(head + yaml.safe_dump(result, sort_keys=False), encoding="utf-8")
    print(json.dumps(report))


class Corpus:
    """Texts as characters by script, with kinds, and which are held out."""

    def __init__(self, documents: list[tuple[str, str]]) -> None:
        self.texts = [text for _, text in documents]
        counts = [characters_by_script(text) for text in self.texts]
        self.features = np.array([[c[s] for s in SCRIPTS] for c in counts], float)
        self.kinds = np.array(list(map(kind_of, self.texts, counts)))
        self.held = np.array(
            [
                i % 3 == 0 if group.startswith(".") else sum(group.encode()) % 3 == 0
                for i, (group, _) in enumerate(documents)
            ]
        )


def together(each: list[np.ndarray]) -> np.ndarray:
    """Geometric mean of several tokenizers' rates."""
    mean: np.ndarray = np.exp(np.mean([np.log(np.maximum(r, 1e-3)) for r in each], axis=0))
    return mean


def calibrated(corpus: Corpus, counters: list[Count]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rates and ratios over all texts, and the check with a third held out."""
    counts = [np.array([max(c(t), 1) for t in corpus.texts], float) for c in counters]
    likely = together([fit(corpus.features, n) for n in counts])
    kept = ~corpus.held
    apart = corpus.features @ together([fit(corpus.features[kept], n[kept]) for n in counts])
    ratios, checks = {}, {}
    for kind in KINDS:
        rows = corpus.kinds == kind
        ratios[kind] = interval(
            np.concatenate([(n / (corpus.features @ likely))[rows] for n in counts])
        )
        inside = interval(np.concatenate([(n / apart)[rows & kept] for n in counts]))
        unseen = np.concatenate([(n / apart)[rows & corpus.held] for n in counts])
        within = (unseen >= inside["low"]) & (unseen <= inside["high"])
        checks[kind] = {
            "texts": int(rows.sum()),
            "median_error_held_out": rounded(np.median(np.abs(inside["likely"] / unseen - 1))),
            "covered_held_out": rounded(np.mean(within)),
        }
    rates = {s: round(float(v), 4) for s, v in zip(SCRIPTS, likely, strict=True)}
    return {"ratio": ratios, "tokens_per_character": rates}, checks


def rounded(value: Any) -> float:
    """Three decimals, as a plain number."""
    return round(float(value), 3)


def interval(ratios: np.ndarray) -> dict[str, float]:
    """10 %, 50 % and 90 % points of actual over computed tokens."""
    low, likely, high = (rounded(np.quantile(ratios, q)) for q in (0.1, 0.5, 0.9))
    return {"low": low, "likely": likely, "high": high}


if __name__ == "__main__":
    main()
