"""In which direction a fact must move the advice, from common sense and published comparisons."""

from typing import Any, NamedTuple

NO, YES = False, True
HOSTED = {"model.frontier_available": YES, "constraints.must_stay_local": NO}
ASKED = {"task.kind": "question_answering"}
LOOKED_UP = {"knowledge.in_documents": YES}
FIVE_HUNDRED = {"data.labelled_samples": 500}
CURRENT = {"knowledge.must_be_current": YES}
SHORT = {"knowledge.in_documents": YES, "measured.target_met": NO}
NO_PASSAGE_FAILED = {
    "measured.failures_not_in_documents": 0.0,
    "measured.failures_not_retrieved": 0.0,
    "measured.failures_ignored": 0.0,
}
TUNED = (
    "fine_tuning",
    "rag_plus_fine_tuning",
    "preference_tuning",
    "reinforcement",
    "continued_pretraining",
)


class Direction(NamedTuple):
    """Along the values of a fact, `up` never falls behind `down`; under `where` it truly gains."""

    fact: str
    values: tuple[Any, ...]
    up: str
    down: str
    where: dict[str, Any] = {}  # noqa: RUF012 - never changed
    always: dict[str, Any] = {}  # noqa: RUF012 - never changed
    """Facts without which nobody would expect the direction."""

    def sign(self, approach):
        """What a point for this approach adds to the lead."""
        return (approach == self.up) - (approach == self.down)

    def __str__(self):
        first, last = self.values[0], self.values[-1]
        return f"{self.fact} {first} to {last}: {self.up} against {self.down}"


def steps(fact, *values):
    """Directions along these values of a fact, one a pair of approaches."""

    def against(up, *downs, where=None, always=None):
        return [Direction(fact, values, up, down, where or {}, always or {}) for down in downs]

    return against


CHANGES = steps("knowledge.update_interval_days", 36500, 3650, 365, 30, 7, 1)
RETRAINED = steps("constraints.retrain_interval_days", 7, 30, 365, 36500)
LABELS = steps("data.labelled_samples", 0, 2, 20, 29, 30, 49, 50, 100, 499)
MANY_LABELS = steps("data.labelled_samples", 20, 500, 5000)
STILL_MORE = steps("data.labelled_samples", 500, 3000, 5000, 5001, 50000)
EACH = steps("data.classes", 300, 60, 26)
SCORE = steps("measured.prompted_score", 0.2, 0.4, 0.5, 0.65, 0.85, 0.89, 0.9, 0.95)
READER = steps("model.parameters_billion", 0.5, 1, 1.9, 3, 7, 8, 70)
CLOSED_BOOK = steps("measured.closed_book_score", 0.1, 0.3, 0.5, 0.6, 0.7)
LOCAL = steps("constraints.must_stay_local", NO, YES)
CITED = {
    f"knowledge.{name}": NO for name in ("must_cite", "access_controlled", "must_be_deletable")
}
PAIRS = steps("data.preference_pairs", 0, 999, 1000, 9999, 10000, 50000)
NOWHERE = steps("measured.failures_not_in_documents", 0.0, 0.2, 0.49, 0.5, 1.0)
UNFOUND = steps("measured.failures_not_retrieved", 0.0, 0.2, 0.39, 0.4, 1.0)
IGNORED = steps("measured.failures_ignored", 0.0, 0.2, 0.39, 0.4, 1.0)
MISSHAPEN = steps("measured.failures_wrong_format", 0.0, 0.29, 0.3, 1.0)
LEADS = steps("measured.small_model_leads", NO, YES)
TOKENS = steps("data.unlabelled_tokens", 0, 10**7, 10**8, 10**9)

