import json
import socket
import time
from decimal import Decimal
from pathlib import Path

import pytest

from advisor.catalog import query
from advisor.catalog.overlay import forget, overlay, overlay_file, write_overlay
from advisor.catalog.refresh import NAMES, run
from advisor.catalog.refresh.quotes import gpu_id
from advisor.errors import CatalogError, PriceMissingError, StorageError
from advisor.resources import user_cache_root
from advisor.schema.estimate import EstimateRequest

DAY = "2026-11-26"
NEXT = "2026-12-10"


@pytest.fixture
def fetch(site, fresh_series):
    def fetched(*sources, day=DAY, timeout=5.0):
        urls = {name: f"{site.url}/{name}" for name in NAMES}
        done = run.refresh(day, sources=sources or NAMES, urls=urls, timeout_seconds=timeout)
        forget_what_was_read()
        return done

    return fetched


def forget_what_was_read():
    from advisor.catalog import prices

    for cached in (overlay, prices._series_by_gpu, prices._offers_of):
        cached.cache_clear()


def offer(gpu, provider, kind="on_demand", gpus=1, day=DAY):
    try:
        found = query.offers(gpu, day, provider)
    except PriceMissingError:
        return []
    return [o for o in found if (o.kind, o.gpus) == (kind, gpus)]


def usd(*where, **more):
    (found,) = offer(*where, **more)
    return found.usd_per_gpu_hour


def test_the_names_are_those_of_the_sources():
    assert tuple(source.ID for source in run.SOURCES) == NAMES


def test_every_source_is_read_and_told(fetch):
    done = fetch()
    told = {source.id: source for source in done.sources}
    assert set(told) == set(NAMES)
    assert told["genai-prices"].state == "fetched"
    assert told["gpuhunt"].state == "partly"
    assert told["gpuhunt"].files == 2
    assert len(told["gpuhunt"].failures) == 5
    assert "A16 with 16 GB" not in told["skypilot"].unknown
    assert "Trainium" in told["skypilot"].unknown
    assert Path(done.kept_in) == overlay_file()


@pytest.mark.parametrize(
    ("where", "more", "price"),
    [
        (("h100", "lambda"), {"gpus": 8}, "4.3900"),
        (("h100-pcie", "lambda"), {}, "3.2900"),
        (("gh200-96gb", "lambda"), {}, "2.2900"),
        (("quadro-rtx-6000", "lambda"), {}, "0.6900"),
        (("a100-80gb-pcie", "azure"), {}, "3.6730"),
        (("a100-80gb-pcie", "azure"), {"kind": "spot"}, "1.4690"),
        (("h100-nvl", "azure"), {}, "6.9800"),
        (("h100", "azure"), {"gpus": 8}, "12.2900"),
        (("h100", "aws"), {"gpus": 8}, "6.8800"),
        (("h100", "aws"), {"gpus": 8, "kind": "spot"}, "1.2800"),
        (("a100-80gb-pcie", "runpod"), {}, "1.7900"),
        (("rtx-4090", "runpod"), {"kind": "community"}, "0.3400"),
        (("rtx-a6000", "massed-compute"), {"gpus": 8}, "0.5700"),
        (("a100-40gb", "denvr"), {"gpus": 8}, "1.4000"),
        (("h100-nvl", "vast"), {"kind": "community"}, "2.0800"),
        (("rtx-4090", "vast"), {"kind": "community"}, "0.4200"),
        (("b300", "verda"), {"gpus": 2, "kind": "spot"}, "2.4465"),
        (("h100", "verda"), {}, "2.3900"),
    ],
)
def test_a_machine_is_priced_as_its_file_says(fetch, where, more, price):
    fetch()
    assert usd(*where, **more) == Decimal(price)


def test_a_fetched_price_names_source_day_and_machine(fetch):
    fetch()
    (found,) = offer("h100", "lambda", gpus=8)
    assert (found.source, found.checked, found.is_dated) == (
        "fetched from gpuhunt",
        "2026-11-25",
        True,
    )
    assert (found.region, found.instance) == ("us-west-3", "gpu_8x_h100_sxm5")


def test_a_spot_price_that_is_no_lower_is_none(fetch):
    fetch()
    assert not offer("a100-80gb-pcie", "runpod", "spot")


def test_the_installed_catalog_is_never_touched(fetch, root):
    before = {f: f.stat().st_mtime_ns for f in (root / "rules").rglob("*") if f.is_file()}
    fetch()
    assert before == {f: f.stat().st_mtime_ns for f in (root / "rules").rglob("*") if f.is_file()}


