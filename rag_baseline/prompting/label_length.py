"""How long the lines over passages are: they take room in a prompt as the passages do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from advisor.contracts import Embedder, Windowed
from advisor.schema.evaluation import Passage
from rag_baseline.passage_text import label_of


def label_tokens(passages: Sequence[Passage], embedder: Embedder, *, named: bool) -> float:
    """Tokens of the embedder in the line over a passage's text, on average; 0 where none has one.

    `named`: whether that line names the document.
    """
    labels = Counter(label_of(passage, named=named) for passage in passages)
    del labels[""]
    texts = list(labels)
    if not texts:
        return 0.0
    counts = (
        embedder.token_counts(texts)
        if isinstance(embedder, Windowed)
        else [-(-len(text) // 3) for text in texts]
    )
    return sum(labels[t] * count for t, count in zip(texts, counts, strict=True)) / len(passages)
