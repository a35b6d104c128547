"""No URL that a user names leads us inside: not when it is stored, changed, tried, delivered to or tried again."""

import ipaddress
import random
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from shared.egress import urls
from shared.egress.addresses import is_public
from shared.egress.client import Egress, Refused, Unreachable
from shared.egress.dialing import Dialer
from shared.egress.sessions import GuardedSession
from shared.webhooks.posting import Posting
from tests.api.test_indexes import tenant_of
from tests.api.world import World, build
from tests.pipeline.post_office import PostOffice
from tests.security.hostile_urls import ANSWERS, INNER_V4, INNER_V6, LITERALS, PUBLIC


class Network:
    """A hostile name service, and a wire that notes whom one would have connected to and lets nobody through."""

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self.asked = 0
        self._turns: dict[str, int] = {}

    def resolve(self, host: str) -> list[str]:
        self.asked += 1
        answers = ANSWERS.get(host)
        if answers is None:
            raise OSError("no such host")
        turn = self._turns.get(host, 0)
        self._turns[host] = turn + 1
        return answers[min(turn, len(answers) - 1)]

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.dialled.append(address)
        raise ConnectionRefusedError

    @property
    def inner(self) -> list[str]:
        return [one for one in self.dialled if not is_public(ipaddress.ip_address(one))]


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def egress(network: Network) -> Egress:
    return Egress(Dialer(resolve=network.resolve, connect=network.connect))


NAMED = [f"https://{host}/" for host in ANSWERS]
EVERY = LITERALS + NAMED


def test_there_are_many_ways_and_each_is_another() -> None:
    assert len(set(EVERY)) == len(EVERY) >= 150


@pytest.mark.parametrize("address", INNER_V4 + INNER_V6)
def test_an_inner_address_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def test_public_addresses_are_not_refused() -> None:
    chance = random.Random(3)
    tried = 0
    while tried < 1_000:
        four = ipaddress.IPv4Address(chance.getrandbits(32))
        six = ipaddress.IPv6Address((0x2A00 << 112) | chance.getrandbits(112))
        if four.is_global and not four.is_multicast and str(four)[:4] not in ("192.", "168."):
            assert is_public(four), four
            tried += 1
        assert is_public(six), six
    assert all(is_public(ipaddress.ip_address(one)) for one in PUBLIC)


@pytest.mark.parametrize("url", LITERALS)
def test_a_url_that_leads_inside_or_is_read_two_ways_is_refused_before_anything_is_asked(
    url: str, egress: Egress, network: Network
) -> None:
    with pytest.raises(Refused):
        egress.request("POST", url, body=b"{}", seconds=2, most_bytes=100)
    with pytest.raises(Refused):
        egress.check(url)
    assert network.asked == 0 and network.dialled == []


def test_a_name_is_dialled_at_the_address_that_was_checked_and_looked_up_once(egress: Egress, network: Network) -> None:
    for host, answers in ANSWERS.items():
        before = network.asked
        try:
            egress.request("POST", f"https://{host}/", body=b"{}", seconds=2, most_bytes=100)
        except Refused:
            assert any(one not in PUBLIC for one in answers[0]), host
        except Unreachable:
            assert all(one in PUBLIC for one in answers[0]), host
        assert network.asked == before + 1
    assert network.inner == []
    assert set(network.dialled) <= set(PUBLIC)


def test_an_address_that_wraps_another_is_no_loopback() -> None:
    dialer = Dialer(loopback=True, resolve=lambda _: ["::ffff:127.0.0.1"])
    with pytest.raises(Refused):
        dialer.dial("receiver.example", 443, 1)
    for url in ("http://127.0.0.1:8080/x", "http://localhost/", "https://[::1]:9/"):
        assert urls.read(url, loopback=True)
    for url in ("http://10.0.0.1/", "http://receiver.example/", "https://metadata.google.internal/", "https://169.254.169.254/"):
        with pytest.raises(Refused):
            urls.read(url, loopback=True)


