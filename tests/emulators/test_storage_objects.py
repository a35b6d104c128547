"""Objects by the JSON API, through Google's client."""

import base64
import hashlib
import io
import os
from collections.abc import Iterator

import pytest
import requests
from google.api_core import exceptions
from google.cloud.storage import Blob

from emulators.faults import Fault
from tests.emulators.storage_world import World, a_world

MIB = 1 << 20


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as made:
        yield made


@pytest.fixture
def blob(world: World, request: pytest.FixtureRequest) -> Blob:
    """A name of the test's own, with characters that paths stumble over."""
    return world.bucket.blob(f"{request.node.name}/ä b+c%2Fd?e#f")


def test_a_small_upload_comes_back_with_its_sums_and_headers(blob):
    blob.metadata = {"camera": "7"}
    blob.cache_control, blob.content_disposition = "no-store", 'attachment; filename="x.txt"'
    blob.upload_from_string(b"hello", content_type="text/x-note")
    again = blob.bucket.get_blob(blob.name)
    assert (again.size, again.content_type, again.metadata) == (5, "text/x-note", {"camera": "7"})
    assert (again.cache_control, again.content_disposition) == ("no-store", 'attachment; filename="x.txt"')
    assert again.md5_hash == base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    assert (again.generation, again.metageneration) == (blob.generation, 1)
    assert again.download_as_bytes() == b"hello"


@pytest.mark.parametrize("checksum", ["md5", "crc32c", None])
def test_a_resumable_upload_in_chunks_is_one_object(blob, checksum):
    content = os.urandom(3 * MIB + 12_345)
    blob.chunk_size = 256 * 1024
    blob.upload_from_file(io.BytesIO(content), checksum=checksum)
    assert (blob.size, blob.download_as_bytes()) == (len(content), content)


def test_an_upload_of_unknown_length_ends_where_the_stream_ends(blob):
    content = os.urandom(MIB)
    blob.chunk_size = 256 * 1024
    with blob.open("wb", chunk_size=256 * 1024) as file:
        file.write(content)
    assert blob.download_as_bytes() == content


def test_a_file_goes_up_and_comes_down(blob, tmp_path):
    source, copy = tmp_path / "in.bin", tmp_path / "out.bin"
    source.write_bytes(os.urandom(2 * MIB))
    blob.upload_from_filename(str(source))
    blob.download_to_filename(str(copy))
    assert copy.read_bytes() == source.read_bytes()


def test_an_empty_object_is_an_object(blob):
    blob.upload_from_string(b"")
    assert blob.bucket.get_blob(blob.name).size == 0 and blob.download_as_bytes() == b""


def test_ranges_answer_just_those_bytes(blob):
    content = bytes(range(256)) * 64
    blob.upload_from_string(content)
    assert blob.download_as_bytes(start=100, end=199) == content[100:200]
    assert blob.download_as_bytes(start=16_000) == content[16_000:]
    assert blob.download_as_bytes(start=-10) == content[-10:]
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=len(content))


def test_a_ranged_reader_seeks(blob):
    content = os.urandom(MIB)
    blob.upload_from_string(content)
    with blob.open("rb", chunk_size=64 * 1024) as file:
        file.seek(700_000)
        assert file.read(1000) == content[700_000:701_000]
        file.seek(10)
        assert file.read(10) == content[10:20]
        file.seek(-5, os.SEEK_END)
        assert (file.read(), file.read()) == (content[-5:], b"")


def test_the_start_of_a_download_survives_an_overwrite(world, blob):
    blob.upload_from_string(b"a" * (24 * MIB))
    url = f"{world.url}/storage/v1/b/{blob.bucket.name}/o/{requests.utils.quote(blob.name, safe='')}?alt=media"
    with requests.get(url, stream=True, timeout=10) as answer:
        first = next(answer.iter_content(1000))
        blob.upload_from_string(b"b")
        rest = b"".join(answer.iter_content(MIB))
    assert set(first + rest) == {ord("a")} and len(first + rest) == 24 * MIB


