import pytest

from rag_baseline.words.terms import AUTO, NONE, Terms, language, language_of, words

pytestmark = pytest.mark.ml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("K88966", ["k88966", "88966"]),
        ("PX-200", ["px200", "px", "200"]),
        ("px200", ["px200", "px", "200"]),
        ("config.yaml", ["configyaml", "config", "yaml"]),
        ("getUserName", ["getusername", "get", "user", "name"]),
        ("2024-01-15", ["20240115", "2024", "01", "15"]),
        ("1,234.5 and 3,5", ["1234.5", "and", "3.5"]),
        ("C++ or C#", ["c++", "or", "c#"]),
        ("the pump's", ["the", "pump"]),
        ("Café Straße", ["cafe", "strasse"]),
        ("東京都", ["東京", "京都"]),
        ("水", ["水"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("ﬁlter \u3000\uff2b\uff19", ["filter", "k9", "9"]),
        ("war\u00adranty Ig\u200bnore \ufeffpump\u2060s", ["warranty", "ignore", "pumps"]),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            ["\u0645\u06cc", "\u062e\u0648\u0627\u0647\u0645"],
        ),
        ("\u0dc1\u0dca\u200d\u0dbb\u0dd3", ["\u0dc1\u0dca\u0dbb\u0dd3"]),
        ("", []),
        ("\x00 ?! ...", []),
    ],
)
def test_words_codes_and_numbers_of_any_script(text, expected):
    assert Terms().of(text) == expected


def test_a_code_is_found_however_it_is_joined():
    written = set(Terms().of("PX-200"))
    for asked in ("px200", "PX 200", "PX_200", "px.200"):
        assert written & set(Terms().asked(asked))


def test_stems_are_those_of_the_language():
    assert Terms("english").of("pumps pumping") == ["pump", "pump"]
    assert Terms("german").of("Häuser") == Terms("german").of("Häusern")
    assert Terms(NONE).of("pumps") == ["pumps"]


def test_stop_words_leave_a_query_unless_it_has_nothing_else():
    assert Terms("english").asked("What is the capital of the north?") == ["capit", "north"]
    assert Terms("english").asked("To be or not to be") == ["to", "be", "or", "not", "to", "be"]
    assert "the" in Terms("english").of("the capital")


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["The dog is in the house, and the cat is not."], "english"),
        (["Der Hund ist nicht in dem Haus und die Katze auch nicht."], "german"),
        (["Le chien est dans la maison et le chat ne l'est pas."], "french"),
        (["東京都の天気は晴れです"], NONE),
        (["PX-200 K88966 12345"], NONE),
        ([], NONE),
        (["..."], NONE),
    ],
)
def test_the_language_is_told_by_its_stop_words(texts, found):
    assert language_of(texts) == found


def test_an_unknown_language_is_refused():
    assert language("german") == "german"
    assert language(AUTO) == AUTO
    with pytest.raises(ValueError, match="it must be one of auto, none"):
        language("klingon")


def test_words_keep_what_stands_inside_them():
    assert words("a well-known e-mail, mail@host.org; AT&T.") == [
        "a",
        "well-known",
        "e-mail",
        "mail@host.org",
        "AT&T",
    ]
