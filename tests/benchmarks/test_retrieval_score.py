import json
import sys

import pytest

from advisor.schema.evaluation import Hit, Passage
from benchmarks.retrieval import score
from benchmarks.retrieval.squad import Squad

FACTS = {
    "Pumps": [
        ("The pump PX-200 is filled with three litres of blue oil.", "Which oil is the pump filled with?", "blue oil"),
        ("A humming noise means that air has come into the line.", "What does a humming noise mean?", "air"),
    ],
    "Bread": [
        ("Sourdough rises for twelve hours in a cool room.", "How long does sourdough rise?", "twelve hours"),
        ("Rye was first grown beside wheat as a weed.", "What was rye first grown beside?", "wheat"),
    ],
}  # fmt: skip


def squad_file(folder, *, odd=()):
    data = [
        {
            "title": title,
            "paragraphs": [
                {
                    "context": context,
                    "qas": [
                        {
                            "id": f"{title}-{at}",
                            "question": question,
                            "is_impossible": False,
                            "answers": [{"text": answer, "answer_start": context.find(answer)}],
                        },
                        {"id": f"{title}-{at}-no", "question": "Who painted it?", "is_impossible": True, "answers": []},
                    ],
                }
                for at, (context, question, answer) in enumerate(facts)
            ],
        }
        for title, facts in FACTS.items()
    ]  # fmt: skip
    path = folder / "dev.json"
    path.write_text(json.dumps({"version": "v2.0", "data": [*data, *odd]}), encoding="utf-8")
    return path


def test_what_cannot_be_read_is_counted_by_reason(tmp_path):
    odd = [
        {"title": "No paragraphs"},
        {"title": "Odd", "paragraphs": [
            {"context": " "},
            {"context": "Some text.", "qas": [
                {"question": "", "answers": []},
                {"question": "Where?", "answers": [{"text": "elsewhere", "answer_start": 3}]},
            ]},
        ]},
    ]  # fmt: skip
    squad = Squad.read(squad_file(tmp_path, odd=odd))
    assert dict(squad.unmapped) == {
        "article without paragraphs": 1,
        "paragraph without text": 1,
        "question without text": 1,
        "answerable question whose answer does not stand in its paragraph": 1,
    }
    assert len(squad.questions) == 8
    assert sum(question.is_answerable for question in squad.questions) == 4


@pytest.mark.parametrize("text", ["[]", '{"rows": []}', "no json"])
def test_a_file_of_another_kind_is_refused(tmp_path, text, monkeypatch, capsys):
    path = tmp_path / "other.json"
    path.write_text(text)
    monkeypatch.setattr(sys, "argv", ["score.py", "--squad", str(path), "--json"])
    with pytest.raises(SystemExit) as raised:
        score.main()
    assert raised.value.code == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", ["paragraphs", "articles"])
def test_spans_are_those_of_the_paragraphs(tmp_path, kind):
    squad = Squad.read(squad_file(tmp_path))
    documents, spans = score.documents_of(squad, kind)
    texts = {document.name: document.text for document in documents}
    found = [texts[name][start:end] for name, start, end in spans]
    assert found == [paragraph.text for paragraph in squad.paragraphs]


def hit(start, end, document="a.md"):
    text = "x" * (end - start)
    return Hit(
        passage=Passage(id=f"{start}", document=document, text=text, start=start, end=end),
        score=1.0,
    )


def test_a_hit_counts_where_half_of_it_or_of_the_paragraph_lies_in_the_other():
    paragraph = ("a.md", 100, 200)
    assert score.lies_in(hit(150, 250), paragraph)
    assert score.lies_in(hit(0, 400), paragraph)
    assert score.lies_in(hit(120, 130), paragraph)
    assert not score.lies_in(hit(160, 300), paragraph)
    assert not score.lies_in(hit(200, 300), paragraph)
    assert not score.lies_in(hit(100, 200, "b.md"), paragraph)
    assert score.rank_of([hit(0, 90), hit(100, 180)], paragraph) == 2
    assert score.rank_of([hit(0, 90)], paragraph) is None


def test_figures_are_those_of_the_ranks():
    assert score.figures([1, 2, None, 11]) == {
        "recall_1": 0.25,
        "recall_5": 0.5,
        "recall_10": 0.5,
        "mrr": round((1 + 0.5 + 1 / 11) / 4, 4),
        "ndcg_10": round((1 + 0.63093) / 4, 4),
        "n": 4,
    }
    assert score.figures([]) == {"n": 0}


@pytest.mark.ml
@pytest.mark.parametrize("kind", ["paragraphs", "articles"])
def test_a_file_is_scored_by_the_products_own_way(tmp_path, kind, monkeypatch, capsys):
    path = squad_file(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["score.py", "--squad", str(path), "--json", "--documents", kind]
    )
    assert score.main() == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    for way in ("dense", "bm25", "hybrid"):
        assert document[way]["recall_1"] == 1.0
        assert document[way]["mrr"] == 1.0
        assert document["with_unanswerable"][way]["n"] == 8
    assert document["questions"] == {"counted": 4, "unanswerable": 4, "development": 0}
    assert document["build_seconds"] > 0
    assert document["query_ms"] > 0
    assert document["unmapped"] == {}