def test_a_wrong_sum_leaves_no_object(world, blob):
    url = f"{world.url}/upload/storage/v1/b/{blob.bucket.name}/o"
    query = {"uploadType": "media", "name": blob.name}
    wrong = {"X-Goog-Hash": "crc32c=AAAAAA=="}
    refused = requests.post(url, params=query, data=b"hello", headers=wrong, timeout=5)
    assert refused.status_code == 400 and not blob.exists()
    right = {"X-Goog-Hash": "crc32c=mnG7TA==,md5=XUFAKrxLKna5cZ2REBfFkg=="}
    assert requests.post(url, params=query, data=b"hello", headers=right, timeout=5).status_code == 200


def test_a_wrong_sum_in_the_metadata_leaves_no_object(blob):
    blob.md5_hash = base64.b64encode(bytes(16)).decode()
    with pytest.raises(exceptions.BadRequest):
        blob.upload_from_string(b"hello", checksum=None)
    assert not blob.exists()


def test_generation_zero_means_create_only(blob):
    blob.upload_from_string(b"one", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string(b"two", if_generation_match=0)
    assert blob.download_as_bytes() == b"one"


def test_a_resumable_upload_is_refused_at_its_start_and_at_its_end(world, blob):
    session = blob.create_resumable_upload_session(if_generation_match=0)
    blob.upload_from_string(b"first")
    with pytest.raises(exceptions.PreconditionFailed):
        blob.create_resumable_upload_session(if_generation_match=0)
    assert requests.put(session, data=b"late", timeout=5).status_code == 412
    assert blob.download_as_bytes() == b"first"


def test_reads_writes_and_deletes_keep_to_the_generation_asked_for(blob):
    blob.upload_from_string(b"one")
    old = blob.generation
    blob.upload_from_string(b"two")
    assert blob.generation > old
    with pytest.raises(exceptions.NotFound):
        blob.bucket.blob(blob.name, generation=old).download_as_bytes()
    with pytest.raises(exceptions.PreconditionFailed):
        blob.delete(if_generation_match=old)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.bucket.get_blob(blob.name, if_generation_match=old)
    with pytest.raises(exceptions.NotModified):
        blob.reload(if_generation_not_match=blob.generation)
    blob.delete(if_generation_match=blob.generation)
    assert not blob.exists()


def test_a_metadata_patch_counts_metagenerations_and_merges_keys(blob):
    blob.metadata = {"a": "1", "b": "2"}
    blob.upload_from_string(b"x")
    blob.metadata = {"a": None, "c": "3"}
    blob.patch(if_metageneration_match=1)
    again = blob.bucket.get_blob(blob.name)
    assert (again.metadata, again.metageneration) == ({"b": "2", "c": "3"}, 2)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.patch(if_metageneration_match=1)


def test_composed_objects_are_joined_in_order_and_count_their_parts(blob):
    parts = [blob.bucket.blob(f"{blob.name}/{n}") for n in range(3)]
    for n, part in enumerate(parts):
        part.upload_from_string(bytes([65 + n]) * 1000)
    blob.content_type = "text/plain"
    blob.compose(parts)
    assert blob.download_as_bytes(checksum="crc32c") == b"A" * 1000 + b"B" * 1000 + b"C" * 1000
    assert (blob.component_count, blob.md5_hash, blob.content_type) == (3, None, "text/plain")


def test_a_copy_outlives_its_source(blob):
    blob.metadata = {"kept": "yes"}
    blob.upload_from_string(b"same", content_type="text/plain")
    copy = blob.bucket.copy_blob(blob, blob.bucket, f"{blob.name}.copy")
    blob.delete()
    assert copy.download_as_bytes() == b"same"
    copy.reload()
    assert (copy.metadata, copy.content_type) == ({"kept": "yes"}, "text/plain")


def test_a_rewrite_goes_on_with_its_token_until_done(world, blob):
    blob.upload_from_string(os.urandom(2 * MIB + 1))
    target = blob.bucket.blob(f"{blob.name}.rewritten")
    path = f"{blob.path}/rewriteTo{target.path}"
    steps, token = [], None
    while not steps or not steps[-1]["done"]:
        query = {"maxBytesRewrittenPerCall": MIB, **({"rewriteToken": token} if token else {})}
        steps.append(requests.post(f"{world.url}/storage/v1{path}", params=query, timeout=5).json())
        token = steps[-1].get("rewriteToken")
    assert [int(step["totalBytesRewritten"]) for step in steps] == [MIB, 2 * MIB, 2 * MIB + 1]
    assert target.download_as_bytes() == blob.download_as_bytes()


def test_googles_client_rewrites_in_one_call(blob):
    blob.upload_from_string(b"x")
    target = blob.bucket.blob(f"{blob.name}.rewritten")
    assert target.rewrite(blob) == (None, 1, 1)


@pytest.fixture(scope="module")
def tree(world: World):
    bucket = world.client.create_bucket("a-tree-of-names")
    for name in ("a/1.mp4", "a/2.mp4", "a/b/3.txt", "a/é.mp4", "b/4.mp4", "b/\U0001f600.txt", "top.txt"):
        bucket.blob(name).upload_from_string(b"")
    return bucket


def test_a_listing_folds_folders_at_the_delimiter(tree):
    listing = tree.list_blobs(prefix="a/", delimiter="/")
    assert [blob.name for blob in listing] == ["a/1.mp4", "a/2.mp4", "a/é.mp4"]
    assert listing.prefixes == {"a/b/"}
    listing = tree.list_blobs(delimiter="/")
    assert ([blob.name for blob in listing], listing.prefixes) == (["top.txt"], {"a/", "b/"})


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_a_listing_have_neither_gap_nor_repeat(tree, size):
    whole = [blob.name for blob in tree.list_blobs()]
    assert [blob.name for blob in tree.list_blobs(page_size=size)] == whole and len(whole) == 7
    folded = tree.list_blobs(delimiter="/", page_size=size)
    assert ([blob.name for blob in folded], folded.prefixes) == (["top.txt"], {"a/", "b/"})


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"match_glob": "a/*.mp4"}, ["a/1.mp4", "a/2.mp4", "a/é.mp4"]),
        ({"match_glob": "**.txt"}, ["a/b/3.txt", "b/\U0001f600.txt", "top.txt"]),
        ({"match_glob": "{a,b}/[1-3].mp4"}, ["a/1.mp4", "a/2.mp4"]),
        ({"start_offset": "a/b", "end_offset": "b/4.mp4"}, ["a/b/3.txt", "a/é.mp4"]),
        ({"prefix": "b/", "start_offset": "b/5"}, ["b/\U0001f600.txt"]),
        ({"max_results": 2}, ["a/1.mp4", "a/2.mp4"]),
    ],
)
def test_a_listing_keeps_to_globs_and_offsets(tree, arguments, names):
    assert [blob.name for blob in tree.list_blobs(**arguments)] == names


