"""A judge tried on answers that people have judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from advisor.contracts import Judging, Metric, Signed
from advisor.errors import PluginContractError
from advisor.evaluation.agreement import (
    RULE,
    agreement,
    corrected_rate,
    crossings,
    kappa,
    share,
    table_of,
    verdict,
)
from advisor.evaluation.asking import Asker
from advisor.evaluation.trial_rows import BAD, GOOD, Trial, TrialRow
from advisor.schema.evaluation import Completion, Prompt, Sample, Score
from advisor.schema.judge import CorrectedRate, Estimated, JudgedRow, JudgeTrial
from advisor.schema.purse import Bill

CHANGED = "changed with the order"
NOT_ASKED = "not asked: the budget was spent"


class Asked(NamedTuple):
    """One row as the metric sees it, and what the judge is to be asked."""

    row: TrialRow
    sample: Sample
    completion: Completion
    questions: tuple[Prompt, ...]


@dataclass(frozen=True)
class Ruling:
    """What came of one row."""

    row: TrialRow
    score: Score | None
    """None where the judge was not asked."""
    word: str = ""
    """The verdict, where it counts."""
    note: str = ""


def prepare(metric: Metric, trial: Trial) -> list[Asked]:
    """Every row with its questions; raises PluginContractError for a metric that asks nothing."""
    if not isinstance(metric, Judging):
        raise PluginContractError(
            f"The metric {metric.info.id} asks no judge.",
            hint="A judge has `questions` and `judged`: Judging in advisor/contracts/.",
            where=f"metric {metric.info.id}",
        )
    asked = []
    for row in trial.rows:
        name = f"line-{row.line}"
        sample = Sample(
            id=name, input=row.input, target=row.target, rejected=row.other or None, line=row.line
        )
        shown = Prompt(sample_id=name, messages=(), passage_texts=row.passages)
        answer = Completion(text=row.answer, prompt_tokens=0, completion_tokens=0, latency_ms=0)
        questions = metric.questions(shown, answer, sample)
        asked.append(Asked(row, sample, answer, questions))
    return asked


def bill_of(asker: Asker, asked: Sequence[Asked], *, answer_characters: float) -> Bill:
    """What the questions that the cache cannot answer are expected to cost."""
    prompts = [question for one in asked for question in one.questions]
    known = asker.known(prompts)
    return asker.purse.bill(
        [prompt for at, prompt in enumerate(prompts) if at not in known],
        cached=len(known),
        answer_characters=answer_characters,
        max_new_tokens=asker.conditions.max_new_tokens,
    )


def try_judge(
    metric: Metric,
    asker: Asker,
    trial: Trial,
    asked: Sequence[Asked],
    bill: Bill,
    *,
    advance: Callable[[int], None],
) -> JudgeTrial:
    """Ask the judge about every row, and hold its verdicts against those of people."""
    prompts = [question for one in asked for question in one.questions]
    replies: dict[int, Completion] = {}
    for at, completion in asker.ask(prompts):
        replies[at] = completion
        advance(1)
    rulings = list(_rulings(cast("Judging", metric), trial, asked, replies))
    return _summed(metric, asker, trial, rulings, bill=asker.purse.settled(bill))


def _rulings(
    metric: Judging, trial: Trial, asked: Sequence[Asked], replies: dict[int, Completion]
) -> Iterable[Ruling]:
    at = 0
    for one in asked:
        places = range(at, at + len(one.questions))
        at += len(one.questions)
        if any(place not in replies for place in places):
            yield Ruling(one.row, None, note=NOT_ASKED)
            continue
        score = metric.judged([replies[place] for place in places], one.completion, one.sample)
        yield _ruling(trial, one.row, score)


def _ruling(trial: Trial, row: TrialRow, score: Score) -> Ruling:
    """The verdict in the words of the trial; a pair's counts when both orders agree."""
    if score.unscored:
        return Ruling(row, score, note=score.note)
    if trial.kind == "pairs":
        if len(set(score.totals.values())) > 1:
            return Ruling(row, score, note=CHANGED)
        return Ruling(row, score, word={1.0: "a", 0.5: "tie", 0.0: "b"}[score.value])
    if trial.kind == "labels":
        return Ruling(row, score, word=GOOD if score.value >= 0.5 else BAD)
    levels = trial.levels
    return Ruling(row, score, word=levels[round(score.value * (len(levels) - 1))])


