"""One key, one effect: driven through the real app, with attempts that die on the way."""

import base64
import json
import threading
from typing import Any

import pytest

from emulators.faults import Fault
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.media import Index
from shared.http.call import Call
from shared.http.request import Headers, Request
from shared.http.routes import PREFIX, Route, Scope, post
from shared.store.documents import Changed
from shared.store.idempotency import REPLAYED
from tests.api.test_indexes import tenant_of
from tests.api.test_requests import Card, Note, multipart
from tests.api.world import Answer, World, answer_of


def create(world: World, key: str, name: str = "Archive", sub: str = "ada", **headers: str) -> Answer:
    return world.call("POST", "/indexes", {"name": name}, {**world.as_owner(sub), "Idempotency-Key": key, **headers})


def names(world: World, sub: str = "ada") -> list[str]:
    return [one["name"] for one in world.call("GET", "/indexes", None, world.as_owner(sub)).json]


def test_a_repeated_request_gets_the_same_answer_and_happens_once(world: World) -> None:
    first, second = create(world, "k1"), create(world, "k1")
    assert (second.status, second.body) == (first.status, first.body)
    assert REPLAYED not in first.headers and second.headers[REPLAYED] == "true"
    assert names(world) == ["Archive"]


def test_another_key_is_another_request(world: World) -> None:
    create(world, "k1")
    create(world, "k2")
    assert names(world) == ["Archive", "Archive"]


def test_the_same_key_with_another_body_is_refused(world: World) -> None:
    create(world, "k1")
    refused = create(world, "k1", name="Other")
    assert (refused.status, refused.error) == (422, "idempotency_key_reused")
    assert names(world) == ["Archive"]


def test_the_order_of_fields_and_spaces_in_the_body_do_not_make_it_another(world: World) -> None:
    headers = {**world.as_owner(), "Idempotency-Key": "k1", "Content-Type": "application/json"}
    first = world.call("POST", "/indexes", None, headers, raw=b'{"name": "A", "description": "B"}')
    second = world.call("POST", "/indexes", None, headers, raw=b'{ "description":"B","name":"A" }')
    assert second.headers[REPLAYED] == "true" and second.body == first.body


def test_one_tenants_key_means_nothing_to_another(world: World) -> None:
    mine, theirs = create(world, "k1"), create(world, "k1", sub="bob")
    assert REPLAYED not in theirs.headers
    assert theirs.json["index_id"] != mine.json["index_id"]


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb"])
def test_a_key_that_is_no_visible_ascii_is_refused(world: World, key: str) -> None:
    answer = create(world, key)
    assert (answer.status, answer.error) == (400, "invalid_idempotency_key")


def test_a_refusal_is_remembered_but_not_one_of_credentials(world: World) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert world.call("POST", "/indexes", {"name": "A"}, headers).status == 401
    weak = world.as_key("read")
    assert world.call("POST", "/indexes", {"name": "A"}, {**weak, **headers}).status == 403
    assert create(world, "k1").status == 201
    missing = {**world.as_owner(), "Idempotency-Key": "k9"}
    first = world.call("DELETE", "/prompts/prm_none", None, missing)
    again = world.call("DELETE", "/prompts/prm_none", None, missing)
    assert first.status == again.status == 404 and again.headers[REPLAYED] == "true" and again.body == first.body


def test_a_record_is_forgotten_after_three_days(world: World) -> None:
    first = create(world, "k1")
    world.clock.advance(72 * 3600 - 10)
    assert create(world, "k1").body == first.body
    world.clock.advance(20)
    later = create(world, "k1", name="Later")
    assert later.status == 201 and later.json["index_id"] != first.json["index_id"]


class Dies(BaseException):
    """The process is killed: nothing in it cleans up."""


def route(handler: Any, **more: Any) -> Route:
    return post("/notes/{note_id}", handler, body=Note, scope=Scope.WRITE, **more)


def run(world: World, one: Route, note_id: str = "n", body: dict[str, Any] | None = None) -> Answer:
    content = json.dumps(body or {}).encode()
    headers = {**world.as_owner(), "Idempotency-Key": "k", "Content-Type": "application/json"}
    request = Request("POST", f"{PREFIX}/notes/{note_id}", "", Headers(headers.items()), _io(content), len(content))
    return answer_of(world.app([one]).handle(request))


