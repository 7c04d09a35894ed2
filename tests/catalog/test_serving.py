import pytest

from advisor.catalog.load import catalog_root, read
from advisor.catalog.serving import money, money_from
from advisor.errors import CatalogError

FILE = catalog_root() / "serving.yaml"


def changed(tmp_path, old, new):
    file = tmp_path / "serving.yaml"
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return read(file)


def test_every_figure_has_a_kind_and_a_source():
    figures = [f for f in vars(money()).values() if hasattr(f, "provenance")]
    assert len(figures) > 20
    assert all(f.provenance.kind and f.provenance.source for f in figures)
    assert all(f.provenance.source for f in money().billing_seconds.values())


def test_assumed_figures_of_weight_say_why():
    named = vars(money()).items()
    assumed = [n for n, f in named if hasattr(f, "provenance") and f.provenance.kind == "assumed"]
    spread = [n for n in assumed if len(set(vars(vars(money())[n].interval).values())) > 1]
    assert {"spot_time", "busy_share", "rent"} <= set(spread)
    unsaid = [n for n in spread if not vars(money())[n].provenance.note]
    assert unsaid == ["checkpoints_kept"]


def test_shares_lie_between_none_and_all():
    for name in ("compute_share", "bandwidth_share", "parallel_share", "pcie_share", "busy_share"):
        interval = getattr(money(), name).interval
        assert 0 < interval.low <= interval.likely <= interval.high <= 1


def test_an_unknown_figure_is_refused(tmp_path):
    with pytest.raises(CatalogError, match="Unknown key 'rental'"):
        money_from(changed(tmp_path, "rent: {", "rental: {"))


def test_a_missing_source_is_refused(tmp_path):
    with pytest.raises(CatalogError, match="Missing: source"):
        money_from(
            changed(
                tmp_path,
                'kind: table, source: silybench-data, why: "8760',
                'kind: table, why: "8760',
            )
        )
