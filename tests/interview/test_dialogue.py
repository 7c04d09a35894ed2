"""Only what can still change the advice is asked; back, why, review and don't know are understood."""

from functools import partial

import pytest

from advisor.interview.contradictions import Contradiction
from advisor.interview.dialogue import Conversation
from advisor.interview.next_question import open_facts
from advisor.interview.question import Taken, Wish
from advisor.rulebook.engine import rank
from advisor.schema.profile import Profile


@pytest.fixture
def talk(book, english):
    """A conversation with a script, and everything that was kept."""

    def begin(asker, profile=Profile(), *, by=book, **more):  # noqa: B008 - a frozen value
        return Conversation(asker, profile, by, language=english, **more)

    return begin


@pytest.fixture
def brief(talk, turning_book):
    """A conversation that asks for nothing but what could turn the advice."""
    return partial(talk, by=turning_book)


LATER = ("constraints.must_stay_local", "constraints.budget_usd", "task.target")
"""What is asked at the end, because later stages go by it."""


def profile(**groups):
    return Profile.model_validate(groups)


def settled(**groups):
    """A profile of which nothing is asked that the advice does not hang on."""
    return Profile.model_validate(groups | {"unknown": [*LATER, "data.labelled_samples"]})


def test_answers_become_facts_and_advice(talk, script, book):
    asker = script({"task.kind": "classification", "data.labelled_samples": "1.5k"})
    found = talk(asker).interview()
    assert found.task.kind == "classification"
    assert found.data.labelled_samples == 1500
    assert found.provenance["data.labelled_samples"] == "asked"
    assert rank(found, book).recommended == "small_model"
    assert len(asker.asked) == len(set(asker.asked))


def test_a_picked_value_needs_no_reading(talk, script):
    asker = script({"task.kind": Taken("chat")})
    assert talk(asker).interview().task.kind == "chat"
    assert asker.told == ["Lastly, what the next steps (estimate, gate) go by."]


def test_a_typed_value_is_repeated(talk, script):
    asker = script(words=["class", Wish.STOP])
    talk(asker, profile(knowledge={"in_documents": False}, task={"needs_style": False})).interview()
    assert asker.told == ["Noted: task: a label for each input (classification)"]


def test_nothing_known_is_asked(talk, script):
    known = profile(task={"kind": "chat"}, data={"labelled_samples": 500})
    asker = script()
    talk(asker, known).interview()
    assert not {"task.kind", "data.labelled_samples"} & set(asker.asked)


def test_dont_know_is_remembered_and_not_asked_again(talk, script):
    asker = script()
    found = talk(asker).interview()
    assert set(found.unknown) == set(asker.asked)
    assert found.model_copy(update={"unknown": ()}) == Profile()
    again = script()
    assert talk(again, found).interview() == found
    assert again.asked == []


def test_questions_are_numbered_and_the_last_ones_are_announced_once(talk, script, book):
    asker = script()
    talk(asker).interview()
    assert [q.number for q in asker.questions] == list(range(1, len(asker.questions) + 1))
    assert asker.asked[:3] == [fact.id for fact in open_facts(Profile(), book)][:3]
    assert asker.asked[-3:] == list(LATER)
    assert len(asker.told) == 1


def test_back_takes_the_last_answer_back(talk, script):
    asker = script(words=[Wish.UNKNOWN, "back", Wish.STOP])
    assert talk(asker).interview() == Profile()
    assert asker.asked[0] == asker.asked[2]


def test_back_at_the_start_is_told(talk, script):
    asker = script(words=["back", "stop"])
    talk(asker).interview()
    assert asker.told == ["This is the first question."]


def test_why_tells_meaning_reason_and_what_it_could_turn(talk, script, facts):
    asker = script(words=["why", "stop"])
    talk(asker).interview()
    assert asker.asked[0] == asker.asked[1]
    fact = facts[asker.asked[0]]
    assert f"Meaning: {fact.meaning}" in asker.told[0]
    assert f"Why: {fact.why}" in asker.told[0]
    assert "Nothing can be advised yet; an answer can lead to" in asker.told[0]


