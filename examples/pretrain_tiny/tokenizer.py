"""A small byte-level BPE with a canonical word form, and a fast encoder that gives the same ids.

Every word always carries its leading space; where the text has none, a glue byte (hexadecimal 1f)
and a space are inserted by the normaliser and removed by the decoder. So 'Tarvo', ' Tarvo' and
'"Tarvo' share their pieces, which makes copying much easier for a tiny model. Digits are split into
chunks of two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny.mixture import FAMILIES
from examples.pretrain_tiny.values import Draw, capital

GLUE = "\x1f"
TEXT_FAMILIES = (
    "dense_lookup",
    "key_value_list",
    "one_passage",
    "passages",
    "closed_book",
    "extraction",
    "two_fields",
    "topic",
    "small_instructions",
)
SPECIAL_TOKENS = ["<|pad|>", "<s>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
PAD, BOS, END, SYSTEM, USER, ASSISTANT = range(6)
ROLE_IDS = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT, "shot": ASSISTANT}
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}"
    "{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
LEFT_NEIGHBOURS = [c for c in map(chr, range(33, 127)) if not c.isalpha()] + list(
    "\n\t\u201c\u2018\u2019\u201d\u2013\u2014\u00bf\u00a1\u00ab"
)
SPLIT_PATTERN = r" ?\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s"


def _escaped(char: str) -> str:
    """Escape a character for the tokenizers regex dialect."""
    return "\\" + char if char in r"\^$.|?*+()[]{}-/#&~" else char


def _normalizer() -> normalizers.Normalizer:
    """Insert the glue, with one Replace per left neighbour (a zero-width Replace panics)."""
    replaces = [
        normalizers.Replace(Regex(_escaped(c) + r"(?=\p{L})"), c + GLUE + " ")
        for c in LEFT_NEIGHBOURS
    ]
    at_start = normalizers.Replace(Regex(GLUE + r"(?=\p{L})"), GLUE + " ")
    return normalizers.Sequence([normalizers.Prepend(GLUE), *replaces, at_start])


def _training_text(samples: int, seed: int) -> Iterator[str]:
    """Yield text of the mixture, and every listed word often enough to become one piece."""
    draw = Draw(seed)
    for index in range(samples):
        conversation = FAMILIES[TEXT_FAMILIES[index % len(TEXT_FAMILIES)]](draw, 250)
        yield "\n".join(text for _, text in conversation)
    topics = [word for words in vocab.TOPICS.values() for word in words] + list(vocab.TOPICS)
    plain = vocab.NOUNS + vocab.ADJECTIVES + vocab.FILLERS + topics + vocab.ATTRIBUTES + vocab.UNITS
    capitals = [capital(word) for word in vocab.NOUNS + vocab.ADJECTIVES + vocab.ATTRIBUTES]
    for _ in range(60):
        yield " ".join(plain) + " " + " ".join(capitals)
    for _ in range(300):
        yield " ".join(f"{number:02d}" for number in range(100))


def build_tokenizer(vocabulary_size: int, samples: int, seed: int) -> PreTrainedTokenizerFast:
    """Train the tokenizer on generated text."""
    raw = Tokenizer(models.BPE(unk_token=None, byte_fallback=False))
    raw.normalizer = _normalizer()
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.Sequence(
        [decoders.ByteLevel(), decoders.Replace(GLUE + " ", ""), decoders.Replace(GLUE, "")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=SPECIAL_TOKENS,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(_training_text(samples, seed), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token=SPECIAL_TOKENS[BOS],
        eos_token=SPECIAL_TOKENS[END],
        pad_token=SPECIAL_TOKENS[PAD],
        additional_special_tokens=SPECIAL_TOKENS[3:],
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=1024,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


class FastEncoder:
    """Encodes plain text piece by piece with a cache, several times faster."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._model = tokenizer.backend_tokenizer.model
        self._bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        self._cache: dict[str, list[int]] = {}
        neighbours = "".join(re.escape(c) for c in LEFT_NEIGHBOURS)
        self._glue_at = re.compile(f"(?<=[{neighbours}])(?=[^\\W\\d_])")
        # Python counts the glue byte as white space, the tokenizer's regex does not
        self._split = re.compile(
            r" ?[^\W\d_]+|\d{1,2}| ?(?:[^\w\s]|[_\x1f])+|[^\S\x1f]+(?![\S\x1f])|[^\S\x1f]"
        )

    def __call__(self, text: str) -> list[int]:
        """Encode one text without special tokens."""
        ids: list[int] = []
        cache = self._cache
        start = GLUE + " " if text[:1].isalpha() else GLUE
        for piece in self._split.findall(start + self._glue_at.sub(GLUE + " ", text)):
            found = cache.get(piece)
            if found is None:
                found = cache[piece] = self._encode_piece(piece)
            ids += found
        return ids

    def _encode_piece(self, piece: str) -> list[int]:
        mapped = "".join(part for part, _ in self._bytes.pre_tokenize_str(piece))
        return [token.id for token in self._model.tokenize(mapped)]
