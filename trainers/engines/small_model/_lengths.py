"""How long training rows are by the encoder's own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from transformers import AutoTokenizer

from advisor.errors import ModelFolderError


def token_lengths(folder: Path, texts: Sequence[str]) -> list[int]:
    """Tokens of every text with the encoder's marks around it; raises ModelFolderError."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelFolderError(
            f"The tokenizer in '{folder}' does not open.",
            hint="Check that the folder is whole.",
            where=str(folder),
        ) from error
    return [len(ids) for ids in tokenizer(list(texts), verbose=False)["input_ids"]]
