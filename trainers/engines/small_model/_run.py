"""One classification job from plan to saved classifier; the heavy back of the trainer."""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from advisor.contracts import Tools
from advisor.errors import AdvisorError
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.train import DevPoint, LossPoint, Served, TrainEvent, TrainJob, TrainResult
from trainers.engines.ledger import Ledger, Progress
from trainers.engines.small_model._encoder import (
    Classifier,
    merged,
    open_encoder,
    put_on,
    save_classifier,
    with_head,
)
from trainers.engines.small_model._keeping import (
    State,
    keep_best,
    restore,
    save_checkpoint,
    take_best,
)
from trainers.engines.small_model._looks import (
    Part,
    is_better,
    kept_by,
    looked,
    metric_of,
)
from trainers.engines.small_model._steps import Batches, Stepper
from trainers.engines.small_model.choices import Choice, choice_of, labels_of
from trainers.engines.small_model.texts import is_conversation, sample_text
from trainers.engines.trl._memory import MemoryWatch
from trainers.engines.trl.choice import look_steps
from trainers.engines.trl.failures import told

LIBRARIES = ("torch", "transformers", "sentence-transformers", "peft", "scikit-learn")
SAVED_EVERY_SECONDS = 120.0
"""Between two looks, a checkpoint is written so often."""
MOST_DEV_SAMPLES = 512
HEAD_ROWS = 2000
"""Rows that the head of a look is fitted on where the encoder is tuned by contrast."""


def run(job: TrainJob, tools: Tools, ledger: Ledger) -> TrainResult:
    """Train to the end and store the result; see `SmallModelTrainer.train` for what is raised."""
    try:
        return Run(job, tools, ledger).whole()
    except AdvisorError:
        raise
    except Exception as error:
        raise told(error, job.plan, ledger.folder) from error
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


