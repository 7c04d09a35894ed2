"""Options on what is asked beside the task."""

from __future__ import annotations

import pytest

from advisor.cli.probing_options import given
from advisor.errors import InputError


def test_a_reason_must_say_something():
    with pytest.raises(InputError, match="needs a reason"):
        given({"tolerate": "  "})
    assert given({"tolerate": "", "probes": ()}) == {"tolerate": ""}  # an empty one takes it back
