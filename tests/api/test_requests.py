"""The kit's way of a request, driven by a family of the test's own."""

import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, Field

from shared.http.call import Call, Reply
from shared.http.request import Headers, Request, Response
from shared.http.routes import PREFIX, Route, Router, Scope, get, post
from tests.api.world import Answer, World, answer_of


class Note(BaseModel):
    text: str = "empty"
    stars: int = Field(0, ge=0, le=5)


class Search(BaseModel):
    tag: list[str] = []
    loud: bool = False
    limit: int = 10


class Card(BaseModel):
    title: str
    tag: list[str] = []


def echo(call: Call[Note], deps: Any) -> dict[str, Any]:
    return call.body.model_dump()


def query(call: Call[None], deps: Any) -> dict[str, Any]:
    return call.query.model_dump()


def parts(call: Call[None], deps: Any) -> dict[str, Any]:
    part = call.file("file")
    return {"title": call.form.title, "tag": call.form.tag, "name": part.filename, "size": part.size, "sha256": part.sha256}


def one(call: Call[None], deps: Any, note_id: str) -> dict[str, Any]:
    return {"note_id": note_id}


def fail(call: Call[None], deps: Any) -> dict[str, Any]:
    raise RuntimeError("a secret detail")


def stream(call: Call[None], deps: Any) -> Response:
    def chunks() -> Iterator[bytes]:
        yield b"a"
        yield b"b"

    return Response(200, {"Content-Type": "text/plain"}, chunks())


ROUTES = [
    post("/notes", echo, body=Note, scope=Scope.PUBLIC, status=201),
    get("/notes", query, query=Search, scope=Scope.PUBLIC),
    post("/notes/card", parts, multipart=Card, scope=Scope.PUBLIC),
    get("/notes/{note_id}", one, scope=Scope.PUBLIC),
    get("/broken", fail, scope=Scope.PUBLIC),
    get("/stream", stream, scope=Scope.PUBLIC),
    get("/moved", lambda call, deps: Reply({"at": "x"}, 202, {"Location": "/x"}), scope=Scope.PUBLIC),
]


def send(world: World, method: str, path: str, content: bytes = b"", query_string: str = "", **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    body = io.BytesIO(content)
    length = len(content) if content else None
    request = Request(method, PREFIX + path, query_string, Headers(names.items()), body, length)
    return answer_of(world.app(ROUTES).handle(request))


def multipart(*parts: tuple[str, str | None, bytes], boundary: str = "b0und") -> tuple[bytes, str]:
    out = b""
    for name, filename, content in parts:
        file = f'; filename="{filename}"\r\nContent-Type: video/mp4' if filename else ""
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
    return out + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def test_a_post_without_body_and_content_type_is_one_of_an_empty_object(world: World) -> None:
    for content in (b"", b"{}", b"null", b"  \n"):
        answer = send(world, "POST", "/notes", content)
        assert (answer.status, answer.json) == (201, {"text": "empty", "stars": 0})


@pytest.mark.parametrize(
    "content",
    [b"{", b"{'a': 1}", b'{"stars": NaN}', b'{"stars": 1e999}', b"\xff\xfe\xfa", b'{"text": "\\ud800"}', b"[" * 100_000],
    ids=["cut", "quotes", "nan", "huge", "bytes", "surrogate", "deep"],
)
def test_what_is_no_json_is_a_400(world: World, content: bytes) -> None:
    answer = send(world, "POST", "/notes", content, Content_Type="application/json")
    assert (answer.status, answer.error) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (b'{"text": "a\\u0000b"}', "text"),
        (b'{"text": "a", "other": [{"deep": ["\\u0000"]}]}', "other.0.deep.0"),
        (b'{"te\\u0000xt": "a"}', "body"),
        (b'"\\u0000"', "body"),
    ],
)
def test_a_nul_character_in_a_body_is_refused_by_its_place(world: World, sent: bytes, field: str) -> None:
    answer = send(world, "POST", "/notes", sent)
    assert (answer.status, answer.error) == (422, "validation_failed")
    assert [fault["field"] for fault in answer.json["error"]["details"]["errors"]] == [field]


