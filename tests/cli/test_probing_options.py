"""Options on what is asked beside the task."""

from __future__ import annotations

import pytest

from advisor.cli.probing_options import absolute, given, remembered
from advisor.cli.settings import make_settings
from advisor.errors import InputError
from advisor.schema.run import RunSettings


def test_a_reason_must_say_something():
    with pytest.raises(InputError, match="needs a reason"):
        absolute({"tolerate": "  "})
    assert given({"tolerate": "", "probes": ()}) == {"tolerate": ""}  # an empty one takes it back
    assert absolute({"tolerate": ""}) == {"tolerate": ""}


def test_an_empty_name_drops_what_was_named_before():
    kept = RunSettings(probes=("/x/french.jsonl",), harness_tasks=("arc_easy",))
    assert make_settings({"probes": ("",)}, kept).probes == ()
    assert make_settings({"harness_tasks": ("",)}, kept).harness_tasks == ()
    assert make_settings({}, kept).probes == kept.probes


def test_what_an_earlier_call_said_is_told_until_it_is_said_anew():
    kept = RunSettings(
        use_probes=False, probes=("/x/french.jsonl=contains",), tolerate="only tickets"
    )
    nothing = {"use_probes": None, "probes": (), "tolerate": None}
    told = " ".join(remembered(kept, nothing))
    assert "off since an earlier --no-probes" in told
    assert "french.jsonl=contains; --probe '' drops it" in told
    assert "tolerated by an earlier --tolerate" in told
    anew = {"use_probes": False, "probes": ("other.jsonl",), "tolerate": "still"}
    assert remembered(kept, anew) == []
    assert remembered(RunSettings(), nothing) == []
