"""A file too large for one request, on the running product: begun through the API, sent to the store, there when it is whole."""

from pathlib import Path

import httpx

from demo.film import Shot
from tests.e2e.stack import Stack, eventually


def test_a_resumable_upload_wakes_the_product_with_its_last_byte(stack: Stack, film: tuple[Path, list[Shot]]) -> None:
    content = film[0].read_bytes()
    with stack.client() as client:
        asked = {"title": "In pieces", "content_type": "video/mp4", "size_bytes": len(content)}
        begun = client.post("/videos/upload-session", json=asked)
        assert begun.status_code == 201, begun.text
        session = begun.json()
        first = 256 * 1024 if len(content) > 256 * 1024 else 0
        if first:
            part = {"Content-Range": f"bytes 0-{first - 1}/{len(content)}"}
            assert httpx.put(session["session_url"], content=content[:first], headers=part).status_code == 308
        assert client.get(f"/videos/{session['video_id']}").status_code == 404
        rest = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
        assert httpx.put(session["session_url"], content=content[first:], headers=rest).status_code == 200
        gif = f"/videos/{session['video_id']}/gif"
        eventually(lambda: client.get(gif).status_code == 200, 60, "the item is there with its preview")
        video = client.get(f"/videos/{session['video_id']}").json()
        assert (video["title"], video["size_bytes"]) == ("In pieces", len(content))
        assert httpx.get(video["thumbnail_uri"]).headers["content-type"] == "image/jpeg"
        assert client.get(f"/videos/upload-session/{session['video_id']}").json()["status"] == "completed"
