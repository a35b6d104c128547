"""Media as users see it: taken in by every way, shown as pictures and subtitles, many at once, signed for its owner."""

import io

import pytest
import requests
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from PIL import Image

from shared.domain.events import Event, EventType
from shared.domain.media import SegmentPlace, Video
from shared.objects.buckets import NoSuchObject
from tests.pipeline.films import film, picture
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.house import House
from tests.pipeline.scenes import a_run
from tests.pipeline.uploads import ingested
from tests.pipeline.world import World

SHOTS = film(["red", "green"], seconds_each=5.0)


@pytest.fixture
def house(world: World) -> House:
    return House(world)


def begin(house: House, **fields: object) -> dict:
    begun = house.call("POST", "/videos/upload-session", {"title": "Große Reise", "content_type": "video/mp4", **fields})
    assert begun.status == 201, begun.body
    return begun.json


def run_over(house: House, video_id: str) -> str:
    video = house.world.store.get(Video, house.tenant(), video_id)
    assert video is not None
    run = a_run(house.world, video.tenant, [video], video_segmentation_type="content_aware")
    house.world.deliver()
    return run.run_id


def test_an_upload_session_becomes_a_media_item_with_its_last_byte(house: House) -> None:
    index_id = house.index()
    session = begin(house, index_id=index_id, size_bytes=len(SHOTS))
    video_id = session["video_id"]
    assert house.call("GET", f"/videos/{video_id}").error == "video_not_found"
    assert house.call("GET", f"/videos/upload-session/{video_id}").json["status"] == "waiting"
    half = 256 * 1024
    if len(SHOTS) > half:
        first = {"Content-Range": f"bytes 0-{half - 1}/{len(SHOTS)}"}
        assert requests.put(session["session_url"], data=SHOTS[:half], headers=first, timeout=10).status_code == 308
        assert house.call("GET", f"/videos/{video_id}").status == 404
        rest = {"Content-Range": f"bytes {half}-{len(SHOTS) - 1}/{len(SHOTS)}"}
        assert requests.put(session["session_url"], data=SHOTS[half:], headers=rest, timeout=10).status_code == 200
    else:
        assert requests.put(session["session_url"], data=SHOTS, timeout=10).status_code == 200
    ingested(house.world)
    house.world.deliver()
    video = house.call("GET", f"/videos/{video_id}").json
    assert (video["title"], video["index_id"], video["duration_seconds"]) == ("Große Reise", index_id, 10.0)
    assert house.call("GET", f"/videos/upload-session/{video_id}").json["status"] == "completed"


def test_a_session_that_brings_no_media_leaves_nothing_and_says_why(house: House) -> None:
    session = begin(house)
    assert requests.put(session["session_url"], data=b"words " * 999, timeout=10).status_code == 200
    ingested(house.world)
    house.world.deliver()
    told = house.call("GET", f"/videos/upload-session/{session['video_id']}").json
    assert (told["status"], told["error_code"]) == ("refused", "unsupported_media")
    assert house.call("GET", f"/videos/{session['video_id']}").status == 404
    events = house.world.store.stream(Event, house.world.store.collection(Event, house.tenant()))
    assert EventType.MEDIA_PROCESSING_FAILED in {event.event_type for event in events if event.video_id == session["video_id"]}
    with pytest.raises(NoSuchObject):
        house.world.objects.stat(session["video_uri"])


def test_an_abandoned_session_runs_out_and_leaves_nothing(house: House) -> None:
    session = begin(house)
    house.world.clock.advance(7 * 24 * 3600 + 1)
    assert house.call("GET", f"/videos/upload-session/{session['video_id']}").json["status"] == "expired"
    assert requests.put(session["session_url"], data=SHOTS, timeout=10).status_code in (404, 410)
    assert house.call("GET", "/playground/videos").json["data"] == []


def test_a_session_of_another_size_than_agreed_takes_nothing(house: House) -> None:
    session = begin(house, size_bytes=10)
    if requests.put(session["session_url"], data=SHOTS, timeout=10).status_code == 200:  # the store took what we do not
        ingested(house.world)
        house.world.deliver()
        assert house.call("GET", f"/videos/upload-session/{session['video_id']}").json["error_code"] == "truncated_media"
    assert house.call("GET", f"/videos/{session['video_id']}").status == 404


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/zip", "video"])
def test_a_session_for_what_is_no_media_is_refused(house: House, kind: str) -> None:
    refused = house.call("POST", "/videos/upload-session", {"title": "x", "content_type": kind})
    assert (refused.status, refused.error) == (415, "unsupported_media")


