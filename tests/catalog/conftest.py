"""A web server on this machine that serves price files in the formats of the real sources."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from advisor.catalog import overlay, prices

FILES = Path(__file__).resolve().parent.parent / "fixtures" / "prices"
VERSION = "20261125-417"


@dataclass
class Site:
    """What the server has, and what it was asked for."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    short_by: int = 0
    """Bytes that are promised and not sent."""
    wait_seconds: float = 0.0

    def flag(self, *names: str) -> list[str]:
        """`--url` for the sources."""
        return [word for name in names for word in ("--url", f"{name}={self.url}/{name}")]

    def put_text(self, path: str, text: str) -> None:
        self.files[path] = text.encode()

    def put_csv(self, slug: str, text: str) -> None:
        """gpuhunt's file of a provider, zipped."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{slug}.csv", text)
        self.put_text(f"/gpuhunt/{slug}/version", f"{VERSION}\n")
        self.files[f"/gpuhunt/{slug}/{VERSION}/catalog.zip"] = packed.getvalue()


def handler_for(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(site.wait_seconds)
            content = site.files.get(self.path)
            mark = f'"{sha256(content or b"").hexdigest()[:12]}"'
            unchanged = content is not None and self.headers.get("If-None-Match") == mark
            status = 404 if content is None else 304 if unchanged else 200
            site.asked.append((self.path, status))
            self.send_response(status)
            body = content if status == 200 and content is not None else b""
            self.send_header("ETag", mark)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - site.short_by] if site.short_by else body)

        def log_message(self, *args: object) -> None:
            """Silence."""

    return Handler


def fill(site: Site) -> None:
    """Every file that the three sources have here."""
    for file in FILES.glob("skypilot-*.csv"):
        cloud = file.stem.removeprefix("skypilot-")
        site.files[f"/skypilot/{cloud}/vms.csv"] = file.read_bytes()
    for file in FILES.glob("gpuhunt-*.csv"):
        site.put_csv(file.stem.removeprefix("gpuhunt-"), file.read_text(encoding="utf-8"))
    site.files["/genai-prices/data.json"] = (FILES / "genai-data.json").read_bytes()


class Server(ThreadingHTTPServer):
    """Says nothing of callers who hang up: their test may be over, and another one listens."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The server, with nothing between it and us."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ADVISOR_PRICE_URLS"):
        monkeypatch.delenv(name, raising=False)
    found = Site("")
    server = Server(("127.0.0.1", 0), handler_for(found))
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    fill(found)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def fresh_series() -> Iterator[None]:
    """Every test sees its own user's series, not what an earlier one has read."""
    clear()
    yield
    clear()


def clear() -> None:
    for cached in (overlay.overlay, prices._series_by_gpu, prices._offers_of):
        cached.cache_clear()