def _summed(
    metric: Metric,
    asker: Asker,
    trial: Trial,
    rulings: Sequence[Ruling],
    *,
    bill: Bill,
) -> JudgeTrial:
    both = [one for one in rulings if one.word and one.row.human]
    table = table_of([one.row.human for one in both], [one.word for one in both], trial.levels)
    agreed, by_chance = agreement(table)
    plain = kappa(table)
    weighted = kappa(table, is_weighted=True) if trial.kind == "scale" else None
    answered = [one for one in rulings if one.score is not None]
    unreadable = sum(one.score.unscored for one in answered if one.score is not None)
    consistency, first = _orders(trial, answered)
    trusted, sentence = verdict(
        agreed,
        weighted or plain,
        unreadable_share=unreadable / len(answered) if answered else 0.0,
        consistency=consistency,
    )
    is_binary = trial.kind == "labels"
    return JudgeTrial(
        kind=trial.kind,
        judge_model=asker.conditions.model,
        judge_backend=asker.conditions.backend,
        signature=metric.signature if isinstance(metric, Signed) else metric.info.id,
        rows=len(rulings),
        judged=sum(bool(one.word) for one in rulings),
        unreadable=unreadable,
        not_asked=len(rulings) - len(answered),
        compared=len(both),
        agreement=agreed,
        chance_agreement=by_chance,
        kappa=plain,
        weighted_kappa=weighted,
        sensitivity=_hit_rate(table, 1, "people call no answer good") if is_binary else None,
        specificity=_hit_rate(table, 0, "people call no answer bad") if is_binary else None,
        consistency=consistency,
        prefers_first=first,
        prefers_longer=_longer([(one.row, one.word) for one in rulings], trial),
        people_prefer_longer=_longer([(one.row, one.row.human) for one in rulings], trial),
        corrected=_corrected(rulings, table) if is_binary else None,
        crossings=crossings(table, trial.levels),
        trusted=trusted,
        sentence=sentence,
        rule=RULE,
        bill=bill,
        notes=(*trial.notes, *_notes(rulings, bill)),
        verdicts=tuple(
            JudgedRow(line=one.row.line, human=one.row.human, judge=one.word, note=one.note)
            for one in rulings
        ),
    )


def _hit_rate(table: Sequence[Sequence[int]], at: int, why: str) -> Estimated:
    return share(table[at][at], sum(table[at]), why=why)


def _orders(trial: Trial, answered: Sequence[Ruling]) -> tuple[Estimated | None, Estimated | None]:
    """How many pairs keep their verdict, and how often the answer shown first wins."""
    if trial.kind != "pairs":
        return None, None
    pairs = [list(one.score.totals.values()) for one in answered if one.score]
    whole = [pair for pair in pairs if len(pair) == 2]
    first = [verdict for pair in whole for verdict in (pair[0], 1 - pair[1]) if verdict != 0.5]
    kept = sum(pair[0] == pair[1] for pair in whole)
    return share(kept, len(whole)), share(int(sum(first)), len(first), why="no pair was decided")


def _longer(verdicts: Iterable[tuple[TrialRow, str]], trial: Trial) -> Estimated | None:
    """How often the longer answer of a pair won, where one won and one is longer."""
    if trial.kind != "pairs":
        return None
    won = [
        (len(row.answer) > len(row.other)) == (word == "a")
        for row, word in verdicts
        if word in ("a", "b") and len(row.answer) != len(row.other)
    ]
    return share(sum(won), len(won), why="no pair was decided")


def _corrected(rulings: Sequence[Ruling], table: Sequence[Sequence[int]]) -> CorrectedRate | None:
    """The true share of good answers among the rows that no human has judged."""
    alone = [one.word for one in rulings if one.word and not one.row.human]
    if not alone:
        return None
    return corrected_rate(alone.count(GOOD), len(alone), table=table)


def _notes(rulings: Sequence[Ruling], bill: Bill) -> Iterable[str]:
    if bill.capped:
        left = sum(one.score is None for one in rulings)
        yield f"The budget was spent; {left} rows were not asked. What was answered is kept."
    if not any(one.row.human for one in rulings):
        yield "No row has a human verdict (a column `human`), so agreement is unknown."