def test_a_nul_character_in_a_query_a_form_or_a_files_name_is_refused_too(world: World) -> None:
    for query_string in ("tag=%00", "tag=a&tag=%00&tag=b", "x%00=1"):
        assert send(world, "GET", "/notes", query_string=query_string).status == 422
    body, kind = multipart(("title", None, b"a\0b"), ("file", "a.mp4", b"x"))
    assert send(world, "POST", "/notes/card", body, Content_Type=kind).status == 422


def test_a_backslash_before_u0000_is_no_nul_character(world: World) -> None:
    assert send(world, "POST", "/notes", rb'{"text": "\\u0000"}').json["text"] == r"\u0000"


def test_a_body_that_is_json_but_no_object_names_the_body(world: World) -> None:
    answer = send(world, "POST", "/notes", b"[1]", Content_Type="application/json")
    assert answer.status == 422
    assert answer.json["error"]["details"]["errors"][0]["field"] == "body"


def test_fields_nobody_knows_are_ignored_and_a_repeated_one_counts_last(world: World) -> None:
    answer = send(
        world, "POST", "/notes", b'{"text": "a", "text": "b", "new": {}}', Content_Type="application/json; charset=UTF-8"
    )
    assert answer.json["text"] == "b"


def test_the_body_is_read_in_the_charset_it_names(world: World) -> None:
    content = json.dumps({"text": "Köln"}, ensure_ascii=False).encode("latin-1")
    assert send(world, "POST", "/notes", content, Content_Type="application/json; charset=latin-1").json["text"] == "Köln"
    assert send(world, "POST", "/notes", content, Content_Type="application/json; charset=klingon").status == 415
    for exotic in ("undefined", "punycode", "idna", "unicode_escape"):
        assert send(world, "POST", "/notes", b"{}", Content_Type=f"application/json; charset={exotic}").status == 415


def test_a_form_is_not_taken_for_json(world: World) -> None:
    answer = send(world, "POST", "/notes", b"text=a", Content_Type="application/x-www-form-urlencoded")
    assert (answer.status, answer.error) == (415, "unsupported_media_type")


def test_a_body_above_the_limit_is_refused_with_and_without_a_stated_length(world: World) -> None:
    content = b'{"text": "' + b"a" * 1_100_000 + b'"}'
    assert send(world, "POST", "/notes", content, Content_Type="application/json").error == "payload_too_large"
    unstated = Request("POST", f"{PREFIX}/notes", body=io.BytesIO(content))
    assert answer_of(world.app(ROUTES).handle(unstated)).status == 413


def test_query_values_are_typed_and_repeated_ones_make_a_list(world: World) -> None:
    answer = send(world, "GET", "/notes", query_string="tag=a&tag=b%26c&loud=true&limit=3&unknown=1")
    assert answer.json == {"tag": ["a", "b&c"], "loud": True, "limit": 3}


@pytest.mark.parametrize("query_string", ["loud=perhaps", "limit=many", "limit=", "limit=1.5"])
def test_a_query_value_of_the_wrong_type_is_a_422(world: World, query_string: str) -> None:
    answer = send(world, "GET", "/notes", query_string=query_string)
    assert answer.status == 422
    assert answer.json["error"]["details"]["errors"][0]["field"] == query_string.split("=")[0]


def test_a_file_and_its_fields_arrive_as_sent(world: World) -> None:
    film = bytes(range(256)) * 6_000
    content, kind = multipart(("title", None, "Köln".encode()), ("tag", None, b"a"), ("tag", None, b"b"), ("file", "a.mp4", film))
    answer = send(world, "POST", "/notes/card", content, Content_Type=kind)
    expected = {"title": "Köln", "tag": ["a", "b"], "name": "a.mp4", "size": len(film)}
    assert answer.json == {**expected, "sha256": hashlib.sha256(film).hexdigest()}


def test_a_file_above_the_limit_names_the_way_for_large_ones(world: World) -> None:
    content, kind = multipart(("title", None, b"t"), ("file", "a.mp4", b"x" * 3_000_000))
    for length in (len(content), None):
        request = Request("POST", f"{PREFIX}/notes/card", "", Headers([("Content-Type", kind)]), io.BytesIO(content), length)
        answer = answer_of(world.app(ROUTES).handle(request))
        assert (answer.status, answer.error) == (413, "payload_too_large")
        assert "upload-session" in answer.json["error"]["message"]


