from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.data_check.mend_text import decoded, mended

SAID = ["café über Straße", "it\u2019s \u201cfine\u201d \u2013 really…", "naïve façade", "Łódź czeka", "100 € für Müll", "привет мир", "καλημέρα κόσμε", "🙂 ok", "ﬁne"]  # fmt: skip
RIGHT = ["MENÜ“ und „Ä“", "MAÇÃ” e IRMÃ”", "Ångström", "à la carte", "PÂTÉ \u2013 5 €", "½ Â", "3 Å², 2 Å±0.1", "ÄÖÜ", "«Ça va»", "नमस्ते", "می‌خواهم", "\U0001f468\u200d\U0001f469", "    return x"]  # fmt: skip


@pytest.mark.parametrize("text", SAID)
def test_utf8_read_as_windows_is_read_again(text: str) -> None:
    wrong = "".join(
        bytes([byte]).decode("cp1252") if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D} else chr(byte)
        for byte in text.encode()
    )
    assert wrong != text
    assert decoded(wrong) == text


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_stays(text: str) -> None:
    assert mended(text) == (text, ())


def test_twice_wrong_is_put_right_and_lost_letters_stay_lost() -> None:
    wrong = "é".encode().decode("cp1252").encode().decode("cp1252")
    assert decoded(wrong) == "é"
    assert decoded("it\x92s") == "it\u2019s"
    assert decoded("fie\ufffdd") == "fie\ufffdd"


def test_what_cannot_be_seen_goes_and_space_is_evened_out() -> None:
    assert mended("\ufeffa\u200bb\x00") == ("ab", ("odd_encoding",))
    assert mended("\n \n  x\r\ny\u00a0z \n") == ("  x\ny z", ("white_space",))
    assert mended("\u200b ") == ("", ("odd_encoding", "white_space"))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("aAé Ã©â€™Âð\u0178\u200b\ufeff\r\n\t\x85\x92ÄÅ“Ð¿ï»¿\ufffd"), max_size=12))  # fmt: skip
def test_mending_again_changes_nothing(text: str) -> None:
    once, _ = mended(text)
    assert mended(once) == (once, ())
