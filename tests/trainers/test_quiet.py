"""The libraries are silent while training, also where one is imported only then."""

from __future__ import annotations

import logging

import pytest

from trainers.engines.trl.quiet import quiet


@pytest.mark.ml
def test_a_library_that_is_imported_within_stays_silent(monkeypatch):
    """On resuming with tied weights it would tell of a missing head that is not missing."""
    from transformers.utils import logging as theirs

    monkeypatch.delenv("TRANSFORMERS_VERBOSITY", raising=False)
    monkeypatch.setattr(theirs, "_default_handler", None)  # as before the first import
    ours = logging.getLogger("transformers")
    handlers, level = list(ours.handlers), ours.level
    try:
        with quiet():
            theirs._configure_library_root_logger()
            assert not ours.isEnabledFor(logging.ERROR)
    finally:
        ours.handlers[:] = handlers
        ours.setLevel(level)
