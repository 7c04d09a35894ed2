"""The advice as people read it: short first, whole on request, and no id ever broken."""

from __future__ import annotations

import pytest

from advisor.render import advice_grids as grids
from advisor.render.decision import Onward, show_decision
from advisor.render.decision_plain import decision_lines
from advisor.render.decision_words import (
    NO_GAIN,
    chance_words,
    gain_words,
    listed,
    setting_name,
    setting_value,
    sides,
    standing,
    ties_words,
)
from advisor.render.fact_words import flip_condition
from advisor.render.html import to_html
from advisor.render.markdown import to_markdown
from advisor.render.ranking import approaches_grid
from advisor.schema.decide import (
    AskedCriterion,
    Decision,
    FactChange,
    Flip,
    Gain,
    OpenQuestion,
    RankedApproach,
    Reason,
    Setting,
)
from advisor.schema.profile import KnowledgeFacts, Profile
from tests.fixtures import values as v
from tests.fixtures.reports import early_report
from tests.fixtures.screens import screen

RULES = {
    "volatile-knowledge": ("favour", "moderate"),
    "cited-or-controlled-knowledge": ("favour", "strong"),
    "documents-fit-the-prompt": ("oppose", "weak"),
    "passages-are-combined": ("oppose", "moderate"),
    "a-rule-with-quite-a-long-name-of-its-own": ("favour", "weak"),
}
FACT = "knowledge.update_interval_days"


def reasons(approach: str, *names: str, **changes: object):
    return tuple(
        v.reason(
            rule_id=name,
            title=f"What {name} says",
            approach=approach,
            effect=RULES[name][0],
            strength=RULES[name][1],
            because={FACT: 7, "knowledge.must_be_current": True},
            sources=("lewis2020rag", "second-2024", "third-2025"),
            **changes,
        )
        for name in names
    )


def decision(**changes: object) -> Decision:
    base = {
        "approaches": (
            RankedApproach(
                approach="rag",
                score=5.0,
                probability_acceptable=0.784,
                expected_gain=Gain(low=-3.2, likely=12, high=27, basis="80 comparisons"),
                reasons=reasons("rag", *RULES),
            ),
            RankedApproach(
                approach="few_shot",
                score=2.0,
                probability_acceptable=0.61,
                reasons=reasons("few_shot", "volatile-knowledge", "passages-are-combined"),
            ),
            RankedApproach(
                approach="fine_tuning",
                score=0.0,
                forbidden=True,
                reasons=(
                    v.reason(
                        rule_id="data-stays-here",
                        effect="forbid",
                        approach="fine_tuning",
                        strength=None,
                    ),
                ),
            ),
        ),
        "recommended": "rag",
        "runner_up": "few_shot",
        "settings": (
            Setting(key="lora.rank", value=64, rule_id="rank-for-much-data", because={FACT: 7}),
            Setting(key="learning_rate", value=0.0002, rule_id="rate-for-adapters"),
            Setting(key="preference_tuning.objective", value="dpo", rule_id="objective-for-pairs"),
            Setting(key="train_on_shots", value=True, rule_id="train-on-shots"),
        ),
        "builders": ("zero_shot", "few_shot", "rag"),
        "methods": ("lora", "qlora"),
        "criteria": (
            AskedCriterion(rule_id="within-budget", asked="Is the cost within the budget ($50)?"),
        ),
        "open_questions": (
            OpenQuestion(
                fact=FACT,
                question="Every how many days do these facts change?",
                could_change=True,
                outcomes=("fine_tuning", "long_context"),
                measured_by="baseline",
            ),
        ),
        "what_would_change_it": (
            Flip(
                fact="data.labelled_samples",
                from_value=50,
                to_value=5000,
                then="fine_tuning",
                together_with=FactChange(
                    fact="knowledge.must_cite", from_value=None, to_value=False
                ),
            ),
        ),
        "policy": ("many-queries is off: our traffic is bursty",),
    }
    return v.decision(**base | changes)