def test_a_guarded_session_refuses_all_of_it_and_follows_nobody(network: Network) -> None:
    session = GuardedSession(Dialer(resolve=network.resolve, connect=network.connect))
    for url in EVERY:
        with pytest.raises((Refused, requests.RequestException)):
            session.get(url, timeout=2)
    assert network.inner == []


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.long)])
def test_nothing_inside_is_reached_by_creating_changing_trying_delivering_or_repeating(
    world: World, tmp_path: Path, network: Network, every: int
) -> None:
    """Every vector by every way in. A URL that creation refuses is planted in the store, as an older release may have left it."""
    dialer = Dialer(resolve=network.resolve, connect=network.connect)
    app = world.apps["webhooks"]
    kit, deps = app._ready()
    out, office = Egress(dialer), PostOffice(tmp_path, dialer)
    kept = {"store": office.store, "queues": office.queues, "webhooks": office.webhooks, "sealer": office.sealer}
    app._built = (kit, replace(deps, **kept, egress=out, posting=Posting(out, office.sealer)))
    headers, good = world.as_owner(), "https://unknown.receiver.example/"
    body = {"name": "x", "url": good, "events": ["media.created"]}
    planted = world.call("POST", "/webhooks", body, headers).json["webhook_id"]
    reached: dict[str, Any] = {}
    sent_again = 0
    turning = [url for url in EVERY if "rebinding" in url]
    for number, url in enumerate(dict.fromkeys(EVERY[::every] + turning)):
        _by_the_api(world, office, headers, planted, url)
        event_id = office.event(number, tenant=tenant_of(world))
        office.deliver(horizon=1)
        office.deliver(horizon=20)
        sent_again += _by_hand(world, office, headers, event_id)
        if network.inner:
            reached[url] = list(network.inner)
            network.dialled.clear()
    assert reached == {}
    assert all(one.status in ("failed", "retrying") for one in office.deliveries(tenant_of(world)))
    assert sent_again, "a name that looks well when it is asked for again"


def _by_the_api(world: World, office: PostOffice, headers: dict[str, str], planted: str, url: str) -> None:
    """Create, patch and test; in the end the URL stands on the planted webhook, whatever was said of it."""
    host = url.removeprefix("https://").rstrip("/")
    first = ANSWERS.get(host, [[]])[0]
    made = world.call("POST", "/webhooks", {"name": "x", "url": url, "events": ["export.ready"]}, headers)
    if made.status == 201:
        assert first and all(one in PUBLIC for one in first), url
        world.call("POST", f"/webhooks/{made.json['webhook_id']}/test", None, headers)
        world.call("DELETE", f"/webhooks/{made.json['webhook_id']}", None, headers)
    else:
        assert made.status == 422, (url, made.body)
    assert world.call("PATCH", f"/webhooks/{planted}", {"url": url}, headers).status in (200, 422)
    office.webhooks.change(tenant_of(world), planted, lambda _: {"url": url, "status": "active"})
    tried = world.call("POST", f"/webhooks/{planted}/test", None, headers).json
    assert tried["success"] is False and tried["status_code"] is None


def _by_hand(world: World, office: PostOffice, headers: dict[str, str], event_id: str) -> bool:
    """A manual retry of the delivery, which was refused; whether it was taken, and then the attempt it gave rise to was made."""
    [before] = [one for one in office.deliveries(tenant_of(world)) if one.event_id == event_id]
    assert before.attempts >= 1 and before.status in ("failed", "retrying")
    asked = world.call("POST", f"/webhooks/deliveries/{before.delivery_id}/retry", None, headers)
    assert asked.status in (200, 422), asked.body
    office.deliver(horizon=1)
    [after] = [one for one in office.deliveries(tenant_of(world)) if one.event_id == event_id]
    taken = asked.status == 200
    assert (after.series, after.attempts) == (before.series + taken, before.attempts + taken)
    return taken


def test_a_receiver_that_trickles_is_cut_off_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(9_999)
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n")
                    while True:
                        connection.sendall(b"X-A: b\r\n")
                        if stop.wait(0.02):
                            return
                except OSError:
                    return

        stop = threading.Event()
        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        out = Egress(Dialer(loopback=True))
        with pytest.raises(Unreachable, match=r"within 0\.3 s"):
            out.request("GET", f"http://127.0.0.1:{server.getsockname()[1]}/", seconds=0.3, most_bytes=100)
        stop.set()
        thread.join(5)


def test_a_name_service_that_does_not_answer_is_not_waited_for() -> None:
    stop = threading.Event()

    def resolve(host: str) -> list[str]:
        stop.wait(20)
        raise OSError

    with pytest.raises(Unreachable, match="not looked up in time"):
        Dialer(resolve=resolve).dial("receiver.example", 443, 0.1)
    stop.set()
