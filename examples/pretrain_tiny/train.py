"""Pre-trains the tiny model on a CPU: python -m examples.pretrain_tiny.train --out FOLDER.

Everything drawn in a step is decided by the recipe's seed and the step number, so a killed run that
is started again with the same arguments goes on exactly where its last checkpoint was.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, multiprocessing
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from examples.pretrain_tiny.evaluate import held_out_rows, share_right
from examples.pretrain_tiny.export import export
from examples.pretrain_tiny.network import TinyLlama, set_mimetic_start
from examples.pretrain_tiny.optimizer import Muon
from examples.pretrain_tiny.recipe import Recipe, load_recipe
from examples.pretrain_tiny.rows import build_row
from examples.pretrain_tiny.sharing import SharedSum
from examples.pretrain_tiny.tokenizer import FastEncoder, build_tokenizer

CHECKPOINT_SECONDS = 120.0


@dataclass(frozen=True)
class Workers:
    """How the work is spread: meeting point of several processes, threads of each, compiled."""

    shared: SharedSum | None = None
    threads: int = 1
    compiled: bool = False


class Trainer:
    """Model, optimizers and step counter of one process."""

    def __init__(
        self,
        recipe: Recipe,
        tokenizer: PreTrainedTokenizerFast,
        rank: int = 0,
        workers: Workers = Workers(),
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.rank, self.world, self.step = recipe, rank, 1, 0
        self.shared = workers.shared
        if workers.shared:
            self.world = workers.shared.ranks
        self.encode = FastEncoder(tokenizer)
        self.model = TinyLlama(recipe.shape, dtype)
        set_mimetic_start(self.model)
        self.forward = torch.compile(self.model, dynamic=False) if workers.compiled else self.model
        self.muon = Muon(self.model.matrices(), rank=rank, shared=workers.shared)
        self.adam = torch.optim.AdamW(
            self.model.others(), recipe.other_rate, betas=(0.9, 0.98), weight_decay=0.0
        )

    def batch(self) -> tuple[Tensor, Tensor]:
        """Build this process's rows of the current step."""
        recipe, phase = self.recipe, self.recipe.phase_at(self.step)
        chooser = random.Random(f"{recipe.seed}/{self.step}")
        length = chooser.choices(list(phase.lengths), list(phase.lengths.values()))[0]
        count = phase.tokens_per_step // length // self.world * self.world
        rows = [
            build_row(
                f"{recipe.seed}/{self.step}/{index}",
                self.encode,
                phase.mixture,
                length,
                recipe.shape.vocabulary,
                phase.random_share,
            )
            for index in range(self.rank, count, self.world)
        ]
        return (
            torch.stack([torch.from_numpy(row.ids) for row in rows]),
            torch.stack([torch.from_numpy(row.weights) for row in rows]),
        )

    def train_step(self) -> dict[str, float]:
        """Do one step; returns the weighted loss and the number of tokens seen by this process."""
        ids, weights = self.batch()
        hidden = self.forward(ids[:, :-1])
        weight, target = weights[:, 1:].reshape(-1), ids[:, 1:].reshape(-1)
        used = weight.nonzero()[:, 0]
        logits = self.model.logits(hidden.reshape(-1, hidden.shape[-1])[used])
        losses = functional.cross_entropy(logits, target[used], reduction="none")
        loss = (losses * weight[used]).sum() / weight[used].sum()
        loss.backward()
        self._share_gradients()
        self._update()
        first = weight[used] >= 4
        self.step += 1
        return {
            "loss": loss.item(),
            "first_token_loss": losses[first].mean().item(),
            "tokens": float(ids[:, 1:].numel()),
        }

    def _share_gradients(self) -> None:
        """Average the gradients over the processes."""
        if not self.shared:
            return
        parameters = list(self.model.parameters())
        flat = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])
        self.shared.add_up(self.rank, flat)
        flat /= self.world
        for parameter, part in zip(
            parameters, flat.split([p.numel() for p in parameters]), strict=True
        ):
            parameter.grad.copy_(part.view(parameter.shape))

    def _update(self) -> None:
        """Apply both optimizers at the current learning rate."""
        factor = self.recipe.rate_factor(self.step)
        torch.nn.utils.clip_grad_norm_(self.model.others(), 1.0)
        for group in self.adam.param_groups:
            group["lr"] = self.recipe.other_rate * factor
        self.adam.step()
        self.adam.zero_grad()
        self.muon.step(self.recipe.matrix_rate * factor)

    def save(self, path: Path) -> None:
        """Write a checkpoint, never leaving a half-written one behind."""
        state = {
            "model": self.model.state_dict(),
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "step": self.step,
        }
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path)
        self.model.load_state_dict(state["model"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.step = state["step"]


def _log(path: Path, record: dict[str, object]) -> None:
    """Append one line to the learning curve."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(record) + "\n")


def run(rank: int, workers: Workers, recipe_path: Path, out: Path) -> None:
    """Train until the recipe's last step, with checkpoints and a learning curve."""
    torch.set_num_threads(workers.threads)
    recipe = load_recipe(recipe_path)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(out / "tokenizer")
    trainer = Trainer(recipe, tokenizer, rank, workers)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    held_out = held_out_rows(recipe, trainer.encode) if rank == 0 else []
    began, saved, tokens, recent = time.time(), time.time(), 0.0, []
    while trainer.step < recipe.total_steps:
        result = trainer.train_step()
        tokens += result["tokens"] * trainer.world
        recent = [*recent[-49:], result]
        if rank == 0 and (
            time.time() - saved > CHECKPOINT_SECONDS or trainer.step == recipe.total_steps
        ):
            trainer.save(checkpoint)
            export(trainer.model, tokenizer, out / "export")
            saved = time.time()
            _log(
                out / "curve.jsonl",
                {
                    "step": trainer.step,
                    "phase": recipe.phase_at(trainer.step - 1).name,
                    "minutes": round((saved - began) / 60, 2),
                    "tokens_since_start": int(tokens),
                    "tokens_per_second": int(tokens / (saved - began)),
                    **{
                        key: round(sum(r[key] for r in recent) / len(recent), 4)
                        for key in ("loss", "first_token_loss")
                    },
                    "right": share_right(trainer.model, held_out),
                },
            )


def main() -> None:
    """Parse arguments, build the tokenizer once, start the processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", type=Path, default=Path(__file__).with_name("recipe.yaml"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--ranks", type=int, default=2, help="processes; the recipe's numbers were made with 2"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of each process")
    parser.add_argument("--no-compile", action="store_true", help="run without torch.compile")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    recipe = load_recipe(options.recipe)
    if not (options.out / "tokenizer").exists():
        built = build_tokenizer(
            recipe.shape.vocabulary, recipe.tokenizer_samples, recipe.tokenizer_seed
        )
        built.save_pretrained(options.out / "tokenizer")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    parameters = sum(p.numel() for p in TinyLlama(recipe.shape).parameters())
    shared = SharedSum(options.ranks, parameters) if options.ranks > 1 else None
    workers = Workers(shared, options.threads, not options.no_compile)
    arguments = (workers, options.recipe, options.out.resolve())
    if options.ranks == 1:
        run(0, *arguments)
    else:
        multiprocessing.spawn(run, arguments, nprocs=options.ranks)


if __name__ == "__main__":
    main()
