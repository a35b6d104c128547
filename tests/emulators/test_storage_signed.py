"""V4 signed URLs as Google's client makes them, used as browsers use them."""

import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from google.cloud.storage import Blob

from emulators.faults import Fault
from tests.emulators.storage_world import World, a_world

MIB = 1 << 20
PAGE = "https://app.example"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as made:
        made.bucket.cors = [
            {
                "origin": [PAGE],
                "method": ["GET", "PUT", "POST"],
                "responseHeader": ["Content-Type", "x-goog-resumable", "x-goog-meta-*"],
                "maxAgeSeconds": 600,
            }
        ]
        made.bucket.patch()
        yield made


@pytest.fixture
def blob(world: World, request: pytest.FixtureRequest) -> Blob:
    return world.bucket.blob(f"{request.node.name}/ä b+c%2Fd~e&f=g/")


def signed(blob: Blob, method: str = "GET", **more: object) -> str:
    return blob.generate_signed_url(version="v4", expiration=more.pop("expiration", HOUR), method=method, **more)


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


def test_a_signed_get_answers_the_object(blob):
    blob.metadata = {"camera": "7"}
    blob.upload_from_string(b"hello", content_type="text/plain")
    answer = requests.get(signed(blob), timeout=5)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"hello", "text/plain")
    assert answer.headers["etag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert answer.headers["x-goog-generation"] == str(blob.generation)
    assert answer.headers["x-goog-meta-camera"] == "7" and answer.headers["accept-ranges"] == "bytes"


def test_what_the_answer_says_of_itself_can_be_signed(blob):
    blob.upload_from_string(b"x", content_type="video/mp4")
    disposition = 'attachment; filename="my film.mp4"'
    url = signed(blob, response_disposition=disposition, response_type="application/octet-stream")
    headers = requests.get(url, timeout=5).headers
    assert headers["content-disposition"] == disposition
    assert headers["content-type"] == "application/octet-stream"


def test_a_player_seeks_with_ranges(blob):
    content = os.urandom(100_000)
    blob.upload_from_string(content)
    url = signed(blob)
    middle = requests.get(url, headers={"Range": "bytes=500-999"}, timeout=5)
    assert (middle.status_code, middle.content) == (206, content[500:1000])
    assert middle.headers["content-range"] == "bytes 500-999/100000"
    assert requests.get(url, headers={"Range": "bytes=-100"}, timeout=5).content == content[-100:]
    beyond = requests.get(url, headers={"Range": "bytes=100000-"}, timeout=5)
    assert refusal(beyond) == (416, "InvalidRange")
    stale = requests.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'}, timeout=5)
    assert (stale.status_code, len(stale.content)) == (200, 100_000)
    fresh = requests.get(url, headers={"If-None-Match": middle.headers["etag"]}, timeout=5)
    assert (fresh.status_code, fresh.content) == (304, b"")


def test_a_signed_head_tells_the_size_without_the_bytes(blob):
    blob.upload_from_string(b"hello")
    answer = requests.head(signed(blob, "HEAD"), timeout=5)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "5", b"")


def test_a_signed_put_stores_bytes_type_and_metadata(blob):
    headers = {"x-goog-meta-camera": "7"}
    url = signed(blob, "PUT", content_type="video/mp4", headers=headers)
    content = os.urandom(3 * MIB)
    answer = requests.put(url, data=content, headers={**headers, "Content-Type": "video/mp4"}, timeout=5)
    assert answer.status_code == 200 and answer.headers["x-goog-hash"].startswith("crc32c=")
    stored = blob.bucket.get_blob(blob.name)
    assert (stored.content_type, stored.metadata, stored.download_as_bytes()) == (
        "video/mp4",
        {"camera": "7"},
        content,
    )


def test_a_signed_delete_deletes(blob):
    blob.upload_from_string(b"x")
    assert requests.delete(signed(blob, "DELETE"), timeout=5).status_code == 204
    assert not blob.exists()