def test_why_names_the_present_advice(talk, script):
    asker = script(words=["?", "stop"])
    known = settled(task={"kind": "chat", "needs_style": False})
    talk(asker, known).interview()
    assert "So far the advice is prompting; an answer can turn it to" in asker.told[0]


@pytest.mark.parametrize("word", ["many", "-3"])
def test_a_wrong_answer_is_told_and_asked_again(talk, script, word):
    asker = script(words=[word, Wish.STOP])
    known = profile(
        task={"kind": "classification", "needs_style": False}, knowledge={"in_documents": True}
    )
    talk(asker, known).interview()
    assert asker.asked == ["data.labelled_samples"] * 2
    assert word in asker.told[0]


def test_stop_ends_without_a_review(talk, script):
    asker = script(words=[Wish.STOP])
    talk(asker).interview()
    assert asker.seen == []


def test_the_review_shows_answers_with_their_source(talk, script):
    known = profile(task={"kind": "chat"}).model_copy(
        update={"provenance": {"task.kind": "suggested by dataset"}}
    )
    asker = script({"knowledge.in_documents": "no"})
    talk(asker, known).interview()
    lines = {line.fact.id: line.text for line in asker.seen[0].lines}
    assert lines["task.kind"] == "task: a conversation (chat) (suggested by the data)"
    assert lines["knowledge.in_documents"] == "answers in own documents: no (answered)"
    assert lines["task.needs_style"] == "style easier shown: don't know (asked)"


def test_an_answer_changed_in_the_review_opens_only_its_own_questions(brief, script):
    known = profile(task={"kind": "chat", "needs_style": False}, knowledge={"in_documents": True})
    asker = script(
        {"task.kind": Taken("classification"), "data.labelled_samples": Taken(900)},
        reviews=["task.kind"],
    )
    found = brief(asker, known).interview()
    assert asker.asked == ["task.kind", "data.labelled_samples"]
    assert asker.questions[0].now == "a conversation (chat)"
    assert found.task.kind == "classification"
    assert found.data.labelled_samples == 900
    assert len(asker.seen) == 2


def test_a_fact_that_was_not_asked_can_be_added_in_the_review(talk, script):
    asker = script({"knowledge.must_cite": "yes"}, reviews=["knowledge.must_cite"])
    known = settled(task={"kind": "chat", "needs_style": False}, knowledge={"in_documents": True})
    found = talk(asker, known).interview()
    assert "knowledge.must_cite" in {line.fact.id for line in asker.seen[0].others}
    assert "knowledge.must_cite" in {line.fact.id for line in asker.seen[1].lines}
    assert asker.asked == ["knowledge.must_cite"]
    assert found.knowledge.must_cite is True


def test_answers_that_do_not_go_together_are_remarked_at_once(talk, script, english):
    both = Contradiction.model_validate(
        {
            "id": "sources-without-documents",
            "when": {
                "all": [
                    {"fact": "knowledge.must_cite", "op": "is", "value": True},
                    {"fact": "knowledge.in_documents", "op": "is", "value": False},
                ]
            },
        }
    )
    known = settled(task={"kind": "chat", "needs_style": False}, knowledge={"must_cite": True})
    asker = script(words=[Taken(value=False), Wish.STOP])
    talk(asker, known, contradictions=(both,)).interview()
    assert asker.told == [english.contradictions[both.id]]
    asker = script(words=[Taken(value=True), Wish.STOP])
    talk(asker, known, contradictions=(both,)).interview()
    assert asker.told == []


def test_questions_left_open_stay_so_until_one_goes_on(talk, script):
    asker = script(words=[Wish.REVIEW], reviews=[Wish.UNKNOWN])
    talk(asker).interview()
    assert asker.seen[0].left > 1
    assert len(asker.asked) > 2
    assert asker.seen[-1].left == 0