def _io(content: bytes) -> Any:
    import io

    return io.BytesIO(content)


def test_a_dead_attempt_is_taken_up_with_the_same_ids(world: World) -> None:
    ids: list[tuple[str, str, bool]] = []

    def handler(call: Call[Note], deps: Any, note_id: str) -> dict[str, Any]:
        ids.append((call.new_id("video"), call.new_id("video"), call.resumed))
        if len(ids) == 1:
            raise Dies
        return {"video_id": ids[-1][0]}

    with pytest.raises(Dies):
        run(world, route(handler))
    busy = run(world, route(handler))
    assert (busy.status, busy.error) == (409, "idempotency_in_progress")
    assert 1 <= int(busy.headers["Retry-After"]) <= 90
    world.clock.advance(91)
    assert run(world, route(handler)).status == 200
    (first, other, resumed), (again, other_again, was_resumed) = ids
    assert (first, other) == (again, other_again) and first != other
    assert (resumed, was_resumed) == (False, True)


def test_a_fault_gives_the_key_back_at_once_and_keeps_its_ids(world: World) -> None:
    ids: list[str] = []

    def handler(call: Call[Note], deps: Any, note_id: str) -> dict[str, Any]:
        ids.append(call.new_id("video"))
        if len(ids) == 1:
            raise ApiError(ErrorCode.UNAVAILABLE, "not now", retry_after=1)
        return {}

    assert run(world, route(handler)).status == 503
    assert run(world, route(handler)).status == 200
    assert ids[0] == ids[1]


def test_a_twin_waits_for_the_first_and_gets_its_answer(world: World) -> None:
    inside, go_on = threading.Event(), threading.Event()
    calls: list[int] = []

    def handler(call: Call[Note], deps: Any, note_id: str) -> dict[str, Any]:
        calls.append(1)
        inside.set()
        assert go_on.wait(10)
        return {"n": len(calls)}

    answers: list[Answer] = []
    first = threading.Thread(target=lambda: answers.append(run(world, route(handler))))
    first.start()
    assert inside.wait(10)

    def wait_for_the_first(seconds: float) -> None:
        go_on.set()
        first.join(10)

    world.kit.idempotency._sleep = wait_for_the_first
    twin = run(world, route(handler))
    assert twin.headers[REPLAYED] == "true" and twin.body == answers[0].body
    assert calls == [1]


def test_path_and_route_are_part_of_what_a_key_names(world: World) -> None:
    def handler(call: Call[Note], deps: Any, note_id: str) -> dict[str, Any]:
        return {"note_id": note_id}

    assert run(world, route(handler), "a").json == {"note_id": "a"}
    assert run(world, route(handler), "b").json == {"note_id": "b"}


def test_no_body_and_an_empty_one_are_the_same_request(world: World) -> None:
    def handler(call: Call[Note], deps: Any, note_id: str) -> dict[str, Any]:
        return {}

    headers = {**world.as_owner(), "Idempotency-Key": "k", "Content-Type": "application/json"}
    app = world.app([route(handler)])
    for content in (b"", b"{}", b"null"):
        request = Request("POST", f"{PREFIX}/notes/n", "", Headers(headers.items()), _io(content), len(content))
        assert app.handle(request).status == 200


def test_a_new_boundary_does_not_make_another_upload_but_another_content_does(world: World) -> None:
    def handler(call: Call[None], deps: Any) -> dict[str, Any]:
        return {"sha256": call.file("file").sha256}

    app = world.app([post("/cards", handler, multipart=Card, scope=Scope.WRITE)])

    def upload(content: bytes, boundary: str) -> Answer:
        body, kind = multipart(("title", None, b"t"), ("file", "a.mp4", content), boundary=boundary)
        headers = {**world.as_owner(), "Idempotency-Key": "k", "Content-Type": kind}
        return answer_of(app.handle(Request("POST", f"{PREFIX}/cards", "", Headers(headers.items()), _io(body), len(body))))

    assert upload(b"film", "one").status == 200
    assert upload(b"film", "two").headers[REPLAYED] == "true"
    assert upload(b"other", "one").error == "idempotency_key_reused"


