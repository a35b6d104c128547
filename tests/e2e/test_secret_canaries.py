"""After a journey with every secret there is, none of them lies anywhere but where it was shown once."""

import json
from pathlib import Path

import httpx

from demo.film import Shot
from tests.api.receiver import Receiver
from tests.e2e.secret_canaries import JOURNEY, Traveller, found_in, shown_in
from tests.e2e.stack import Stack


def test_no_secret_of_a_whole_journey_is_written_anywhere(stack: Stack, film: tuple[Path, list[Shot]], tmp_path: Path) -> None:
    owner = httpx.Client(
        base_url=stack.said["base_url"],
        headers={"Authorization": f"Bearer {stack.said['bearer_token']}"},
        timeout=60,
        trust_env=False,
    )
    receiver = Receiver()
    with stack.client() as client, owner:
        traveller = Traveller(client, owner, film[0], receiver.url)
        for step in JOURNEY:
            step(traveller)
    receiver.stop()
    told = [("a webhook's message", one.body + json.dumps(one.headers).encode()) for one in receiver.received]
    assert len(told) >= 2
    assert len(traveller.canaries) == 18, sorted(traveller.canaries)
    assert shown_in(traveller.seen + told, traveller.canaries) == []
    stack.canaries |= traveller.canaries  # and once more when all tests on this site have run
    assert found_in(stack.data_dir, stack.canaries) == []
    marked = tmp_path / "marked"
    marked.mkdir()
    (marked / "log").write_text(f"x {traveller.canaries['api key']} y")
    assert found_in(marked, traveller.canaries) == ["api key in log"], "what looks would find one"