def test_sessions_of_others_are_not_there(house: House) -> None:
    session = begin(house)
    assert house.call("GET", f"/videos/upload-session/{session['video_id']}", user="eve").error == "upload_session_not_found"


def test_the_same_file_in_the_same_index_is_recognised_and_kept(house: House) -> None:
    index_id, other = house.index(), house.index()
    first = house.film(SHOTS, index_id=index_id)
    second = house.upload(SHOTS, index_id=index_id).json
    assert second["duplicate_of"] == first
    assert first in second["message"]
    assert house.call("GET", f"/videos/{second['video_id']}").json["duplicate_of"] == first
    assert house.upload(SHOTS, index_id=other).json["duplicate_of"] is None
    assert house.upload(SHOTS, index_id=house.index(user="eve"), user="eve").json["duplicate_of"] is None


def test_a_film_gets_a_poster_a_moving_preview_and_a_sheet_for_scrubbing(house: House) -> None:
    video_id = house.film(SHOTS)
    gif = house.call("GET", f"/videos/{video_id}/gif")
    assert gif.headers["Content-Type"] == "image/gif"
    with Image.open(io.BytesIO(gif.body)) as moving:
        assert moving.n_frames > 1  # type: ignore[attr-defined]
    sheet = house.call("GET", f"/videos/{video_id}/sprite")
    lines = house.call("GET", f"/videos/{video_id}/sprite.vtt").body.decode().splitlines()
    tiles = [line for line in lines if "#xywh=" in line]
    assert len(tiles) == 10
    assert lines[2] == "00:00:00.000 --> 00:00:01.000"
    assert requests.get(tiles[0].partition("#")[0], timeout=10).content == sheet.body
    with Image.open(io.BytesIO(sheet.body)) as image:
        x, y, width, height = (int(part) for part in tiles[7].partition("=")[2].split("=")[-1].split(","))
        assert x + width <= image.width
        assert y + height <= image.height
        reds, greens, _ = image.getpixel((x + 5, y + 5))  # type: ignore[misc]
        assert greens > reds  # the eighth second lies in the green shot
    video = house.call("GET", f"/videos/{video_id}").json
    assert requests.get(video["thumbnail_uri"], timeout=10).status_code == 200
    assert requests.get(video["gif_uri"], timeout=10).content == gif.body


def test_a_picture_has_a_preview_but_no_sheet(house: House) -> None:
    video_id = house.film(picture("blue"), name="a.png")
    assert house.call("GET", f"/videos/{video_id}/gif").body.startswith(b"GIF8")
    assert house.call("GET", f"/videos/{video_id}/sprite").error == "preview_not_found"
    assert house.call("GET", f"/videos/{video_id}/sprite.vtt").error == "preview_not_found"


def test_every_segment_shows_its_own_picture_by_its_id_alone(house: House) -> None:
    video_id = house.film(SHOTS)
    run_over(house, video_id)
    segments = house.call("GET", f"/videos/{video_id}/segments").json["data"]
    assert len(segments) == 2
    pictures = [house.call("GET", f"/videos/segments/{one['segment_id']}/thumbnail") for one in segments]
    assert all(one.headers["Content-Type"] == "image/jpeg" for one in pictures)
    assert pictures[0].body != pictures[1].body
    assert requests.get(segments[0]["thumbnail_uri"], timeout=10).content == pictures[0].body
    assert house.call("GET", f"/videos/segments/{segments[0]['segment_id']}/thumbnail", user="eve").error == "segment_not_found"
    assert house.call("GET", "/videos/segments/seg_nothing/thumbnail").error == "segment_not_found"