def test_what_changed_is_told_against_what_was_known(fetch):
    changes = {(c.provider, c.item, c.kind, c.gpus, c.unit): c for c in fetch().changes}
    dearer = changes["verda", "h100", "on_demand", 1, "GPU-hour"]
    assert (dearer.change, dearer.usd_before, dearer.percent) == ("dearer", Decimal("2.2900"), 4.4)
    assert dearer.before_source == "skypilot-catalog"
    cheaper = changes["openai", "gpt-4.1", "", 1, "million input tokens"]
    assert (cheaper.change, cheaper.usd_now, cheaper.percent) == ("cheaper", Decimal("1.5"), -25.0)
    added = changes["runpod", "a100-80gb-pcie", "on_demand", 2, "GPU-hour"]
    assert (added.change, added.usd_before, added.percent) == ("added", None, None)


def test_a_second_fetch_changes_nothing_and_says_so(fetch, site):
    first = fetch()
    text = overlay_file().read_bytes()
    second = fetch()
    assert overlay_file().read_bytes() == text
    assert not [c for c in second.changes if c.change != "added"]
    assert second.same > first.same
    assert {s.id: s.unchanged_files for s in second.sources}["genai-prices"] == 1
    assert ("/genai-prices/data.json", 304) in site.asked


def test_a_later_price_is_appended_and_the_older_day_keeps_its_own(fetch, site):
    fetch("skypilot")
    path = "/skypilot/verda/vms.csv"
    site.files[path] = site.files[path].replace(b",2.39,", b",2.50,")
    done = fetch("skypilot", day=NEXT)
    (change,) = [c for c in done.changes if c.change != "added"]
    assert (change.item, change.percent, change.before_checked) == ("h100", 4.6, DAY)
    assert usd("h100", "verda", day=NEXT) == Decimal("2.5000")
    assert usd("h100", "verda", day="2026-12-01") == Decimal("2.3900")
    series = [s for s in overlay()["offers"] if (s["provider"], s["gpu"]) == ("verda", "h100")]
    starts = [p["valid_from"] for s in series if s["kind"] == "on_demand" for p in s["prices"]]
    assert starts == [DAY, NEXT]


def test_a_machine_that_is_gone_ends_its_series(fetch, site):
    fetch("skypilot")
    path = "/skypilot/verda/vms.csv"
    lines = site.files[path].splitlines(keepends=True)
    site.files[path] = b"".join(line for line in lines if b"H100" not in line)
    done = fetch("skypilot", day=NEXT)
    gone = {(c.item, c.kind): c for c in done.changes if c.change == "gone"}
    assert set(gone) == {("h100", "on_demand"), ("h100", "spot")}
    assert gone["h100", "on_demand"].usd_before == Decimal("2.3900")
    assert not offer("h100", "verda", day=NEXT)
    assert usd("h100", "verda", day=DAY) == Decimal("2.3900")


def test_what_comes_back_begins_again(fetch, site):
    fetch("skypilot")
    path = "/skypilot/verda/vms.csv"
    whole = site.files[path]
    site.files[path] = b"".join(
        line for line in whole.splitlines(keepends=True) if b"H100" not in line
    )
    fetch("skypilot", day=NEXT)
    site.files[path] = whole
    fetch("skypilot", day="2026-12-20")
    assert usd("h100", "verda", day="2026-12-20") == Decimal("2.3900")
    assert not offer("h100", "verda", day=NEXT)


def test_a_file_that_fails_does_not_end_what_it_held(fetch, site):
    fetch("skypilot")
    del site.files["/skypilot/verda/vms.csv"]
    done = fetch("skypilot", day=NEXT)
    assert not [c for c in done.changes if c.change == "gone"]
    assert usd("h100", "verda", day=NEXT) == Decimal("2.3900")


def test_what_one_source_gave_the_next_is_not_asked_for(fetch, site):
    site.put_csv("verda", site_csv("gpuhunt-lambdalabs.csv"))
    fetch()
    assert ("/skypilot/verda/vms.csv", 200) not in site.asked


def site_csv(name):
    folder = Path(__file__).resolve().parent.parent / "fixtures" / "prices"
    return (folder / name).read_text(encoding="utf-8")


def test_tokens_are_priced_by_length_and_day(fetch):
    fetch("genai-prices")
    found = {
        (p.model, p.above_prompt_tokens): p
        for p in query.inference_prices(DAY)
        if p.source == "fetched from genai-prices"
    }
    assert found["claude-sonnet-4-5", 0].usd_per_million_input_tokens == 3
    assert found["claude-sonnet-4-5", 200_000].usd_per_million_output_tokens == Decimal("22.5")
    assert found["claude-opus-4-6", 0].usd_per_million_input_tokens == 5
    assert ("claude-opus-4-6", 200_000) not in found
    assert found["gpt-4.1", 0].usd_per_million_cached_tokens == Decimal("0.5")
    assert not any("embedding" in model for model, _ in found)
    assert not any(p.provider == "openrouter" for p in query.inference_prices(DAY))