def test_a_signed_start_opens_a_session_that_needs_no_signature(blob):
    url = signed(blob, "RESUMABLE", content_type="video/mp4")
    start = {"x-goog-resumable": "start", "Content-Type": "video/mp4"}
    opened = requests.post(url, headers=start, timeout=5)
    assert opened.status_code == 201
    session, content = opened.headers["location"], os.urandom(MIB)
    half = {"Content-Range": f"bytes 0-{MIB // 2 - 1}/{MIB}"}
    assert requests.put(session, data=content[: MIB // 2], headers=half, timeout=5).status_code == 308
    rest = {"Content-Range": f"bytes {MIB // 2}-{MIB - 1}/{MIB}"}
    done = requests.put(session, data=content[MIB // 2 :], headers=rest, timeout=5)
    assert done.status_code == 200 and "x-goog-generation" in done.headers
    assert blob.download_as_bytes() == content and blob.bucket.get_blob(blob.name).content_type == "video/mp4"


def test_a_session_id_nobody_was_given_opens_nothing(world, blob):
    url = f"{world.url}{blob.public_url.partition('googleapis.com')[2]}?upload_id=guessed"
    assert requests.put(url, data=b"x", timeout=5).status_code == 404 and not blob.exists()


def test_a_size_range_that_was_signed_is_kept(blob):
    limits = {"x-goog-content-length-range": "2,1000"}
    url = signed(blob, "PUT", headers=limits)
    assert refusal(requests.put(url, data=b"x", headers=limits, timeout=5)) == (400, "EntityTooSmall")
    assert refusal(requests.put(url, data=bytes(1001), headers=limits, timeout=5)) == (400, "EntityTooLarge")
    assert not blob.exists()
    assert requests.put(url, data=bytes(1000), headers=limits, timeout=5).status_code == 200


def test_a_size_range_holds_for_a_session_too(blob):
    limits = {"x-goog-content-length-range": "0,1000"}
    url = signed(blob, "RESUMABLE", headers=limits)
    opened = requests.post(url, headers={"x-goog-resumable": "start", **limits}, timeout=5)
    over = requests.put(opened.headers["location"], data=bytes(MIB), timeout=5)
    assert refusal(over) == (400, "EntityTooLarge") and not blob.exists()


def test_create_only_can_be_signed(blob):
    once = {"x-goog-if-generation-match": "0"}
    url = signed(blob, "PUT", headers=once)
    assert requests.put(url, data=b"one", headers=once, timeout=5).status_code == 200
    assert refusal(requests.put(url, data=b"two", headers=once, timeout=5)) == (412, "PreconditionFailed")
    assert blob.download_as_bytes() == b"one"


def test_a_signed_payload_hash_must_be_the_bodys(blob):
    promised = {"x-goog-content-sha256": hashlib.sha256(b"hello").hexdigest()}
    url = signed(blob, "PUT", headers=promised)
    assert requests.put(url, data=b"other", headers=promised, timeout=5).status_code == 400 and not blob.exists()
    assert requests.put(url, data=b"hello", headers=promised, timeout=5).status_code == 200


def test_a_declared_md5_must_be_the_bodys(blob):
    url = signed(blob, "PUT")
    wrong = {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    assert refusal(requests.put(url, data=b"hello", headers=wrong, timeout=5)) == (400, "BadDigest")
    assert not blob.exists()


def tampered(url: str, change: str) -> str:
    other = url.replace("/originals/", "/originals/x")
    longer = url.replace("X-Goog-Expires=3600", "X-Goog-Expires=36000")
    signature = url.replace("X-Goog-Signature=", "X-Goog-Signature=00")
    flipped = url[:-1] + ("0" if url[-1] != "0" else "1")
    signer = url.replace("media%40", "other%40")
    extra = url + "&response-content-type=text/html"
    choices = {"object": other, "expiry": longer, "longer": signature, "signature": flipped}
    return {**choices, "signer": signer, "parameter": extra}[change]


@pytest.mark.parametrize("change", ["object", "expiry", "longer", "signature", "signer", "parameter"])
def test_a_tampered_url_is_refused(blob, change):
    blob.upload_from_string(b"secret")
    answer = requests.get(tampered(signed(blob), change), timeout=5)
    assert refusal(answer) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Goog-Date=20", "X-Goog-Date=x0"),
        ("X-Goog-Expires=3600", "X-Goog-Expires=604801"),
        ("X-Goog-Expires=3600", "X-Goog-Expires=soon"),
        ("GOOG4-RSA-SHA256", "none"),
        ("goog4_request", "aws4_request"),
        ("X-Goog-SignedHeaders=host", "X-Goog-SignedHeaders=range"),
        ("X-Goog-Signature=", "X-Goog-Signature=zz"),
    ],
)
def test_a_malformed_signature_is_refused_as_such(blob, old, new):
    url = signed(blob)
    assert old in url
    assert refusal(requests.get(url.replace(old, new), timeout=5)) == (400, "MalformedSecurityHeader")


def test_a_url_for_one_method_is_not_good_for_another(blob):
    blob.upload_from_string(b"kept")
    for method in ("PUT", "DELETE", "HEAD"):
        assert requests.request(method, signed(blob), timeout=5).status_code == 403
    assert blob.download_as_bytes() == b"kept"


def test_headers_must_be_sent_as_signed_and_signed_if_they_are_the_services_own(blob):
    url = signed(blob, "PUT", content_type="video/mp4")
    other = requests.put(url, data=b"x", headers={"Content-Type": "text/html"}, timeout=5)
    assert refusal(other) == (403, "SignatureDoesNotMatch")
    assert refusal(requests.put(url, data=b"", timeout=5)) == (400, "MalformedSecurityHeader")
    extra = {"Content-Type": "video/mp4", "x-goog-meta-role": "owner"}
    assert refusal(requests.put(url, data=b"x", headers=extra, timeout=5)) == (400, "MalformedSecurityHeader")
    assert not blob.exists()


def test_no_signature_is_no_access(world, blob):
    blob.upload_from_string(b"secret")
    bare = signed(blob).partition("?")[0]
    for headers in ({}, {"Authorization": "Bearer anything"}):
        assert refusal(requests.get(bare, headers=headers, timeout=5)) == (403, "AccessDenied")
    assert refusal(requests.put(bare, data=b"x", timeout=5)) == (403, "AccessDenied")


def test_a_url_dies_at_its_expiry():
    with a_world() as world:
        blob = world.bucket.blob("film.mp4")
        blob.upload_from_string(b"x")
        url = signed(blob, expiration=timedelta(minutes=15))
        world.clock.advance(14 * 60)
        assert requests.get(url, timeout=5).status_code == 200
        world.clock.advance(61)
        assert refusal(requests.get(url, timeout=5)) == (400, "ExpiredToken")


def test_a_missing_object_is_missing_to_its_signer_only(blob):
    assert refusal(requests.get(signed(blob), timeout=5)) == (404, "NoSuchKey")
    assert requests.get(signed(blob).partition("?")[0], timeout=5).status_code == 403


def test_a_preflight_is_answered_by_the_buckets_rules(blob):
    url = signed(blob, "PUT")

    def ask(**changes: str) -> requests.Response:
        asked = {
            "Origin": PAGE,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type,x-goog-meta-camera",
        }
        return requests.options(url, headers={**asked, **changes}, timeout=5)

    allowed = ask().headers
    assert allowed["access-control-allow-origin"] == PAGE and allowed["access-control-max-age"] == "600"
    assert "PUT" in allowed["access-control-allow-methods"]
    assert allowed["access-control-allow-headers"] == "content-type,x-goog-meta-camera"
    for change in (
        {"Origin": "https://evil.example"},
        {"Access-Control-Request-Method": "DELETE"},
        {"Access-Control-Request-Headers": "x-evil"},
    ):
        assert "access-control-allow-origin" not in ask(**change).headers


def test_a_page_may_read_answers_and_refusals_where_the_rules_allow(blob):
    blob.upload_from_string(b"x")
    for url, status in ((signed(blob), 200), (tampered(signed(blob), "signature"), 403)):
        answer = requests.get(url, headers={"Origin": PAGE}, timeout=5)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, PAGE)
        other = requests.get(url, headers={"Origin": "https://evil.example"}, timeout=5)
        assert "access-control-allow-origin" not in other.headers


def test_a_session_serves_the_origin_that_its_start_named(blob):
    session = blob.create_resumable_upload_session(origin=PAGE)
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "PUT"}
    assert requests.options(session, headers=asked, timeout=5).headers["access-control-allow-origin"] == PAGE
    other = requests.options(session, headers={**asked, "Origin": "https://evil.example"}, timeout=5)
    assert "access-control-allow-origin" not in other.headers
    done = requests.put(session, data=b"x", headers={"Origin": PAGE}, timeout=5)
    assert (done.status_code, done.headers["access-control-allow-origin"]) == (200, PAGE)


def test_an_ordered_failure_is_told_in_xml(world, blob):
    blob.upload_from_string(b"x")
    world.faults.order(Fault("storage.objects.read", status=503))
    url = signed(blob)
    assert refusal(requests.get(url, timeout=5)) == (503, "InternalError")
    assert requests.get(url, timeout=5).content == b"x"
