"""How often one prompt was asked, and what all of it is billed as."""

from __future__ import annotations

import time

from advisor.builtin.backends.dialect import Counted, estimated_tokens
from advisor.schema.evaluation import Completion, Prompt


class Attempts:
    """Those of one prompt.

    A response with status 200 is billed as it says, usable or not. A call that broke off, or whose
    answer says nothing, may have been answered and billed: then the prompt counts as read once.
    Refusals and failures that the service itself tells are not billed.
    """

    def __init__(self, prompt: Prompt) -> None:
        self.since = time.monotonic()
        self.begun = 0
        self.failed = 0
        self.prompt_tokens = sum(estimated_tokens(m.content) for m in prompt.messages)
        """By the length of the text, until the service has counted them."""
        self._read = self._written = self._unknown = 0

    def begin(self) -> None:
        """One more begins."""
        self.begun += 1

    def broke(self) -> None:
        """Nobody can tell whether the last was billed."""
        self._unknown += 1

    def bill(self, counted: Counted) -> None:
        """What the service says of the last."""
        if counted.read is None:
            self._unknown += 1
        else:
            self.prompt_tokens = counted.read
            self._read += counted.read
        self._written += counted.written or 0

    def add_written(self, tokens: int) -> None:
        """So many were written that the service did not count."""
        self._written += tokens

    def told(self, completion: Completion) -> Completion:
        """The completion with what all attempts are billed as, where that is another amount."""
        read = self._read + self._unknown * self.prompt_tokens
        counts = (completion.prompt_tokens, completion.completion_tokens)
        changes = {"attempts": self.begun}
        if (read, self._written) != counts:
            changes |= {"billed_prompt_tokens": read, "billed_completion_tokens": self._written}
        return completion.model_copy(update=changes)
