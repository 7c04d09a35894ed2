"""What other answers would bring: trials of facts, flips of the advice, questions that matter."""

from __future__ import annotations

from advisor.rulebook.flips import flips
from advisor.rulebook.questions import decisive_facts, open_questions
from advisor.rulebook.trials import Trials
from advisor.rulebook.values import values_worth_trying

__all__ = ["Trials", "decisive_facts", "flips", "open_questions", "values_worth_trying"]
