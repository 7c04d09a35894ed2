"""Simulated tuned models and baselines whose truth is known, to hold verdicts against it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import cache
from math import sqrt
from typing import NamedTuple

from advisor.evaluation.detectable import PROOF_ERROR
from advisor.evaluation.stopping import watch_difference
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Evaluation, Sample, ScoredSample
from advisor.schema.verify import Verification
from advisor.stages.verify import Evidence, verify
from tests.fixtures import values

Draw = random.Random
LABELS = 5


class World(NamedTuple):
    """One repetition: what was measured of the tuned model and of every baseline."""

    tuned: Evaluation
    rivals: tuple[Evaluation, ...]
    samples: tuple[Sample, ...] = ()

    def verdict(self, *, is_of_totals: bool = False) -> Verification:
        """What verification makes of it; the best baseline is the one that scores highest."""
        best = max(self.rivals, key=lambda one: one.value)
        baselines = Baselines(
            evaluations=self.rivals, best=best.builder, comparisons=(), manifest=best.manifest
        )
        evidence = Evidence(tuned=self.tuned, baselines=baselines, samples=self.samples)
        return verify(evidence, target=None, value_of=f1 if is_of_totals else None)


def measured(
    builder: str, scores: Sequence[float], *, groups: Sequence[str] = (), samples: int = 0
) -> Evaluation:
    """An evaluation with these scores."""
    named = groups or [""] * len(scores)
    value = sum(scores) / len(scores)
    return Evaluation(
        builder=builder,
        metric="exact_match",
        value=value,
        interval=values.confidence(value, len(scores)),
        n=len(scores),
        usage=values.evaluation(n=1).usage,
        latency_ms=values.evaluation(n=1).latency_ms,
        failures=0,
        scores=tuple(
            _scored(at, score, group)
            for at, (score, group) in enumerate(zip(scores, named, strict=True))
        ),
        manifest=values.manifest(samples=samples or len(scores)),
    )


@cache
def _known(at: int, value: float, group: str) -> ScoredSample:
    return values.scored(at, value).model_copy(update={"group": group})


def _scored(at: int, value: float, group: str) -> ScoredSample:
    """Scores of 0 and 1 are made once."""
    if value in (0.0, 1.0):
        return _known(at, value, group)
    return values.scored(at, value).model_copy(update={"group": group})


def pair(
    draw: Draw, n: int, differ: float, gain: float, *, right: float = 0.5
) -> tuple[list[float], list[float]]:
    """Scores of a baseline and of a tuned model, of which so many samples differ, by so much."""
    only_tuned, only_best = (differ + gain) / 2, (differ - gain) / 2
    both = max(0.0, right - only_best)
    cells = draw.choices(
        ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
        (both, only_best, only_tuned, max(0.0, 1 - both - only_best - only_tuned)),
        k=n,
    )
    return [best for best, _ in cells], [tuned for _, tuned in cells]


def two(draw: Draw, n: int, differ: float, gain: float) -> World:
    """One baseline and the tuned model, scores of 0 and 1."""
    best, tuned = pair(draw, n, differ, gain)
    return World(measured("tuned", tuned), (measured("b0", best),))


def several(draw: Draw, n: int, differ: float, gain: float, *, count: int) -> World:
    """Equally good baselines that err together, any two apart on so many samples."""
    together = sqrt(max(0.0, 1 - 2 * differ))
    latent = [draw.random() < 0.5 for _ in range(n)]

    def system() -> list[float]:
        return [float(hard if draw.random() < together else draw.random() < 0.5) for hard in latent]

    rivals = tuple(measured(f"b{at}", system()) for at in range(count))
    tuned = [max(score, float(draw.random() < 2 * gain)) for score in system()]
    return World(measured("tuned", tuned), rivals)


def behind(draw: Draw, n: int, differ: float, gain: float, *, count: int) -> World:
    """The best baseline, and further ones that are 20 points worse."""
    best, tuned = pair(draw, n, differ, gain)
    worse = [[score * float(draw.random() < 0.6) for score in best] for _ in range(count - 1)]
    rivals = [measured(f"b{at}", scores) for at, scores in enumerate([best, *worse])]
    return World(measured("tuned", tuned), tuple(rivals))


def graded(draw: Draw, n: int, gain: float) -> World:
    """Scores between 0 and 1 that move by up to a fifth."""
    best = [draw.uniform(0.2, 0.8) for _ in range(n)]
    tuned = [min(1.0, max(0.0, score + gain + draw.gauss(0, 0.2))) for score in best]
    return World(measured("tuned", tuned), (measured("b0", best),))


def documents(draw: Draw, n: int, gain: float, *, size: int = 5) -> World:
    """Samples in documents of which whole ones lean to one side or the other."""
    groups = [f"d{at // size}" for at in range(n)]
    leans = {group: draw.gauss(0, 0.2) for group in dict.fromkeys(groups)}
    best, tuned = [], []
    for group in groups:
        one, other = draw.random() < 0.5, draw.random() < 0.5 + gain + leans[group]
        best.append(float(one))
        tuned.append(float(one if draw.random() < 0.4 and not gain else other))
    return World(measured("tuned", tuned, groups=groups), (measured("b0", best, groups=groups),))


def totals(draw: Draw, n: int, differ: float, gain: float) -> World:
    """The same as `two`, scored by a function of summed counts."""
    best, tuned = pair(draw, n, differ, gain)
    return World(_counted("tuned", tuned), (_counted("b0", best),))


def _counted(builder: str, scores: Sequence[float]) -> Evaluation:
    made = measured(builder, scores)
    counts = tuple(
        one.model_copy(update={"totals": {"right": one.value, "wrong": 1 - one.value}})
        for one in made.scores
    )
    return made.model_copy(update={"scores": counts})


def f1(counts: Mapping[str, float]) -> float:
    """F1 of answers that are right or wrong: twice the right ones over all."""
    return 2 * counts["right"] / (2 * counts["right"] + 2 * counts["wrong"])


def watched(draw: Draw, n: int, differ: float, gain: float) -> World:
    """A tuned model that is asked no more once it is decided which is better."""
    world = two(draw, n, differ, gain)
    rival, tuned = world.rivals[0], world.tuned
    watch = watch_difference(planned=n, error_rate=PROOF_ERROR)
    for ours, theirs in zip(rival.scores, tuned.scores, strict=True):
        watch.add(theirs.value - ours.value)
        if watch.items >= 40 and watch.decision != "undecided":
            break
    is_decided = watch.decision != "undecided"
    seen = tuned.scores[: watch.items]
    value = sum(score.value for score in seen) / len(seen)
    changes = {
        "scores": seen,
        "n": len(seen),
        "value": value,
        "stopping": watch.stopping("Is tuned better?", rival=rival.builder),
        "ended": "decided" if is_decided else "all",
    }
    return World(tuned.model_copy(update=changes), world.rivals)


def shuffled(draw: Draw, n: int) -> World:
    """A tuned model that learnt shuffled labels and guesses; the baseline is right in 6 of 10."""
    best = [float(draw.random() < 0.6) for _ in range(n)]
    tuned = [float(draw.random() < 1 / LABELS) for _ in range(n)]
    return World(measured("tuned", tuned), (measured("b0", best),))


def parted(
    draw: Draw, n: int, differ: float, *, gain: float, loss: float = 0.0, worse: int = 0
) -> World:
    """Samples of several labels, files and lengths; `worse` of them, of one label, lose.

    The others gain so much. Without any to lose, every segment is as good as the whole.
    """
    names = [f"label {1 + at % (LABELS - 1)}" if at >= worse else "label 0" for at in range(n)]
    if not worse:
        names = [f"label {at % LABELS}" for at in range(n)]
    best, tuned = pair(draw, n, differ, gain)
    if worse:
        ours, theirs = pair(draw, worse, differ, -loss)
        best[:worse], tuned[:worse] = ours, theirs
    samples = tuple(
        _sample(at, name, draw.randrange(5, 60), draw.randrange(4)) for at, name in enumerate(names)
    )
    return World(measured("tuned", tuned), (measured("b0", best),), samples)


@cache
def _sample(at: int, label: str, words: int, file: int) -> Sample:
    return values.sample(at, target=label, input="word " * words, file=f"part-{file}.jsonl")