def test_a_fetched_price_per_token_displaces_the_older_one(fetch):
    fetch("genai-prices")
    (found,) = [
        p
        for p in query.inference_prices(DAY)
        if (p.provider, p.model, p.is_tuned) == ("openai", "gpt-4.1", False)
    ]
    assert found.usd_per_million_input_tokens == Decimal("1.5")


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("/genai-prices/data.json", b"{not json", "cannot be read"),
        ("/genai-prices/data.json", b'[{"name": "no id"}]', "cannot be read"),
        ("/genai-prices/data.json", b"", "cannot be read"),
        ("/genai-prices/data.json", b"[]", "no price"),
    ],
)
def test_a_broken_download_is_one_sentence_and_writes_nothing(fetch, site, path, content, told):
    site.files[path] = content
    with pytest.raises(CatalogError, match=told):
        fetch("genai-prices")
    assert not overlay_file().exists()


def test_a_table_of_another_format_is_told(fetch, site):
    for path in list(site.files):
        if path.startswith("/skypilot"):
            site.put_text(path, "Machine,Cost\nx,1\n")
    with pytest.raises(CatalogError, match="has no column InstanceType"):
        fetch("skypilot")


def test_a_broken_archive_is_told(fetch, site):
    for path in list(site.files):
        if path.endswith("catalog.zip"):
            site.files[path] = site.files[path][:-30]
    with pytest.raises(CatalogError):
        fetch("gpuhunt")
    assert not overlay_file().exists()


def test_an_archive_that_would_fill_the_disk_is_not_unpacked(fetch, site, monkeypatch):
    from advisor.catalog.refresh import gpuhunt

    site.put_csv("aws", site_csv("gpuhunt-azure.csv"))
    monkeypatch.setattr(gpuhunt, "LIMIT_BYTES", 100)
    with pytest.raises(CatalogError, match="would unpack"):
        fetch("gpuhunt")


def test_a_download_that_is_too_large_is_left(fetch, site, monkeypatch):
    from advisor.catalog.refresh import download

    monkeypatch.setattr(download, "LIMIT_BYTES", 100)
    with pytest.raises(CatalogError, match="is larger than"):
        fetch("genai-prices")


def test_thirty_thousand_rows_are_read_in_a_second(fetch, site):
    path = "/skypilot/aws/vms.csv"
    head, *rows = site.files[path].splitlines(keepends=True)
    site.files[path] = head + b"".join(rows) * 6_000
    started = time.perf_counter()
    fetch("skypilot")
    assert time.perf_counter() - started < 5


def test_a_strange_version_is_not_followed(fetch, site):
    for path in list(site.files):
        if path.endswith("/version"):
            site.put_text(path, "../../etc/passwd")
    with pytest.raises(CatalogError):
        fetch("gpuhunt")
    assert not any("passwd" in path for path, _ in site.asked)


def test_a_download_that_breaks_off_is_told(fetch, site):
    site.short_by = 20
    with pytest.raises(CatalogError, match="could not be fetched"):
        fetch("genai-prices")
    assert not overlay_file().exists()


def test_a_server_that_sleeps_is_left_after_the_limit(fetch, site):
    site.wait_seconds = 0.5
    with pytest.raises(CatalogError, match=r"no answer within 0\.05 seconds"):
        fetch("skypilot", timeout=0.05)


def test_a_dead_server_is_asked_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(CatalogError, match="No current prices") as caught:
        run.refresh(DAY, urls=dict.fromkeys(NAMES, url), timeout_seconds=1)
    assert "and 2 more failures" in caught.value.message
    assert not overlay_file().exists()


def test_part_of_the_sources_is_better_than_none(fetch, site):
    site.files = {p: c for p, c in site.files.items() if p.startswith("/genai")}
    done = fetch()
    assert [s.state for s in done.sources] == ["failed", "failed", "fetched"]
    assert overlay_file().is_file()


def test_a_disk_that_refuses_leaves_the_old_series(fetch, site, monkeypatch):
    fetch("genai-prices")
    before = overlay_file().read_bytes()
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match="cannot be kept"):
        fetch("skypilot")
    assert overlay_file().read_bytes() == before
    assert [p.name for p in overlay_file().parent.iterdir()] == [overlay_file().name]


def refuse(self, target):
    if Path(target).name == "prices.json":
        raise OSError(28, "No space left on device")
    return self.rename(target)