def test_what_was_spoken_comes_as_subtitles(house: House, gemini: Gemini) -> None:
    spoken = {"start_seconds": 1.0, "end_seconds": 2.5, "text": "Tom & <b>Ann</b> --> home"}
    gemini.say = lambda body: answer({"utterances": [spoken]} if asks_for(body, "utterances") else {})
    video_id = house.film(film(["red", "green"], tone=True))
    assert house.call("GET", f"/videos/{video_id}/transcript").error == "transcript_not_found"
    run_id = run_over(house, video_id)
    told = house.call("GET", f"/videos/{video_id}/transcript", run_id=run_id).json
    assert told["run_id"] == run_id
    vtt = house.call("GET", f"/videos/{video_id}/transcript", format="vtt")
    assert vtt.body.startswith(b"WEBVTT")
    assert vtt.headers["Content-Type"].startswith("text/vtt")
    assert "00:00:01.000 --> 00:00:02.500\nTom &amp; &lt;b&gt;Ann&lt;/b&gt; --&gt; home" in vtt.body.decode()
    srt = house.call("GET", f"/videos/{video_id}/transcript", format="srt").body.decode()
    assert srt == "1\n00:00:01,000 --> 00:00:02,500\nTom & <b>Ann</b> → home\n"
    assert [one["text"] for one in told["utterances"]] == [spoken["text"]]
    assert house.call("GET", f"/videos/{video_id}/transcript", format="doc").status == 422
    assert house.call("GET", f"/videos/{video_id}/transcript", run_id="run_nothing").error == "run_not_found"


def test_many_items_are_read_at_once_in_the_order_asked_for(house: House) -> None:
    first, second = house.film(SHOTS), house.film(picture("red"), name="a.png")
    run_id = run_over(house, first)
    asked = {"video_ids": [second, "vid_nothing", first]}
    items = house.call("POST", "/videos/batch", asked).json
    assert [one["video_id"] for one in items] == [second, first]
    assert requests.get(items[1]["first_thumbnail"], timeout=10).status_code == 200
    states = house.call("POST", "/videos/batch/status", asked).json
    assert [(one["video_id"], one["status"]) for one in states] == [(second, "not_processed"), (first, "processed")]
    assert [one["run_id"] for one in states[1]["processing_status"]] == [run_id]
    plain = house.call("POST", "/videos/batch/segments", {"video_ids": [first, second]}).json
    assert [(one["video_id"], len(one["segments"])) for one in plain] == [(first, 2), (second, 0)]
    targets = [{"video_id": first, "run_id": run_id}, {"video_id": second, "run_id": run_id}]
    of_run = house.call("POST", "/videos/batch/segments", {"targets": targets}).json
    assert [(one["video_id"], one["run_id"]) for one in of_run] == [(first, run_id)]
    assert of_run[0]["segments"][0]["segment_status"] == "successful"
    assert house.call("POST", "/videos/batch", asked, user="eve").json == []
    assert house.call("POST", "/videos/batch/segments", {"targets": targets}, user="eve").json == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/videos/batch", {"video_ids": []}),
        ("/videos/batch", {"video_ids": ["v"] * 101}),
        ("/videos/batch/status", {"video_ids": ["v"] * 101}),
        ("/videos/batch/segments", {"video_ids": ["v"] * 51}),
        ("/videos/batch/segments", {}),
        ("/videos/batch/segments", {"video_ids": ["v"], "targets": [{"video_id": "v"}]}),
    ],
)
def test_batches_keep_to_their_caps(house: House, path: str, body: dict) -> None:
    assert house.call("POST", path, body).error == "validation_failed"


def addresses_of(house: House, video_id: str) -> list[str]:
    """Every gs:// address that the item and its segments carry."""
    video = house.call("GET", f"/videos/{video_id}").json
    segments = house.call("GET", f"/videos/{video_id}/segments").json["data"]
    found = [video["video_uri"], video["thumbnail_gcs_uri"], video["gif_gcs_uri"]]
    return found + [one["thumbnail_gcs_uri"] for one in segments]


