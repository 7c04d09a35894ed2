"""The encoder with its head: opened, put under a method, embedding, kept."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression
from transformers.utils.logging import disable_progress_bar

from advisor.errors import ModelFolderError, PlanError
from advisor.schema.plan import Plan
from trainers.engines.small_model.choices import FACTS_FILE, HEAD_FILE

READ_AT_ONCE = 32
"""Texts embedded together, of about one length."""
ROUNDS = 1000
SHARPNESS = 16.0
"""What a cosine is multiplied with to become a logit at the start."""
SHORTEST = 8
"""Tokens of a text that must remain."""
MARKS = 2
"""Positions that some encoders (RoBERTa) keep for themselves."""


@dataclass
class Classifier:
    """An opened encoder, the weights of its head, and the labels these stand for."""

    encoder: Any
    weight: torch.Tensor
    bias: torch.Tensor
    labels: tuple[str, ...]

    @property
    def body(self) -> Any:
        """The transformer inside the encoder."""
        return self.encoder[0].model

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """One vector per text, with gradients where they are on."""
        read = {name: value.to(self.weight.device) for name, value in self.read(texts).items()}
        found: torch.Tensor = self.encoder(read)["sentence_embedding"]
        return found.float()

    def read(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Token ids and mask of texts, filled up to the longest."""
        most = self.encoder.max_seq_length
        read = self.encoder.tokenizer(
            [text or " " for text in texts],
            padding=True,
            truncation=True,
            max_length=most,
            return_tensors="pt",
        )
        return dict(read)

    def tokens(self, text: str) -> int:
        """Tokens of a text, without special ones."""
        return len(self.encoder.tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def logits(self, vectors: torch.Tensor) -> torch.Tensor:
        """One number per label."""
        return torch.nn.functional.linear(vectors, self.weight, self.bias)

    def embed(self, texts: Sequence[str]) -> torch.Tensor:
        """Vectors on the CPU without gradients, dropout off; similar lengths are read together."""
        if not texts:
            return torch.zeros((0, self.weight.shape[1]))
        was_training = self.encoder.training
        self.encoder.eval()
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        with torch.no_grad():
            parts = [self.vectors([texts[n] for n in part]).cpu() for part in _parts(order)]
        self.encoder.train(was_training)
        back = torch.empty(len(texts), dtype=torch.long)
        back[torch.tensor(order)] = torch.arange(len(texts))
        return torch.cat(parts)[back]

    def fit_head(self, vectors: torch.Tensor, classes: Sequence[int], penalty: float) -> None:
        """The head by logistic regression; a label that is not among the rows is never answered."""
        model = LogisticRegression(C=1 / penalty, max_iter=ROUNDS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # few rows of many labels are usual here
            model.fit(vectors.numpy(), list(classes))
        weight, bias = torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_)
        if len(model.classes_) == 2:
            weight = torch.cat([torch.zeros_like(weight), weight])
            bias = torch.cat([torch.zeros_like(bias), bias])
        known = torch.from_numpy(model.classes_)
        with torch.no_grad():
            self.weight.zero_()
            self.bias.fill_(-1e4)
            self.weight[known] = weight.to(self.weight)
            self.bias[known] = bias.to(self.bias)

    def start_head(self, vectors: torch.Tensor, classes: Sequence[int]) -> None:
        """The head as one direction per label: that of the mean of its rows' unit vectors.

        A row is then about as far from its label as the rows of that label are from each other, so
        that there is something to learn; a fitted regression is right on every row it was fitted
        on, and leaves the encoder no gradient.
        """
        unit = torch.nn.functional.normalize(vectors, dim=1)
        kinds = torch.tensor(list(classes))
        sums = torch.zeros((len(self.labels), unit.shape[1])).index_add_(0, kinds, unit)
        with torch.no_grad():
            sharpness = SHARPNESS / vectors.norm(dim=1).mean()
            self.weight.copy_(sharpness * torch.nn.functional.normalize(sums, dim=1))
            self.bias.zero_()


def _parts(order: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(order), READ_AT_ONCE):
        yield order[start : start + READ_AT_ONCE]


def open_encoder(folder: Path, *, longest: int | None = None, keep_end: bool = False) -> Any:
    """The encoder of a folder on the best device, in float32.

    `longest` tokens are read, as far as its positions go; of a longer text the end where
    `keep_end`, else the start. Raises ModelFolderError.
    """
    disable_progress_bar()
    try:
        encoder = SentenceTransformer(str(folder), local_files_only=True).float()
        positions = int(encoder[0].model.config.max_position_embeddings)
    except Exception as error:
        first = str(error).strip().split("\n", 1)[0]
        raise ModelFolderError(
            f"The encoder in '{folder}' does not open: {first or type(error).__name__}.",
            hint="Check that the folder is whole; a model that brings code of its own is not run.",
            where=str(folder),
        ) from error
    if longest is not None:
        encoder.max_seq_length = max(SHORTEST, min(longest, positions - MARKS))
    encoder.tokenizer.truncation_side = "left" if keep_end else "right"
    return encoder


def with_head(encoder: Any, labels: Sequence[str]) -> Classifier:
    """The encoder with an empty head for these labels."""
    width = encoder.get_embedding_dimension()
    device = encoder.device
    weight = torch.zeros((len(labels), width), device=device)
    return Classifier(encoder, weight, torch.zeros(len(labels), device=device), tuple(labels))


def put_on(classifier: Classifier, plan: Plan) -> None:
    """The method on the encoder: what is trained, and nothing else, requires gradients.

    Raises PlanError for values that do not suit the encoder.
    """
    body = classifier.body
    body.requires_grad_(plan.method == "full")
    if plan.method == "freeze":
        _free_top(body, plan)
    if plan.method == "lora":
        _adapt(classifier, plan)


def _free_top(body: Any, plan: Plan) -> None:
    stacks = [m for m in body.modules() if isinstance(m, torch.nn.ModuleList)]
    layers = max(stacks, key=len, default=torch.nn.ModuleList())
    wanted = plan.method_options.get("layers", 2)
    if not isinstance(wanted, int) or not 1 <= wanted <= len(layers):
        raise PlanError(
            f"The option 'layers' is {wanted!r}; the encoder has {len(layers)} layers.",
            hint="Give how many of the last layers are trained.",
        )
    for layer in list(layers)[-wanted:]:
        layer.requires_grad_(requires_grad=True)


def _adapt(classifier: Classifier, plan: Plan) -> None:
    torch.manual_seed(plan.seed)
    rank = plan.rank or 16
    try:
        settings = LoraConfig(
            task_type="FEATURE_EXTRACTION",
            r=rank,
            lora_alpha=plan.alpha or 2 * rank,
            lora_dropout=plan.dropout,
            target_modules=plan.target_modules
            if plan.target_modules == "all-linear"
            else plan.target_modules.split(","),
        )
        classifier.encoder[0].model = get_peft_model(classifier.body, settings)
    except (ValueError, TypeError) as error:
        raise PlanError(
            f"The encoder refuses the plan: {error}", hint="See --target-modules and --rank."
        ) from error


def merged(classifier: Classifier) -> None:
    """Adapters joined with the weights, so that plain libraries open what is kept."""
    if hasattr(classifier.body, "merge_and_unload"):
        classifier.encoder[0].model = classifier.body.merge_and_unload()


def trained(classifier: Classifier) -> dict[str, torch.Tensor]:
    """The encoder's trained tensors by name."""
    return {name: p for name, p in classifier.body.named_parameters() if p.requires_grad}


def save_classifier(classifier: Classifier, folder: Path, facts: Mapping[str, Any]) -> None:
    """A sentence-transformers folder with the head as safetensors and the facts as JSON."""
    classifier.encoder.save(str(folder), create_model_card=False)
    head = {"weight": classifier.weight.detach(), "bias": classifier.bias.detach()}
    save_file({k: v.cpu().contiguous() for k, v in head.items()}, str(folder / HEAD_FILE))
    told = {
        **facts,
        "labels": list(classifier.labels),
        "longest": classifier.encoder.max_seq_length,
        "keep_end": classifier.encoder.tokenizer.truncation_side == "left",
    }
    text = json.dumps(told, ensure_ascii=False, indent=1)
    (folder / FACTS_FILE).write_text(text + "\n", encoding="utf-8")


def open_classifier(folder: Path) -> Classifier:
    """What `save_classifier` kept; raises ModelFolderError."""
    try:
        told = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        head = load_file(str(folder / HEAD_FILE))
        labels = tuple(str(label) for label in told["labels"])
        longest, keep_end = int(told["longest"]), bool(told["keep_end"])
    except Exception as error:
        raise ModelFolderError(
            f"'{folder}' does not hold what the trainer small_model writes.",
            hint="Run `advisor train --trainer small_model` first, or open it by its own backend.",
            where=str(folder),
        ) from error
    encoder = open_encoder(folder, longest=longest, keep_end=keep_end)
    found = with_head(encoder.eval(), labels)
    if head["weight"].shape != found.weight.shape or head["bias"].shape != found.bias.shape:
        raise ModelFolderError(
            f"The head in '{folder}' does not fit its encoder and labels.",
            hint="Train it again; its files are of different runs.",
            where=str(folder),
        )
    return Classifier(encoder, head["weight"].to(found.weight), head["bias"].to(found.bias), labels)
