"""Whatever is uploaded to the running product, it answers in its own words, reaches for nothing, and stays small."""

import os
import socket
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from tests.e2e.stack import Stack
from tests.media.hostile import corpus, pointing
from tests.media.making import film, shots

REFUSALS = {"unsupported_media", "unreadable_media", "payload_too_large"}
MOST_MEMORY = 1024 * 1024  # KiB resident, at any moment, of any process


def peak(pid: int) -> int:
    """KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


@pytest.mark.slow
def test_two_hundred_hostile_files_are_refused_or_read_and_nothing_else_happens(stack: Stack, tmp_path: Path) -> None:
    canary = tmp_path / "canary.mp4"
    canary.write_bytes(film(shots(20)))
    os.utime(canary, (0, canary.stat().st_mtime))  # whoever reads it leaves a later time
    said: Counter[str] = Counter()
    with socket.create_server(("127.0.0.1", 0)) as listener, stack.client() as client:
        listener.setblocking(False)
        index = client.post("/indexes", json={"name": "Hostile"}).json()["index_id"]
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/canary"
        for name, content in chain(corpus(address), pointing(str(canary)), pointing(canary.as_uri())):
            answer = client.post("/videos/upload", data={"title": name, "index_id": index}, files={"file": (name, content)})
            assert answer.status_code in (201, 413, 415, 422), (name, answer.text)
            code = "taken" if answer.status_code == 201 else answer.json()["error"]["code"]
            assert code in REFUSALS | {"taken"}, (name, code)
            assert code != "taken" or name.partition("-behind-")[0] not in ("hls", "concat", "dash", "svg"), name
            said[code] += 1
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert canary.stat().st_atime == 0
        kept = []
        cursor: dict[str, str] = {}
        while True:
            page = client.get(f"/indexes/{index}/videos", params={"limit": 100, **cursor}).json()
            kept += page["data"]
            if not page["pagination"]["has_more"]:
                break
            cursor = {"cursor": page["pagination"]["next_cursor"]}
    print(dict(said), {role: peak(pid) // 1024 for role, pid in stack.children().items()})
    assert said.total() >= 200
    assert len(kept) == said["taken"]
    assert max(peak(pid) for pid in stack.children().values()) < MOST_MEMORY