class Run:
    """A job in progress."""

    def __init__(self, job: TrainJob, tools: Tools, ledger: Ledger) -> None:
        self.job, self.tools, self.ledger = job, tools, ledger
        self.plan: Plan = job.plan
        self.choice: Choice = choice_of(job.plan)
        self.labels = labels_of(job.train_samples)
        self.train = self._part(job.train_samples)
        self.dev = self._part(job.dev_samples[:MOST_DEV_SAMPLES])
        self.batches = Batches(self.plan, [len(text) for text in self.train.texts])
        self.total = 0 if self.choice.way == "head" else self.batches.total
        self.state = State()
        self.restored: tuple[str, ...] = ()
        self._remarks: tuple[str, ...] | None = None
        self._saved = time.monotonic()

    def _part(self, samples: tuple[Sample, ...]) -> Part:
        places = {label: place for place, label in enumerate(self.labels)}
        return Part(
            samples,
            tuple(sample_text(sample) for sample in samples),
            tuple(places.get(sample.target.strip(), -1) for sample in samples),
        )

    def whole(self) -> TrainResult:
        """From the base to the stored result."""
        self._began = time.perf_counter()
        self._before = self.ledger.begin(resume=self.job.resume)
        with MemoryWatch() as self._memory:
            self._open()
            resumed = self.state.step or None
            self._tell_start(resumed)
            try:
                self._walk()
            finally:
                self.ledger.save(self._progress())
            result = self._finish(resumed)
        self.tools.emit(TrainEvent(kind="end", step=result.steps, total_steps=self.total))
        return result

    def _open(self) -> None:
        """Classifier and optimizer, at the newest checkpoint or at the start."""
        torch.manual_seed(self.plan.seed)
        samples = (*self.job.train_samples, *self.job.dev_samples)
        encoder = open_encoder(
            self.choice.encoder,
            longest=self.plan.sequence_length,
            keep_end=is_conversation(samples),
        )
        self.classifier: Classifier = with_head(encoder, self.labels)
        put_on(self.classifier, self.plan)
        self.stepper = Stepper(self.classifier, self.plan, self.choice.way, max(self.total, 1))
        torch.manual_seed(self.plan.seed)
        self.state, self.restored = restore(self.ledger.folder, self.stepper)

    def _tell_start(self, resumed: int | None) -> None:
        kind = "resume" if resumed else "start"
        restored = f"Restored: {', '.join(self.restored)}." if self.restored else ""
        self._emit(kind, message=restored)
        for note in (*self.ledger.remarks, *self._notes()):
            self._emit("note", message=note)

    def _walk(self) -> None:
        """Every step that is left, with its looks and checkpoints."""
        if self.state.step == 0 and not self.state.looks:
            found = self._fit_head(HEAD_ROWS if self.choice.way == "contrastive" else None)
            self._look()
            if self.choice.way == "encoder":
                self.classifier.start_head(found, self.train.classes)
        looks = self._look_steps()
        while self.state.step < self.total and not self.state.ended:
            self._step()
            if self.state.step in looks:
                if self.choice.way == "contrastive":
                    self._fit_head(HEAD_ROWS)
                self._look()
            self._save_if_due()

    def _look_steps(self) -> frozenset[int]:
        """Steps that are followed by a look at the dev part."""
        plan, total = self.plan, self.total
        if not (self.dev.texts and total and (plan.evaluations or plan.evaluation_steps)):
            return frozenset()
        return look_steps(total, min(plan.evaluations, total), plan.evaluation_steps)

    def _step(self) -> None:
        step = self.state.step + 1
        began = time.perf_counter()
        loss, norm, tokens = self.stepper.take(
            step, self.batches.of(step), self.train.texts, self.train.classes
        )
        took = time.perf_counter() - began
        self._advance(
            step=step,
            loss=(*self.state.loss, LossPoint(step=step, loss=loss)),
            tokens=self.state.tokens + tokens,
            steps_seconds=self.state.steps_seconds + took,
        )
        self._emit(
            "step",
            loss=loss,
            gradient_norm=norm,
            learning_rate=self.stepper.rate(step),
            tokens_per_second=tokens / took if took > 0 else None,
        )

    def _look(self) -> None:
        """A look at the dev part, and what follows from it."""
        if not self.dev.texts:
            return
        began = time.perf_counter()
        point = looked(self.classifier, self.dev, self.state.step, self.tools)
        took = time.perf_counter() - began
        best = self._best()
        better = best is None or is_better(point, best, self.plan, self.tools)
        waited = 0 if better else self.state.without_gain + 1
        self._advance(
            looks=(*self.state.looks, point),
            evaluation_seconds=self.state.evaluation_seconds + took,
            without_gain=waited,
            best_step=point.step if better else self.state.best_step,
        )
        self._emit("evaluation", dev_loss=point.loss, score=point.score)
        if better and self.plan.choose_checkpoint_by != "last":
            self._timed(lambda: keep_best(*self._all()))
        patience = self.plan.early_stopping_patience
        if patience is not None and waited >= patience and point.step < self.total:
            self._advance(ended=f"{waited} looks at the dev part without a better value")

    def _fit_head(self, most: int | None) -> torch.Tensor:
        """The head by logistic regression on the vectors of train rows, which come back."""
        texts, classes = self.train.texts, self.train.classes
        if most is not None and len(texts) > most:
            chosen = range(0, len(texts), -(-len(texts) // most))
            texts = tuple(texts[n] for n in chosen)
            classes = tuple(classes[n] for n in chosen)
        began = time.perf_counter()
        found = self.classifier.embed(texts)
        self.classifier.fit_head(found, classes, self.choice.penalty)
        took = time.perf_counter() - began
        self._advance(evaluation_seconds=self.state.evaluation_seconds + took)
        return found

    def _save_if_due(self) -> None:
        """A checkpoint when somebody asks for an end, and now and then; may raise."""
        if self.state.step >= self.total or self.state.ended:
            return
        stop = self.tools.should_stop()
        if stop or time.monotonic() - self._saved > SAVED_EVERY_SECONDS:
            folder, state, _, stepper = self._all()
            self._timed(lambda: save_checkpoint(folder, state, stepper))
            self.ledger.save(self._progress())
            self._emit("checkpoint")
            self._saved = time.monotonic()
        if stop:
            raise KeyboardInterrupt

    def _finish(self, resumed: int | None) -> TrainResult:
        """The best look's weights or the last ones, saved beside the result."""
        best = self._best()
        kept = None
        if best is not None and self.plan.choose_checkpoint_by != "last":
            kept = best.step
            if kept != self.state.step:
                take_best(self.ledger.folder, self.classifier, self.stepper)
        if self.choice.way == "contrastive":
            self._fit_head(None)
        result = self._result(resumed, kept)
        draft = self.ledger.draft()
        merged(self.classifier)
        facts = {
            "way": self.choice.way,
            "method": self.plan.method,
            "made_from": Path(self.choice.encoder).name,
        }
        save_classifier(self.classifier, draft, facts)
        self.ledger.finish(draft, result)
        return result

    def _result(self, resumed: int | None, kept: int | None) -> TrainResult:
        state, progress = self.state, self._progress()
        before = state.looks[0] if state.looks else None
        best = self._best()
        after = next((p for p in state.looks if p.step == kept), None) or (
            state.looks[-1] if state.looks else None
        )
        count = sum(p.numel() for p in self.stepper.names.values()) if self.total else 0
        if self.choice.way != "encoder":
            count += self.classifier.weight.numel() + self.classifier.bias.numel()
        return TrainResult(
            trainer="small_model",
            method=self.plan.method,
            objective=self.plan.objective,
            output_dir=str(self.ledger.shared),
            served_by=Served(backend="small_model", model=str(self.ledger.final)),
            loss=state.loss,
            steps=state.step,
            trainable_parameters=count,
            peak_memory_gib=progress.peak_memory_gib,
            memory_tier=self._memory.tier,
            tokens_per_second=state.tokens / state.steps_seconds if state.tokens else None,
            wall_seconds=progress.wall_seconds,
            train_samples=len(self.train.texts),
            versions={"python": platform.python_version()}
            | {name: version(name) for name in LIBRARIES},
            seed=self.plan.seed,
            resumed_from_step=resumed,
            notes=self._notes(),
            dev_loss_before=before.loss if before else None,
            dev_loss_after=after.loss if after else None,
            metric=metric_of(self.tools),
            evaluations=state.looks,
            kept_step=kept,
            kept_by=kept_by(self.plan, best, after, metric_of(self.tools)) if best else "",
            ended_early=state.ended,
            restored=self.restored,
            steps_seconds=state.steps_seconds,
            evaluation_seconds=state.evaluation_seconds,
            saving_seconds=state.saving_seconds,
        )

    def _notes(self) -> tuple[str, ...]:
        if self._remarks is None:
            self._remarks = self._remarked()
        return self._remarks

    def _remarked(self) -> tuple[str, ...]:
        most = self.plan.sequence_length
        notes = [self.choice.note] if self.choice.note else []
        unseen = sum(kind < 0 for kind in self.dev.classes)
        if unseen:
            notes.append(f"{unseen} dev samples have a label that no training sample has.")
        cut = sum(self.classifier.tokens(text) > most for text in self.train.texts)
        if cut:
            notes.append(f"{cut} training samples are longer than {most} tokens and are cut there.")
        return tuple(notes)

    def _best(self) -> DevPoint | None:
        return next((p for p in self.state.looks if p.step == self.state.best_step), None)

    def _all(self) -> tuple[Path, State, Classifier, Stepper]:
        return self.ledger.folder, self.state, self.classifier, self.stepper

    def _progress(self) -> Progress:
        return self._before.model_copy(
            update={
                "step": self.state.step,
                "tokens": self.state.tokens,
                "wall_seconds": self._before.wall_seconds + time.perf_counter() - self._began,
                "peak_memory_gib": max(self._memory.peak_gib, self._before.peak_memory_gib or 0.0),
                "dev_loss_before": self.state.looks[0].loss if self.state.looks else None,
            }
        )

    def _advance(self, **changes: Any) -> None:
        self.state = self.state.model_copy(update=changes)

    def _timed(self, save: Callable[[], None]) -> None:
        began = time.perf_counter()
        save()
        took = time.perf_counter() - began
        self._advance(saving_seconds=self.state.saving_seconds + took)

    def _emit(self, kind: str, **told: Any) -> None:
        place = {"kind": kind, "step": self.state.step, "total_steps": self.total}
        memory = self._memory.now_gib
        self.tools.emit(TrainEvent.model_validate({**place, "memory_gib": memory, **told}))