def test_a_broken_download_cache_is_fetched_again(fetch, site):
    fetch("genai-prices")
    for file in (user_cache_root() / "downloads").iterdir():
        file.write_bytes(b"broken")
    done = fetch("genai-prices")
    assert done.sources[0].unchanged_files == 0
    assert done.sources[0].state == "fetched"


def test_forgetting_takes_everything_back(fetch):
    before = query.offers("h100", DAY, "verda")
    fetch()
    assert query.offers("h100", DAY, "verda") != before
    assert forget() is not None
    forget_what_was_read()
    assert query.offers("h100", DAY, "verda") == before
    assert forget() is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', '{"format": 1}'])
def test_a_broken_series_is_told_and_not_passed_over(content):
    write_overlay({"offers": [], "inference": []})
    overlay_file().write_text(content, encoding="utf-8")
    with pytest.raises(CatalogError, match="cannot be read") as caught:
        overlay()
    assert "--forget" in caught.value.hint


def test_a_newer_price_of_the_catalog_displaces_a_fetched_one(fetch):
    fetch("skypilot", day="2026-03-01")
    found = {(o.source, o.checked) for o in offer("h100", "aws", gpus=8)}
    assert ("data-receipts", "2026-11-09") in found
    assert ("fetched from skypilot", "2026-03-01") not in found


def test_an_estimate_uses_the_fetched_price(fetch):
    from advisor.market import estimated

    fetch()
    request = EstimateRequest(methods=("lora",), as_of=DAY)
    card = query.find_model("8b")
    option = estimated(request, model=card, gpus=["h100"], provider="verda").options[0]
    assert option.offer is not None
    assert (option.offer.usd_per_gpu_hour, option.offer.source) == (
        Decimal("2.3900"),
        "fetched from skypilot",
    )


@pytest.mark.parametrize(
    ("name", "memory", "instance", "found"),
    [
        ("H100", 80.0, "p5.48xlarge", "h100"),
        ("H100", 80.0, "gpu_1x_h100_pcie", "h100-pcie"),
        ("H100", 94.0, "1x-H100_NVL", "h100-nvl"),
        ("H100", 94.0, "", None),
        ("A100", 40.0, "", "a100-40gb"),
        ("A100", 80.0, "", "a100-80gb"),
        ("A100", 80.0, "NVIDIA A100 80GB PCIe", "a100-80gb-pcie"),
        ("V100", 32.0, "", "v100-32gb"),
        ("V100", 16.0, "", "v100-16gb"),
        ("RTX4090", 48.0, "", None),
        ("B300", 288.0, "", "b300"),
        ("MI300X", 192.0, "", "mi300x"),
        ("A10", 4.0, "", None),
        ("L40S", None, "", "l40s"),
        ("Trainium", 32.0, "", None),
        ("", None, "", None),
    ],
)
def test_a_card_is_told_by_name_memory_and_machine(name, memory, instance, found):
    assert gpu_id(name, memory, instance) == found


def test_the_series_are_plain_json(fetch):
    fetch()
    content = json.loads(overlay_file().read_text(encoding="utf-8"))
    assert content["format"] == 1
    for series in (*content["offers"], *content["inference"]):
        starts = [price["valid_from"] for price in series["prices"]]
        assert starts == sorted(set(starts))
        assert all(price["source"] and price["checked"] for price in series["prices"])


def cli_refresh(site, *words):
    from click.testing import CliRunner

    from advisor.cli.main import cli

    return CliRunner().invoke(cli, ["catalog", "refresh", *site.flag(*NAMES), *words])


def test_the_command_shows_what_changed_within_eighty_columns(site):
    first = cli_refresh(site)
    assert first.exit_code == 0
    assert max(map(len, first.stdout.splitlines()[:-2])) <= 80
    assert "gpuhunt: partly" in first.stdout
    assert "Left out, not in the catalog: RTX4090 with 48 GB, Trainium" in first.stdout
    assert "-25.0 %" in first.stdout
    assert "Reading skypilot" in first.stderr


def test_show_says_how_many_prices_were_fetched(site):
    from click.testing import CliRunner

    from advisor.cli.main import cli

    assert cli_refresh(site).exit_code == 0
    forget_what_was_read()
    shown = " ".join(CliRunner().invoke(cli, ["catalog", "show", "prices"]).stdout.split())
    assert "27 of them fetched by you" in shown
    assert "refresh --forget" in shown


def test_the_command_prints_one_document(site):
    result = cli_refresh(site, "--json", "--quiet")
    document = json.loads(result.stdout)
    assert result.stderr == ""
    assert {s["id"] for s in document["sources"]} == set(NAMES)
    assert all(c["usd_now"] is None or c["usd_now"] > 0 for c in document["changes"])