def test_a_batch_does_each_part_and_says_which_failed(world, blob):
    names = [f"{blob.name}/{n}" for n in range(3)]
    for name in names[:2]:
        blob.bucket.blob(name).upload_from_string(b"x")
    with world.client.batch(raise_exception=False) as batch:
        for name in names:
            blob.bucket.blob(name).delete()
    assert [answer.status_code for answer in batch._responses] == [204, 204, 404]
    assert list(blob.bucket.list_blobs(prefix=blob.name)) == []


def test_an_interrupted_upload_goes_on_where_the_service_says(blob):
    content = os.urandom(MIB)
    session = blob.create_resumable_upload_session(content_type="video/mp4", size=len(content))
    first = {"Content-Range": f"bytes 0-{MIB // 2 - 1}/{MIB}"}
    assert requests.put(session, data=content[: MIB // 2], headers=first, timeout=5).status_code == 308
    asked = requests.put(session, headers={"Content-Range": "bytes */*"}, timeout=5)
    assert (asked.status_code, asked.headers["Range"]) == (308, f"bytes=0-{MIB // 2 - 1}")
    overlapping = {"Content-Range": f"bytes {MIB // 4}-{MIB - 1}/{MIB}"}
    done = requests.put(session, data=content[MIB // 4 :], headers=overlapping, timeout=5)
    assert (done.status_code, done.json()["contentType"]) == (200, "video/mp4")
    assert blob.download_as_bytes() == content
    repeated = requests.put(session, headers={"Content-Range": f"bytes */{MIB}"}, timeout=5)
    assert (repeated.status_code, repeated.json()["generation"]) == (200, done.json()["generation"])


def test_only_whole_quanta_of_an_unfinished_chunk_are_kept(blob):
    session = blob.create_resumable_upload_session()
    part = {"Content-Range": "bytes 0-299999/*"}
    answer = requests.put(session, data=bytes(300_000), headers=part, timeout=5)
    assert (answer.status_code, answer.headers["Range"]) == (308, f"bytes=0-{256 * 1024 - 1}")
    gap = requests.put(session, data=b"x", headers={"Content-Range": "bytes 299999-299999/300000"}, timeout=5)
    assert gap.status_code == 503 and not blob.exists()


def test_a_cancelled_session_takes_nothing_more(blob):
    session = blob.create_resumable_upload_session()
    assert requests.delete(session, timeout=5).status_code == 499
    assert requests.put(session, data=b"x", timeout=5).status_code == 499
    assert not blob.exists()


def test_a_session_ends_after_a_week():
    with a_world() as world:
        session = world.bucket.blob("late").create_resumable_upload_session()
        world.clock.advance(7 * 86_400 + 1)
        assert requests.put(session, data=b"x", timeout=5).status_code == 410


@pytest.mark.parametrize("name", ["..", "a\nb", "x" * 1025, ".well-known/acme-challenge/x"])
def test_names_that_production_refuses_are_refused(world, name):
    with pytest.raises(exceptions.BadRequest):
        world.bucket.blob(name).upload_from_string(b"x")


@pytest.mark.parametrize("name", ["Upper", "ab", "-start", "goog-mine", "my-google-bucket", "10.0.0.1", "a..b"])
def test_bucket_names_that_production_refuses_are_refused(world, name):
    with pytest.raises((exceptions.BadRequest, ValueError)):
        world.client.create_bucket(name)


def test_a_buckets_settings_are_kept_and_an_occupied_one_is_not_deleted(world):
    bucket = world.client.create_bucket("settings-of-its-own")
    bucket.cors = [{"origin": ["*"], "method": ["GET"], "maxAgeSeconds": 60}]
    bucket.add_lifecycle_delete_rule(age=30)
    bucket.patch()
    again = world.client.get_bucket(bucket.name)
    assert again.cors == bucket.cors and list(again.lifecycle_rules) == list(bucket.lifecycle_rules)
    assert again.metageneration == 2
    again.blob("x").upload_from_string(b"x")
    with pytest.raises(exceptions.Conflict):
        again.delete()
    again.delete(force=True)
    assert world.client.lookup_bucket(bucket.name) is None
    with pytest.raises(exceptions.NotFound):
        bucket.blob("x").upload_from_string(b"x")


def test_what_is_not_answered_says_so(world):
    bucket = world.client.bucket("originals")
    bucket.versioning_enabled = True
    with pytest.raises(exceptions.MethodNotImplemented):
        bucket.patch()
    with pytest.raises(exceptions.MethodNotImplemented):
        bucket.get_iam_policy()


def test_a_web_page_cannot_reach_the_json_api(world):
    path = f"{world.url}/storage/v1/b/originals"
    for headers in ({"Origin": "https://evil.example"}, {"Host": "rebound.example:80"}):
        assert requests.get(path, headers=headers, timeout=5).status_code == 403
    assert requests.options(path, headers={"Origin": "https://evil.example"}, timeout=5).status_code == 403


def test_a_lost_answer_is_retried_by_googles_client(world, blob):
    world.faults.order(Fault("storage.objects.insert", effect="fail_after", status=503))
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string(b"x", if_generation_match=0)
    assert blob.download_as_bytes() == b"x"


def test_a_cut_download_is_noticed(world, blob):
    blob.upload_from_string(bytes(3 * MIB))
    world.faults.order(Fault("storage.objects.read", effect="cut", bytes=MIB))
    url = f"{world.url}/storage/v1{blob.path}?alt=media"
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(url, timeout=5)


def test_a_web_page_cannot_start_an_upload(world, blob):
    start = f"{world.url}/upload/storage/v1/b/originals/o"
    query, page = {"uploadType": "resumable", "name": blob.name}, {"Origin": "https://evil.example"}
    assert requests.post(start, params=query, json={}, headers=page, timeout=5).status_code == 403
    asked = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    assert "access-control-allow-origin" not in requests.options(start, params=query, headers=asked, timeout=5).headers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/storage/v1/b?project=p", "not json"),
        ("POST", "/storage/v1/b?project=p", "[]"),
        ("PATCH", "/storage/v1/b/originals", '{"cors": 7}'),
        ("GET", "/storage/v1/b/originals/o?maxResults=many", ""),
        ("GET", "/storage/v1/b/originals/o?pageToken=%25", ""),
        ("GET", "/storage/v1/b/originals/o?matchGlob=%7Bopen", ""),
        ("GET", "/storage/v1/b/originals/o/%ff", ""),
        ("GET", "/storage/v1/b/originals/o/x?generation=" + "9" * 5000, ""),
        ("POST", "/storage/v1/b/originals/o/x/compose", '{"sourceObjects": [{"name": "y", "generation": "z"}]}'),
        ("POST", "/upload/storage/v1/b/originals/o?uploadType=media", "no name"),
        ("POST", "/upload/storage/v1/b/originals/o?uploadType=multipart&name=x", "no boundary"),
        ("POST", "/upload/storage/v1/b/originals/o?uploadType=resumable", '{"name": "x", "metadata": 7}'),
        ("POST", "/upload/storage/v1/b/originals/o?uploadType=resumable", '{"name": "x", "contentType": 7}'),
        ("POST", "/upload/storage/v1/b/originals/o?uploadType=other&name=x", ""),
        ("POST", "/batch/storage/v1", "no parts"),
    ],
)
def test_a_malformed_request_is_a_400_in_the_services_words(world, method, path, body):
    answer = requests.request(method, world.url + path, data=body, timeout=5)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 400)


def test_a_multipart_body_without_its_end_leaves_no_object(world, blob):
    body = f'--b\r\n\r\n{{"name": "{blob.name}"}}\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello'.encode()
    url, kind = f"{world.url}/upload/storage/v1/b/originals/o?uploadType=multipart", "multipart/related; boundary=b"
    assert requests.post(url, data=body, headers={"Content-Type": kind}, timeout=5).status_code == 400
    assert not blob.exists()
    whole = requests.post(url, data=body + b"\r\n--b--", headers={"Content-Type": kind}, timeout=5)
    assert whole.status_code == 200 and blob.download_as_bytes() == b"hello"


def test_metadata_that_no_header_can_carry_does_not_break_downloads(blob):
    blob.metadata = {"with space": "x", "half": "\ud800", "line": "a\nb", "word": "héllo ✓"}
    blob.upload_from_string(b"x")
    assert blob.download_as_bytes() == b"x" and blob.bucket.get_blob(blob.name).metadata == blob.metadata