def flat(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_the_first_lines_tell_advice_chance_gain_second_and_next_step() -> None:
    out = flat(screen(show_decision, decision()))
    for told in (
        "RAG 78 % chance to come within two points of the best approach.",
        "Expected gain over the best plain prompt: +12 (-3 to +27) points.",
        "Runner-up: few-shot (61 %).",
        "Next: Measure the baselines.",
    ):
        assert told in out


def test_a_short_advice_fits_two_small_screens_and_the_whole_one_is_longer() -> None:
    short, whole = (screen(show_decision, decision(), in_full=full) for full in (False, True))
    assert len(short.splitlines()) <= 45
    first = "\n".join(short.splitlines()[:24])
    for heading in (
        "Advice",
        "Next: ",
        "RAG: for (+)",
        "few-shot: for (+)",
        "What would change it",
    ):
        assert heading in first
    assert len(whole.splitlines()) > len(short.splitlines())
    assert "`advisor decide -v`" in short
    assert "`advisor decide -v`" not in whole


def test_reasons_stand_on_both_sides_with_rule_weight_facts_and_sources() -> None:
    out = flat(screen(show_decision, decision()))
    assert "RAG: for (+) and against (-), 2 more" in out
    assert "few-shot: for (+) and against (-)" in out
    assert "+ What cited-or-controlled-knowledge says" in out
    assert "- What passages-are-combined says" in out
    assert "passages-are-combined (moderate); sources lewis2020rag, second-2024 and 1 more" in out
    whole = flat(screen(show_decision, decision(), in_full=True))
    assert f"because {FACT} = 7; knowledge.must_be_current = yes" in whole
    assert "third-2025" in whole
    assert whole.count("A model cannot know what it has not read") == len(RULES)


def test_the_weightiest_reasons_come_first() -> None:
    pro, con = sides(decision().approaches[0])
    assert [r.strength for r in pro] == ["strong", "moderate", "weak"]
    assert [r.strength for r in con] == ["moderate", "weak"]


def test_what_is_ruled_out_names_the_rule() -> None:
    made = decision()
    assert "Never fine-tuning: data-stays-here" in screen(show_decision, made)
    assert standing(made.approaches[2], made) == "ruled out by data-stays-here"


def test_a_required_approach_is_told_by_its_rule_and_not_by_a_chance() -> None:
    must = v.reason(rule_id="rag-meets-target", effect="require", strength=None)
    first = decision().approaches[0].model_copy(update={"reasons": (must,)})
    made = decision(approaches=(first, *decision().approaches[1:]))
    out = flat(screen(show_decision, made))
    assert "RAG Required by rag-meets-target." in out
    assert "78 % chance" not in out
    assert "rag-meets-target (must)" in out


def test_a_near_tie_is_told_as_such() -> None:
    tied = decision(near_ties=("few_shot", "rag"), close_call=True, recommended="few_shot")
    told = "Few-shot and RAG are too close to call; few-shot is the cheaper."
    assert ties_words(tied) == told
    out = flat(screen(show_decision, tied))
    assert told in out
    assert "(a close call)" in out
    assert told in to_markdown(early_report(decision=tied))
    assert told in to_html(early_report(decision=tied))
    three = decision(near_ties=("prompting", "few_shot", "rag"))
    assert ties_words(three) == (
        "Prompting, few-shot and RAG are too close to call; prompting is the cheapest."
    )
    assert ties_words(decision()) == ""


def test_flips_of_one_and_two_facts_in_words() -> None:
    both = decision().what_would_change_it[0]
    told = "labelled samples were 5,000 or more rather than 50, and must cite no (now unknown)"
    assert flip_condition(both) == told
    one = both.model_copy(update={"together_with": None})
    assert flip_condition(one) == "labelled samples were 5,000 or more rather than 50"
    assert f"If {told}: fine-tuning" in flat(screen(show_decision, decision()))
    assert "data.labelled_samples" not in screen(show_decision, decision())
    whole = flat(screen(show_decision, decision(), in_full=True))
    assert "If labelled samples (data.labelled_samples) were 5,000 or more" in whole


def test_open_questions_say_what_they_could_bring_and_what_measures_them() -> None:
    out = flat(screen(show_decision, decision()))
    assert "Every how many days do these facts change?" in out
    assert "could bring fine-tuning or long context; measured by advisor baseline" in out
    assert FACT not in out
    assert FACT in screen(show_decision, decision(), in_full=True)


def test_the_hint_on_open_questions_can_be_pasted_with_the_answers_file() -> None:
    out = screen(show_decision, decision(), onward=Onward(answers="my answers.yaml"))
    assert "  to answer: advisor interview --answers 'my answers.yaml'\n" in out
    assert "  to answer: advisor interview\n" in screen(show_decision, decision())
    more = decision(open_questions=decision().open_questions * 4)
    assert "  and 2 more; to answer: advisor interview\n" in screen(show_decision, more)


def test_what_nobody_speaks_for_has_no_row() -> None:
    first, second, never = decision().approaches
    con = reasons("small_model", "passages-are-combined")
    others = (
        RankedApproach(approach="small_model", score=-2, reasons=con),
        RankedApproach(approach="prompting", score=0),
    )
    made = decision(approaches=(first, second, *others, never))
    assert [row[0] for row in approaches_grid(made).rows] == [
        "RAG",
        "few-shot",
        "fine-tuning",
    ]
    for text in (to_markdown(early_report(decision=made)), to_html(early_report(decision=made))):
        assert "No rule spoke for or against prompting." in text
        assert "Rules spoke only against small model." in text


def test_without_documents_only_a_reason_for_documents_shows_what_reads_them() -> None:
    general = v.reason(approach="rag_plus_fine_tuning", because={"data.labelled_samples": 500})
    about = v.reason(approach="rag_plus_fine_tuning", because={"knowledge.must_cite": True})
    none = Profile(knowledge=KnowledgeFacts(in_documents=False))

    def rows(profile: Profile | None, *found: Reason) -> int:
        both = RankedApproach(approach="rag_plus_fine_tuning", score=1, reasons=found)
        made = decision(approaches=(*decision().approaches, both))
        return len(approaches_grid(made, profile=profile).rows)

    assert rows(none, general) == 3
    assert rows(none, general, about) == 4
    assert rows(Profile(), general) == rows(None, general) == 4
    both = RankedApproach(approach="rag_plus_fine_tuning", score=1, reasons=(general,))
    made = decision(approaches=(*decision().approaches, both))
    assert "RAG + fine-tuning" not in screen(show_decision, made, profile=none)
    told = "Left out, for there are no documents: RAG + fine-tuning."
    report = early_report(decision=made, profile=none)
    assert told in to_markdown(report).replace("\\", "")
    assert told in to_html(report)


def test_collecting_data_has_neither_chance_nor_gain() -> None:
    collect = RankedApproach(
        approach="collect_data", score=1, reasons=reasons("collect_data", "volatile-knowledge")
    )
    made = decision(approaches=(*decision().approaches[:2], collect))
    assert approaches_grid(made).rows[2][1:] == ("+1", "", "", "")


def test_score_and_chance_are_explained_in_one_short_line() -> None:
    out = screen(show_decision, decision())
    line = "Score: reasons for minus against. Chance: to be within 2 points of the best."
    assert line in out.splitlines()


def test_settings_criteria_and_policy_in_full() -> None:
    out = flat(screen(show_decision, decision(), in_full=True))
    assert "rank (LoRA) 64: rank-for-much-data" in out
    assert "Is the cost within the budget ($50)?" in out
    assert "many-queries is off: our traffic is bursty" in out
    assert "4 set by 4 rules" in flat(screen(show_decision, decision()))


def test_setting_names_and_values() -> None:
    rank, rate, objective, shots = decision().settings
    assert (setting_name(rank), setting_value(rank)) == ("rank (LoRA)", "64")
    assert (setting_name(rate), setting_value(rate)) == ("learning rate", "0.0002")
    assert setting_value(rate.model_copy(update={"value": 2e-05})) == "0.00002"
    assert setting_value(rate.model_copy(update={"value": 0.05})) == "0.05"
    assert setting_name(objective) == "objective (preference tuning)"
    assert (setting_name(shots), setting_value(shots)) == ("train on shots", "yes")


def test_the_next_command_ends_the_screen_in_one_line() -> None:
    command = "advisor baseline --data SAMPLES.jsonl --docs " + "long/" * 20
    assert screen(show_decision, decision(), onward=Onward(command)).rstrip().endswith(command)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("in_full", [False, True])
@pytest.mark.parametrize("kind", ["plain", "tied", "unknown", "hostile"])
def test_it_is_readable_at_sixty_and_eighty_columns(kind, in_full, width, encoding) -> None:
    made = {
        "plain": decision(),
        "tied": decision(near_ties=("few_shot", "rag"), close_call=True),
        "unknown": v.decision(approaches=(), recommended=None, open_questions=()),
        "hostile": decision(next_step=v.HOSTILE, warnings=(v.HOSTILE,), policy=(v.HOSTILE,)),
    }[kind]
    out = screen(show_decision, made, in_full=in_full, width=width, encoding=encoding)
    assert max(len(line) for line in out.splitlines()) <= width
    assert not set(out) & {"\x1b", "\x00", "\u202e"}
    if kind == "plain":
        ids = {*RULES, FACT, "data-stays-here", "knowledge.must_be_current", "lewis2020rag"}
        left_out = {"a-rule-with-quite-a-long-name-of-its-own", "documents-fit-the-prompt"}
        for name in ids if in_full else ids - left_out - {"knowledge.must_be_current", FACT}:
            assert name in out, f"{name} is broken or missing"


def test_unknown_chances_and_gains_have_no_column() -> None:
    plain = v.decision()
    assert approaches_grid(plain).headers == ("Approach", "Score", "Standing")
    assert chance_words(plain.approaches[0]) == "unknown"
    assert gain_words(None) == "unknown"
    assert gain_words(Gain(low=-0.4, likely=0.2, high=20.0, basis="x")) == "0 (0 to +20)"
    assert "chance" not in screen(show_decision, plain)


def test_the_ranking_shows_chance_gain_and_standing() -> None:
    grid = approaches_grid(decision())
    assert grid.headers == ("Approach", "Score", "Chance", "Gain", "Standing")
    assert grid.rows[0] == ("RAG", "+5", "78 %", "+12 (-3 to +27)", "recommended")
    assert grid.rows[1] == ("few-shot", "+2", "61 %", NO_GAIN, "runner-up")
    assert grid.rows[2][2:4] == ("", "")


def test_reports_hold_both_sides_settings_criteria_and_what_chance_means() -> None:
    made = early_report(decision=decision())
    for text in (to_markdown(made), to_html(made)):
        shown = text.replace("\\", "").replace("&#x27;", "'")
        for told in (
            "cited-or-controlled-knowledge",
            "passages-are-combined",
            "rank-for-much-data",
            "Is the cost within the budget ($50)?",
            "Your policy: many-queries is off",
            "comes within two points of the best one",
            "the plain prompt: what everything else is held against",
            "fine-tuning or long context",
        ):
            assert told in shown, told


def test_both_sides_stand_rule_by_rule_with_their_sources() -> None:
    rows = grids.sides_grid(decision()).rows
    assert rows[0] == (
        "What cited-or-controlled-knowledge says",
        "RAG",
        "for",
        "strong",
        "lewis2020rag, second-2024, third-2025",
    )
    assert [row[2] for row in rows] == ["for"] * 3 + ["against"] * 2 + ["for", "against"]
    assert {row[1] for row in rows} == {"RAG", "few-shot"}


def test_questions_without_effect_are_only_named() -> None:
    idle = OpenQuestion(fact="task.needs_style", question="Style?", could_change=False)
    made = decision(open_questions=(*decision().open_questions, idle))
    assert [row[0] for row in grids.questions_grid(made).rows] == [FACT]
    assert "task.needs_style" in to_markdown(early_report(decision=made))
    assert "task.needs_style" in to_html(early_report(decision=made))


@pytest.mark.parametrize(
    ("chance", "words"), [(0.003, "< 1 %"), (0.006, "1 %"), (0.5, "50 %"), (0.997, "> 99 %")]
)
def test_no_chance_is_told_as_none_or_certain(chance: float, words: str) -> None:
    ranked = RankedApproach(approach="rag", score=1.0, probability_acceptable=chance)
    assert chance_words(ranked) == words


def test_listed() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_the_gain_is_explained_below_the_table() -> None:
    out = flat(screen(show_decision, decision(), width=100))
    assert "in published comparisons of such tasks, whatever else speaks for or against" in out
    assert "unknown" not in "".join(approaches_grid(decision()).rows[1])


def test_the_hint_on_questions_keeps_the_policy() -> None:
    onward = Onward(answers="a.yaml", policy="my policy.yaml")
    out = screen(show_decision, decision(), onward=onward)
    assert "advisor interview --answers a.yaml --policy 'my policy.yaml'" in out


def test_a_plain_advice_is_lines_alone() -> None:
    lines = list(decision_lines(decision(warnings=("Mind the cost.",))))
    assert lines[0] == "Advice: RAG"
    for line in (
        "Next: Measure the baselines.",
        "RAG: score +5, chance 78 %, gain +12 (-3 to +27), recommended",
        "few-shot: score +2, chance 61 %, runner-up",
        "Never fine-tuning: data-stays-here",
        "Price: LoRA, QLoRA",
        "Warning: Mind the cost.",
        "Your policy: many-queries is off: our traffic is bursty",
    ):
        assert line in lines
    text = "".join(lines)
    assert "\n" not in text
    assert not {"\x1b", *"│─╭╮╰╯━"} & set(text)
    assert not any("  " in line for line in lines)
    nothing = decision(recommended=None, runner_up=None, approaches=(), close_call=True)
    assert next(decision_lines(nothing)) == "Advice: not enough is known (a close call)"