def test_a_changed_answer_leaves_chosen_gaps_alone(brief, script):
    known = profile(task={"needs_style": False, "kind": "chat"})
    asker = script(words=[Wish.REVIEW, Taken("generation")], reviews=["task.kind"])
    brief(asker, known).interview()
    assert asker.asked == ["knowledge.in_documents", "task.kind"]


def test_the_same_answer_again_is_no_change(brief, script):
    known = profile(task={"kind": "chat", "needs_style": False}, knowledge={"in_documents": False})
    known = known.model_copy(update={"provenance": {"task.kind": "suggested by dataset"}})
    asker = script({"task.kind": Taken("chat")}, reviews=["task.kind"])
    assert brief(asker, known).interview() == known


def test_a_measured_fact_can_be_corrected(talk, script):
    known = profile(
        task={"kind": "chat", "needs_style": False},
        knowledge={"in_documents": False},
        data={"labelled_samples": 40},
    ).model_copy(update={"provenance": {"data.labelled_samples": "dataset"}})
    asker = script({"data.labelled_samples": Taken(900)}, reviews=["data.labelled_samples"])
    found = talk(asker, known).interview()
    assert found.data.labelled_samples == 900
    assert found.provenance["data.labelled_samples"] == "corrected"


def test_who_leaves_the_review_goes_back_to_the_question_it_came_before(talk, script):
    asker = script(words=["chat", Wish.REVIEW, Wish.REVIEW, Wish.STOP], reviews=[Wish.BACK] * 2)
    found = talk(asker).interview()
    assert asker.asked == ["task.kind", *["data.labelled_samples"] * 3]
    assert found == profile(task={"kind": "chat"}, provenance={"task.kind": "asked"})


def test_who_leaves_the_last_review_changes_nothing(brief, script):
    known = profile(task={"kind": "chat", "needs_style": False})
    asker = script(words=["yes"], reviews=[Wish.BACK])
    found = brief(asker, known).interview()
    assert asker.asked == ["knowledge.in_documents"]
    assert found.knowledge.in_documents is True


def test_a_change_between_two_questions_leads_back_to_them(talk, script):
    asker = script(
        words=["chat", Wish.REVIEW, Taken("code"), Wish.STOP], reviews=["task.kind", Wish.BACK]
    )
    found = talk(asker).interview()
    assert asker.asked == ["task.kind", "data.labelled_samples"] * 2
    assert found.task.kind == "code"


def test_edit_asks_for_the_fact_and_what_it_opens(talk, script):
    known = profile(task={"kind": "chat", "needs_style": False}, knowledge={"in_documents": True})
    asker = script({"task.kind": Taken("classification")})
    found = talk(asker, known).edit(next(f for f in talk(asker).rulebook.vocabulary))
    assert asker.asked == ["task.kind", "data.labelled_samples"]
    assert found.unknown == ("data.labelled_samples",)
    assert asker.seen == []


def test_edit_that_is_left_alone_changes_nothing(talk, script, facts):
    known = profile(task={"kind": "chat"})
    asker = script(words=[""])
    assert talk(asker, known).edit(facts["task.kind"]) == known
    assert asker.asked == ["task.kind"]


def test_an_answer_can_be_made_unknown(talk, script, facts):
    known = profile(task={"kind": "chat"})
    found = talk(script(words=["don't know"]), known).edit(facts["task.kind"])
    assert found.task.kind is None
    assert "task.kind" in found.unknown


def test_settle_takes_a_typed_answer(talk, script, facts):
    asker = script()
    begun = talk(asker, profile(task={"needs_style": False}, knowledge={"in_documents": True}))
    begun.settle(facts["task.kind"], "classification")
    assert begun.profile.task.kind == "classification"
    assert asker.asked == []


def test_everything_is_kept_as_it_is_answered(talk, script):
    kept = []
    asker = script(words=[Wish.UNKNOWN, "back", Wish.UNKNOWN, Wish.STOP])
    found = talk(asker, keep=kept.append).interview()
    assert kept == [found, Profile(), found]
