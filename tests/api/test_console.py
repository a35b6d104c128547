"""How the console's files are served: whole, packed, guarded, and to everybody, for they hold nothing of anybody."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest

from functions.api.console import static
from functions.api.console.handlers import Deps, connect, content
from shared.config import Settings
from shared.http.request import Headers, Request, Response
from tests.api.world import World, answer_of

FOLDER = Path(static.__file__).parent
FILES = sorted(file.name for file in FOLDER.iterdir() if file.suffix in (".js", ".css"))


def fetch(world: World, path: str, **headers: str) -> Response:
    sent = Headers([(name.replace("_", "-"), value) for name, value in headers.items()])
    return world.apps["console"].handle(Request("GET", path, "", sent))


def tag(name: str, deps: Deps) -> str:
    return content(name, False, deps.policy)[1]


def test_the_page_names_only_files_that_are_served(world: World) -> None:
    page = fetch(world, "/console")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    named = re.findall(rb'(?:href|src)="(console/[^"]+)"', page.body)
    assert len(named) > 5
    for one in named:
        assert fetch(world, "/" + one.decode()).status == 200


@pytest.mark.parametrize("name", [name for name in FILES if name != "preact-htm.js"])
def test_a_module_imports_only_what_is_served_and_makes_no_markup_of_text(name: str) -> None:
    source = (FOLDER / name).read_text()
    assert set(re.findall(r'(?:from|import\()\s*"\./([^"]+)"', source)) <= set(FILES)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|dangerouslySet", source)
    assert not re.search(r"https?://(?!example\.com)", source)
    assert len(source.splitlines()) <= 300


def test_the_policy_allows_no_code_but_ours_and_no_place_but_the_object_store(world: World) -> None:
    policy = fetch(world, "/console").headers["Content-Security-Policy"]
    rules = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"].split()[:1] == ["'self'"] and "unsafe" not in policy and "*" not in policy
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"


@pytest.mark.parametrize(
    ("emulator", "origin"),
    [
        ("", "https://storage.googleapis.com"),
        ("http://127.0.0.1:9199", "http://127.0.0.1:9199"),
        ("localhost:9", "http://localhost:9"),
    ],
)
def test_the_object_store_is_where_signed_addresses_lead(emulator: str, origin: str) -> None:
    policy = connect(Settings(project_id="p", storage_emulator_host=emulator)).policy
    assert f"connect-src 'self' {origin};" in policy


def test_a_file_that_is_known_is_not_sent_again(world: World) -> None:
    first = fetch(world, "/console", Accept_Encoding="gzip")
    assert gzip.decompress(first.body) == (FOLDER / "page.html").read_bytes()
    again = fetch(world, "/console", Accept_Encoding="gzip", If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


def test_a_file_under_another_policy_is_another_one() -> None:
    here, there = (connect(Settings(project_id="p", storage_emulator_host=one)) for one in ("http://here", "http://there"))
    assert tag("page.html", here) != tag("page.html", there)


@pytest.mark.parametrize(
    "path", ["/console/nothing.js", "/console/%2e%2e%2fhandlers.py", "/console/__init__.py", "/console/page.html"]
)
def test_nothing_else_of_the_folder_is_served(world: World, path: str) -> None:
    answer = answer_of(fetch(world, path))
    assert answer.status == 404 and answer.json["error"]["code"] == "route_not_found"


def test_the_library_that_came_from_elsewhere_is_the_one_its_notice_names() -> None:
    library = (FOLDER / "preact-htm.js").read_bytes()
    notice = (FOLDER / "preact-htm-LICENSES.txt").read_text()
    assert hashlib.sha256(library).hexdigest() in notice and "MIT License" in notice and "Apache License" in notice
    assert len(gzip.compress(library)) < 20_000