DIRECTIONS = [
    # Knowledge.
    *CHANGES(
        "rag", "fine_tuning", "continued_pretraining", "prompting", where=ASKED, always=CURRENT
    ),
    *CHANGES("rag_plus_fine_tuning", "fine_tuning", where=ASKED, always=CURRENT),
    *RETRAINED(
        "rag",
        "fine_tuning",
        "continued_pretraining",
        where={"knowledge.update_interval_days": 60},
        always=CURRENT,
    ),
    *(
        direction
        for fact in CITED
        for direction in steps(fact, NO, YES)(
            "rag", "fine_tuning", "continued_pretraining", "prompting", where=CITED
        )
    ),
    # Documents speak for retrieval unless the model knows them by heart or passages fell short.
    # Without a single sample the rules err; test_common_sense holds that.
    *steps("knowledge.in_documents", NO, YES)(
        "rag",
        "prompting",
        "fine_tuning",
        where=ASKED,
        always={
            "measured.closed_book_score": 0.3,
            "measured.target_met": YES,
            "data.labelled_samples": 20,
        },
    ),
    *CLOSED_BOOK("prompting", "rag", "rag_plus_fine_tuning", where=LOOKED_UP),
    *CLOSED_BOOK("fine_tuning", "rag", where=LOOKED_UP),
    *steps("knowledge.document_is_given", NO, YES)("long_context", "rag", "prompting"),
    *steps("knowledge.document_characters", 10**9, 10**6, 60000, 20000)(
        "long_context", "rag", where=LOOKED_UP
    ),
    *steps("knowledge.is_multi_hop", NO, YES)(
        "rag_plus_fine_tuning", "rag", where={"task.needs_reasoning": NO}
    ),
    *steps("knowledge.is_public", NO, YES)(
        "prompting", "rag", where={**HOSTED, "knowledge.update_interval_days": 36500}
    ),
    *steps("task.error_cost", "low", "medium", "high")("rag", "fine_tuning", where=LOOKED_UP),
    *steps("data.answer_in_input_share", 0.1, 0.79, 0.8, 1.0)(
        "prompting", "rag", where={"knowledge.in_documents": NO, "task.answer_in_input": NO}
    ),
    *steps("task.answer_in_input", NO, YES)(
        "prompting",
        "rag",
        where={"knowledge.in_documents": NO, "data.answer_in_input_share": 0.1},
    ),
    *steps("task.target", 0.95, 0.9, 0.8, 0.5)(
        "prompting", "rag", where={"measured.prompted_score": 0.85}
    ),
    *steps("task.invents_known_facts", NO, YES)("rag", "fine_tuning", "continued_pretraining"),
    *READER("rag", "rag_plus_fine_tuning", where=LOOKED_UP),
    # Labels. Many labels in few classes speak for a small classifier instead of a large model.
    *LABELS("fine_tuning", "prompting", where={"task.kind": "extraction"}),
    *steps("data.labelled_samples", 20, 500)(
        "fine_tuning", "prompting", "few_shot", where={"task.kind": "extraction"}
    ),
    *steps("data.labelled_samples", 20, 5000)(
        "fine_tuning", "prompting", "few_shot", where={"task.kind": "extraction"}
    ),
    *MANY_LABELS("small_model", "prompting", "few_shot", where={"task.kind": "classification"}),
    *EACH("small_model", "prompting", where=FIVE_HUNDRED | {"task.kind": "classification"}),
    *steps("data.quality", "checked", "noisy")(
        "prompting", "fine_tuning", "small_model", "rag_plus_fine_tuning"
    ),
    *PAIRS("preference_tuning", "fine_tuning", "prompting"),
    *TOKENS("continued_pretraining", "prompting", "fine_tuning"),
    # What prompts reach already.
    *SCORE("prompting", "fine_tuning", "small_model", "rag_plus_fine_tuning"),
    *SCORE("prompting", "prompt_optimisation"),
    # The answer.
    *steps("output.strict_format", NO, YES)("fine_tuning", "prompting", where=FIVE_HUNDRED),
    *steps("output.house_format", NO, YES)(
        "fine_tuning", "prompting", "few_shot", "prompt_optimisation", where=FIVE_HUNDRED
    ),
    *steps("task.needs_style", NO, YES)("fine_tuning", "prompting"),
    *steps("task.style_source", "one_voice", "genre")("prompting", "fine_tuning"),
    *steps("task.style_source", "one_voice", "each_person")("rag", "fine_tuning"),
    *steps("task.judged_by_preference", NO, YES)("preference_tuning", "fine_tuning", "prompting"),
    *steps("task.has_verifiable_reward", NO, YES)(
        "reinforcement", "prompting", "fine_tuning", where={"task.kind": "code"}
    ),
    # Where prompts fail at reasoning, worked samples help more than another prompt.
    *steps("task.needs_reasoning", NO, YES)(
        "prompting", "small_model", "fine_tuning", always={**HOSTED, "measured.prompted_score": 0.6}
    ),
    # A missing language is learnt from text; without text there is nothing to learn it from.
    *steps("task.needs_new_language", NO, YES)(
        "continued_pretraining", "prompting", where={"data.unlabelled_tokens": 10**9}
    ),
    *steps("task.has_domain_terms", YES, NO)("continued_pretraining", "prompting", "fine_tuning"),
    # Limits.
    *LOCAL(
        "fine_tuning",
        "prompting",
        "prompt_optimisation",
        where={"task.needs_reasoning": YES, "model.frontier_available": YES},
    ),
    *steps("model.frontier_available", NO, YES)(
        "prompting",
        "fine_tuning",
        where={"task.needs_reasoning": YES, "constraints.must_stay_local": NO},
    ),
    *steps("task.is_one_off", NO, YES)("prompting", *TUNED, "small_model"),
    *steps("constraints.team_has_ml_engineer", YES, NO)("prompting", *TUNED, "small_model"),
    *steps("constraints.days_available", 90, 7, 3, 1)("prompting", *TUNED),
    *steps("constraints.budget_usd", 50000, 500, 50, 0)(
        "fine_tuning", "reinforcement", "continued_pretraining"
    ),
    *steps("constraints.latency_ms", 60000, 1000, 200, 100)(
        "small_model", "long_context", "rag", "prompting"
    ),
    *steps("constraints.queries_per_month", 1000, 10**5, 10**6, 10**7)(
        "fine_tuning", "prompting", "long_context", where=FIVE_HUNDRED
    ),
    *steps("task.prompt_tokens", 200, 2000, 20000)(
        "fine_tuning",
        "prompting",
        where=FIVE_HUNDRED | {"constraints.queries_per_month": 10**6},
    ),
    # What was measured. Where passages fail as well, documents are mended before anything is tuned.
    *steps("measured.target_met", YES, NO)(
        "fine_tuning",
        "prompting",
        "few_shot",
        where={"knowledge.in_documents": NO},
        always=NO_PASSAGE_FAILED,
    ),
    # Why answers failed: what is at fault gains against weights trained beside it.
    *NOWHERE("collect_data", "fine_tuning", "rag_plus_fine_tuning", always=SHORT),
    *UNFOUND(
        "rag",
        "fine_tuning",
        "rag_plus_fine_tuning",
        always=SHORT | {"measured.rag_score": 0.6, "measured.retrieval_recall": 0.3},
    ),
    *IGNORED(
        "rag_plus_fine_tuning", "fine_tuning", always=SHORT, where={"model.parameters_billion": 1}
    ),
    *IGNORED("prompt_optimisation", "prompting", "fine_tuning", always=SHORT),
    *MISSHAPEN("prompt_optimisation", "prompting", "fine_tuning", always=SHORT),
    *steps("measured.rag_is_behind", NO, YES)("prompting", "rag"),
    *steps("measured.long_context_is_behind", NO, YES)("prompting", "long_context"),
    *steps("measured.small_model_is_behind", NO, YES)("prompting", "small_model"),
    *LEADS("small_model", "prompting", "few_shot", always=SHORT),
]
