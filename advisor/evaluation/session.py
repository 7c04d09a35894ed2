"""A model that is opened only when somebody asks it something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from advisor.contracts import Session
from advisor.schema.evaluation import Completion, Prompt


class LazySession:
    """A session whose model is loaded on the first prompt, so that kept answers load none.

    `model_digest` must be known beforehand, for example the digest of the model's folder; left
    empty, asking for it opens the model.
    """

    def __init__(self, opener: Callable[[], Session], *, model_digest: str = "") -> None:
        self._opener = opener
        self._digest = model_digest
        self._session: Session | None = None

    @property
    def is_open(self) -> bool:
        """Whether the model has been loaded."""
        return self._session is not None

    @property
    def model_digest(self) -> str:
        """What identifies the weights."""
        return self._digest or self.opened().model_digest

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order."""
        return self.opened().generate(prompts, max_new_tokens=max_new_tokens)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return self.opened().count_tokens(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.__exit__(kind, error, trace)

    def opened(self) -> Session:
        """The model itself, loaded now when it was not."""
        if self._session is None:
            self._session = self._opener().__enter__()
        return self._session