@pytest.mark.parametrize("size", [1_000, 300_000])
def test_a_long_answer_is_replayed_byte_for_byte(world: World, size: int) -> None:
    def handler(call: Call[Note], deps: Any, note_id: str) -> dict[str, Any]:
        return {"text": "Köln " * (size // 5)}

    first, second = run(world, route(handler)), run(world, route(handler))
    assert second.headers[REPLAYED] == "true" and second.body == first.body


def test_a_new_key_shown_again_is_the_same_and_lies_sealed(world: World) -> None:
    headers = {**world.as_owner(), "Idempotency-Key": "k1"}
    first = world.call("POST", "/api-keys", {"name": "a"}, headers)
    second = world.call("POST", "/api-keys", {"name": "a"}, headers)
    assert first.status == 201 and second.body == first.body
    secret = first.json["key"]
    stored = [str(d.to_dict()) for d in world.store.db.collection_group("idempotency").stream()]
    assert stored and not any(secret in one or base64.b64encode(secret.encode()).decode()[:40] in one for one in stored)


@pytest.mark.parametrize("commit", range(1, 5))
@pytest.mark.parametrize("effect", ["fail", "fail_after"])
def test_a_key_is_made_once_however_its_creation_was_interrupted(world: World, commit: int, effect: Any) -> None:
    """The n-th commit fails, before or after it was done; the client tries again until it has an answer."""
    headers = {**world.as_owner(), "Idempotency-Key": "k1"}
    seen = 0

    original = world.faults.take

    def take(operation: str) -> Fault | None:
        nonlocal seen
        if operation == "firestore.Commit":
            seen += 1
            if seen == commit:
                return Fault(operation, effect, status=403)
        return original(operation)

    world.faults.take = take  # type: ignore[method-assign]
    for _ in range(5):
        answer = world.call("POST", "/api-keys", {"name": "a"}, headers)
        if answer.status < 500 and answer.status != 409:
            break
        world.clock.advance(91)
    assert answer.status == 201
    listed = world.call("GET", "/api-keys", None, world.as_owner()).json
    assert [key["key_id"] for key in listed] == [answer.json["key_id"]]
    assert world.call("GET", "/auth/validate", None, {"X-API-Key": answer.json["key"]}).status == 200


def lose_the_answer(world: World) -> None:
    """The next commit is carried out; its client is not told, sends it once more, and is refused."""
    world.faults.order(Fault("firestore.Commit", "fail_after", status=503))


def test_a_change_whose_answer_was_lost_on_the_way_is_no_conflict(world: World) -> None:
    index = world.store.get(Index, tenant_of(world), create(world, "k1").json["index_id"])
    assert index is not None
    for name in ("Renamed", "Renamed again"):  # the second change stands on the revision that the first one left
        lose_the_answer(world)
        batch = world.store.batch()
        batch.change(index, name=name)
        batch.commit()
        assert world.faults.pending() == []
        assert names(world) == [name] == [index.name]


def test_a_request_does_not_wait_for_itself_when_the_answer_to_its_beginning_was_lost(world: World) -> None:
    create(world, "k0")  # whatever else a first request writes is there
    lose_the_answer(world)
    began = world.clock()
    made = create(world, "k1")
    assert (made.status, world.faults.pending()) == (201, [])
    assert world.clock() - began < 1
    assert create(world, "k1").body == made.body
    assert names(world) == ["Archive", "Archive"]


def test_two_changes_of_one_reading_are_still_a_conflict(world: World) -> None:
    tenant, index_id = tenant_of(world), create(world, "k1").json["index_id"]
    first, second = (world.store.get(Index, tenant, index_id) for _ in range(2))
    assert first is not None and second is not None
    for index in (first, second):
        batch = world.store.batch()
        batch.change(index, name="Ours")
        if index is first:
            batch.commit()
        else:
            with pytest.raises(Changed):
                batch.commit()
