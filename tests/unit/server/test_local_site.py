"""The lab's static server: headers, MIME types, 304s, the URL prefix and error messages."""

import re
import urllib.error
import urllib.request

import pytest

from pygpt.errors import PygptError
from pygpt.server import local_site as module
from pygpt.server.local_site import read_headers, serve

NETLIFY = """
[[headers]]
for = "/*"
[headers.values]
Content-Security-Policy = "default-src 'self'"
[[headers]]
for = "/wheels/*"
[headers.values]
Cache-Control = "immutable"
"""


@pytest.fixture
def site(tmp_path):
    """A small site under /some/path/, and a file outside it that must not be served."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "netlify.toml").write_text(NETLIFY)
    folder = tmp_path / "dist"
    for name in ("index.html", "a.mjs", "a.wasm", "a.json", "wheels/a.whl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    server = serve(folder, prefix="some/path").start()
    yield server
    server.stop()


def get(url: str, **headers: str):
    """(status, headers, body) of a GET."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def test_files_types_and_headers(site):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/some/path/", site.url)
    status, headers, body = get(site.url)
    assert (status, body) == (200, "index.html")
    assert headers["Content-Security-Policy"] == "default-src 'self'"
    assert "must-revalidate" in headers["Cache-Control"]
    types = {name: get(site.url + name)[1].get_content_type() for name in ("a.mjs", "a.wasm", "a.json", "wheels/a.whl")}
    assert types == {
        "a.mjs": "text/javascript",
        "a.wasm": "application/wasm",
        "a.json": "application/json",
        "wheels/a.whl": "application/octet-stream",
    }
    assert get(site.url + "wheels/a.whl")[1]["Cache-Control"] == "immutable"


def test_unchanged_files_are_304_and_changed_files_are_sent(site, tmp_path):
    etag = get(site.url + "a.json")[1]["ETag"]
    status, _, body = get(site.url + "a.json", **{"If-None-Match": etag})
    assert (status, body) == (304, "")
    (tmp_path / "dist" / "a.json").write_text("a.JSON")  # the same length, and within the same second
    status, _, body = get(site.url + "a.json", **{"If-None-Match": etag})
    assert (status, body) == (200, "a.JSON")


@pytest.mark.parametrize("path", ["wheels/", "nothing.txt", "../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt"])
def test_missing_files_are_404(site, path):
    status, _, body = get(site.url + path)
    assert status == 404 and "secret" not in body.replace("secret.txt", "")


def test_paths_outside_the_prefix_are_404(site):
    assert get(site.url.removesuffix("some/path/") + "a.json")[0] == 404


def test_a_taken_port_and_a_missing_folder_are_errors(site, tmp_path):
    port = int(site.url.split(":")[2].split("/")[0])
    with pytest.raises(PygptError, match=f"Port {port} .*--port"):
        serve(tmp_path, port=port)
    with pytest.raises(PygptError, match="Port 99999"):
        serve(tmp_path, port=99999)
    with pytest.raises(PygptError, match="no folder"):
        serve(tmp_path / "nowhere")


def test_without_a_checkout_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "CHECKOUT", tmp_path)
    with pytest.raises(PygptError, match="Clone the repository"):
        module.find_site()


def test_the_headers_in_netlify_toml():
    headers = dict(read_headers(module.CHECKOUT / "netlify.toml"))["/*"]
    policy = headers["Content-Security-Policy"]
    assert "http" not in policy and "default-src 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