def variants(uri: str) -> list[str]:
    """Other ways of writing an address that a careless reader takes for the same."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    head, _, tail = name.rpartition("/")
    return [
        f"gs://{bucket}//{name}",
        f"gs://{bucket}/{name}/",
        f"gs://{bucket}/./{name}",
        f"gs://{bucket}/{head}/x/../{tail}",
        f"gs://{bucket}/{name}#1",
        f"gs://{bucket}/{name}?generation=1",
        f"GS://{bucket}/{name}",
        f"gs://{bucket.upper()}/{name}",
        f"gs://{bucket}/{name.replace('/', '%2F')}",
        f"gs://{bucket}/{name} ".replace(" ", "%20"),
        f"https://storage.googleapis.com/{bucket}/{name}",
        f"/{bucket}/{name}",
        f"gs://{bucket}/{name}\x00",
        f"gs://{bucket}@{bucket}/{name}",
        f"gs://{bucket}/{head}",
    ]


def test_only_what_the_caller_owns_is_signed(house: House) -> None:
    video_id = house.film(SHOTS)
    run_over(house, video_id)
    owned = addresses_of(house, video_id)
    assert len(owned) == 5
    for uri in owned:
        signed = house.call("POST", "/videos/signed-url", {"gcs_uri": uri, "force_refresh": True})
        assert signed.status == 200, signed.body
        assert requests.get(signed.json["signed_url"], timeout=10).status_code == 200
        assert signed.json["expires_at"].endswith("Z")
    tried = [other for uri in owned for other in [uri, *variants(uri)]]
    assert len(tried) >= 60
    for uri in tried:
        refused = house.call("POST", "/videos/signed-url", {"gcs_uri": uri}, user="eve")
        assert (refused.status, "signed_url" in refused.json) in {(404, False), (422, False)}, uri
    for variant in tried:
        if variant not in owned:
            assert house.call("POST", "/videos/signed-url", {"gcs_uri": variant}).status in (404, 422), variant


def test_nothing_of_a_deleted_item_is_signed_or_shown(house: House) -> None:
    video_id = house.film(SHOTS)
    run_over(house, video_id)
    owned = addresses_of(house, video_id)
    segment_id = house.call("GET", f"/videos/{video_id}/segments").json["data"][0]["segment_id"]
    assert house.call("DELETE", f"/videos/{video_id}").status == 200
    for uri in owned:
        assert house.call("POST", "/videos/signed-url", {"gcs_uri": uri}).error == "object_not_found"
    assert house.call("GET", f"/videos/{video_id}/gif").error == "video_not_found"
    assert house.call("GET", f"/videos/segments/{segment_id}/thumbnail").error == "segment_not_found"


def test_deleting_an_item_takes_its_markers_pictures_and_places_along(house: House) -> None:
    video_id = house.film(SHOTS)
    run_over(house, video_id)
    tenant, store = house.tenant(), house.world.store
    segment_id = house.call("GET", f"/videos/{video_id}/segments").json["data"][0]["segment_id"]
    for target_type, target_id in (("video", video_id), ("segment", segment_id)):
        assert house.call("PUT", "/markers", {"target_type": target_type, "target_id": target_id}).status == 200
    owned = addresses_of(house, video_id)
    house.call("DELETE", f"/videos/{video_id}")
    house.world.deliver()
    assert house.call("GET", f"/videos/{video_id}/deletion").json["status"] == "deleted"
    assert house.call("GET", "/markers").json == []
    assert list(store.collection(SegmentPlace, tenant).stream()) == []
    for uri in owned:
        with pytest.raises(NoSuchObject):
            house.world.objects.stat(uri)


def test_media_registered_from_another_bucket_gets_its_pictures_with_its_first_run(house: House) -> None:
    options = ClientOptions(api_endpoint=house.world.storage.url)
    client = storage.Client(project="elsewhere", credentials=AnonymousCredentials(), client_options=options)
    client.create_bucket("archive").blob("tapes/one.mp4").upload_from_string(SHOTS, content_type="video/mp4")
    body = {"title": "Tape", "video_uri": "gs://archive/tapes/one.mp4", "index_id": house.index()}
    video_id = house.call("POST", "/videos", body).json["video_id"]
    assert house.call("GET", f"/videos/{video_id}/gif").error == "preview_not_found"
    run_over(house, video_id)
    assert house.call("GET", f"/videos/{video_id}/gif").body.startswith(b"GIF8")
    uri = {"gcs_uri": body["video_uri"]}
    assert house.call("POST", "/videos/signed-url", uri).status == 200
    assert house.call("POST", "/videos/signed-url", uri, user="eve").error == "object_not_found"


def test_a_file_that_came_by_a_session_is_recognised_when_it_is_uploaded_again(house: House) -> None:
    session = begin(house)
    assert requests.put(session["session_url"], data=SHOTS, timeout=10).status_code == 200
    ingested(house.world)
    house.world.deliver()
    assert house.upload(SHOTS).json["duplicate_of"] == session["video_id"]