def test_broken_multipart_is_a_4xx_and_names_what_is_missing(world: World) -> None:
    content, kind = multipart(("title", None, b"t"))
    missing = send(world, "POST", "/notes/card", content, Content_Type=kind)
    assert missing.status == 422 and missing.json["error"]["details"]["errors"][0]["field"] == "file"
    assert send(world, "POST", "/notes/card", content, Content_Type="multipart/form-data").status == 400
    assert send(world, "POST", "/notes/card", b"{}", Content_Type="application/json").status == 415
    assert send(world, "POST", "/notes/card", b"garbage", Content_Type=kind).status in (400, 422)
    many, kind = multipart(*[("title", None, b"t")] * 500)
    assert send(world, "POST", "/notes/card", many, Content_Type=kind).status == 413


def test_an_unknown_path_is_a_404_in_the_envelope(world: World) -> None:
    for path in ("/nothing", "/notes/", "/notes/a/b", "//notes", ""):
        answer = send(world, "GET", path)
        assert (answer.status, answer.error) == (404, "route_not_found")
    outside = answer_of(world.app(ROUTES).handle(Request("GET", "/notes")))
    assert outside.status == 404


def test_a_wrong_method_is_a_405_that_names_the_right_ones(world: World) -> None:
    for method in ("DELETE", "TRACE", "BREW"):
        answer = send(world, method, "/notes")
        assert (answer.status, answer.error) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_literal_segment_wins_over_a_parameter_whatever_the_method(world: World) -> None:
    assert send(world, "GET", "/notes/card").status == 405
    assert send(world, "GET", "/notes/cards").json == {"note_id": "cards"}


def test_an_encoded_slash_stays_inside_its_segment(world: World) -> None:
    assert send(world, "GET", "/notes/a%2Fb%20c").json == {"note_id": "a/b c"}


def test_head_is_get_without_a_body_and_options_tells_a_browser_what_it_may(world: World) -> None:
    head = send(world, "HEAD", "/notes")
    assert (head.status, head.body) == (200, b"")
    options = send(world, "OPTIONS", "/notes")
    assert options.status == 200 and options.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert "Idempotency-Key" in options.headers["Access-Control-Allow-Headers"]
    assert options.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in options.headers


def test_a_sane_request_id_comes_back_and_another_is_replaced(world: World) -> None:
    assert send(world, "GET", "/notes", X_Request_Id="trace-1").headers["X-Request-Id"] == "trace-1"
    for bad in ("a b", "x" * 200, "a\nb", "<script>"):
        assert send(world, "GET", "/notes", X_Request_Id=bad).headers["X-Request-Id"].startswith("req_")


def test_a_fault_of_ours_is_a_500_that_tells_nothing_but_its_request(world: World, capsys: pytest.CaptureFixture) -> None:
    answer = send(world, "GET", "/broken", X_Request_Id="trace-2")
    assert (answer.status, answer.error) == (500, "internal")
    assert b"secret" not in answer.body and b"RuntimeError" not in answer.body
    assert answer.json["error"]["request_id"] == "trace-2"
    assert "trace-2" in capsys.readouterr().err


def test_every_answer_forbids_caching_and_sniffing(world: World) -> None:
    for path in ("/notes", "/nothing", "/broken"):
        answer = send(world, "GET", path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_handler_may_stream_or_choose_status_and_headers(world: World) -> None:
    assert send(world, "GET", "/stream").body == b"ab"
    moved = send(world, "GET", "/moved")
    assert (moved.status, moved.headers["Location"]) == (202, "/x")


def test_one_line_is_logged_for_a_request_and_says_neither_body_nor_query(world: World, capsys: pytest.CaptureFixture) -> None:
    send(world, "GET", "/notes", query_string="tag=canary")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == 1
    assert (lines[0]["route"], lines[0]["status"], lines[0]["severity"]) == ("/notes", 200, "INFO")
    assert "canary" not in json.dumps(lines)


def test_two_routes_at_one_place_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="two routes"):
        Router([get("/a/{x}", one, scope=Scope.READ), get("/a/{y}", one, scope=Scope.READ)])


def test_changing_methods_take_idempotency_keys_unless_a_route_says_no() -> None:
    def route(make: Any, **more: Any) -> Route:
        return make("/a", one, scope=Scope.WRITE, **more)

    assert route(post).idempotent and not route(get).idempotent and not route(post, idempotent=False).idempotent
