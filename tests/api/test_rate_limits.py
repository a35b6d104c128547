"""What a key and a tenant may ask for, over instances that lease their shares from one store."""

from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from emulators.faults import Fault
from shared.config import MissingSettings
from shared.domain.limits import STANDARD, Category, RatePlan, parse_plan
from shared.http import kit as kits
from shared.limits.charging import Limits
from tests.api.test_indexes import tenant_of
from tests.api.world import Answer, World

MODELS = Category.SEARCH


def limited(world: World, text: str) -> None:
    """From now on every family charges by this plan."""
    kit = replace(world.kit, limits=Limits(world.store, parse_plan(text, "small", STANDARD)))
    for app in world.apps.values():
        app._built = (kit, app._ready()[1])
    world.apps["usage"]._built = (kit, replace(world.apps["usage"]._ready()[1], limits=kit.limits))


def reads(world: World, count: int, headers: dict[str, str]) -> list[Answer]:
    return [world.call("GET", "/prompts", None, headers) for _ in range(count)]


def commits(world: World) -> Callable[[], int]:
    """Counts the writes from here on."""
    seen = [0]
    original = world.faults.take

    def take(operation: str) -> Any:
        seen[0] += operation == "firestore.Commit"
        return original(operation)

    world.faults.take = take  # type: ignore[method-assign]
    return lambda: seen[0]


def test_what_is_beyond_the_limit_is_refused_and_told_when_to_come_again(world: World) -> None:
    limited(world, "read=10/1000")
    answers = reads(world, 12, world.as_owner())
    assert [one.status for one in answers] == [200] * 10 + [429] * 2
    refused = answers[-1]
    assert refused.error == "rate_limited"
    seconds = int(refused.headers["Retry-After"])
    assert 1 <= seconds <= 60
    assert refused.json["error"]["details"] == {
        "category": "read",
        "limited": "tenant",
        "limit": 10,
        "window_seconds": 60,
        "retry_after_seconds": seconds,
    }
    world.clock.advance(seconds)
    assert reads(world, 1, world.as_owner())[0].status == 200


def test_every_answer_says_what_is_left(world: World) -> None:
    limited(world, "read=10/1000")
    first, second = reads(world, 2, world.as_owner())
    assert first.headers["RateLimit-Policy"] == '"read-minute";q=10;w=60, "read-hour";q=1000;w=3600'
    assert first.headers["RateLimit"].startswith('"read-minute";r=9;t=')
    assert (second.headers["X-RateLimit-Limit"], second.headers["X-RateLimit-Remaining"]) == ("10", "8")
    assert int(second.headers["X-RateLimit-Reset"]) > world.clock()
    refused = reads(world, 9, world.as_owner())[-1]
    assert refused.status == 429 and refused.headers["X-RateLimit-Remaining"] == "0"


def test_the_hour_has_a_limit_of_its_own(world: World) -> None:
    limited(world, "read=10/15")
    assert {one.status for one in reads(world, 10, world.as_owner())} == {200}
    world.clock.advance(60)
    answers = reads(world, 6, world.as_owner())
    assert [one.status for one in answers] == [200] * 5 + [429]
    assert answers[-1].json["error"]["details"]["window_seconds"] == 3600
    assert int(answers[-1].headers["Retry-After"]) > 60


def test_a_key_at_its_limit_leaves_the_tenants_other_keys_and_owner_alone(world: World) -> None:
    one, other = world.as_key("read"), world.as_key("read")
    limited(world, "read=20/1000 key_percent=50")
    answers = reads(world, 15, one)
    assert [answer.status for answer in answers] == [200] * 10 + [429] * 5
    assert answers[-1].json["error"]["details"]["limited"] == "key"
    assert [answer.status for answer in reads(world, 9, other)] == [200] * 9
    assert [answer.status for answer in reads(world, 2, world.as_owner())] == [200, 429]


def test_one_tenant_at_its_limit_costs_another_nothing(world: World) -> None:
    limited(world, "read=5/1000")
    reads(world, 100, world.as_owner("ada"))
    assert [one.status for one in reads(world, 5, world.as_owner("bob"))] == [200] * 5


def test_guesses_of_a_credential_cost_nobodys_budget(world: World) -> None:
    limited(world, "read=5/1000")
    assert {one.status for one in reads(world, 20, {"X-API-Key": "sk_live_" + "0" * 48})} == {401}
    assert {one.status for one in reads(world, 5, world.as_owner())} == {200}


def test_categories_have_budgets_of_their_own_and_looking_at_them_is_free(world: World) -> None:
    limited(world, "read=2/1000")
    assert reads(world, 3, world.as_owner())[-1].status == 429
    assert world.call("POST", "/indexes", {"name": "A"}, world.as_owner()).status == 201
    for _ in range(5):
        status = world.call("GET", "/rate-limit/status", None, world.as_owner())
        assert status.status == 200
    assert status.json["categories"]["read"]["minute_remaining"] == 0
    assert status.json["categories"]["write"]["minute_used"] == 1
    assert world.call("GET", "/auth/validate", None, world.as_owner()).status == 200


def test_few_requests_are_spent_in_memory_alone(world: World) -> None:
    limited(world, "read=1000/20000")
    reads(world, 1, world.as_owner())
    written = commits(world)
    reads(world, 19, world.as_owner())
    assert written() == 0


def test_many_requests_cost_few_writes(world: World) -> None:
    limited(world, "read=1000/20000")
    written = commits(world)
    assert {one.status for one in reads(world, 600, world.as_owner())} == {200}
    assert written() <= 20


@pytest.mark.parametrize("instances", [1, 3])
def test_instances_together_keep_to_the_limit_within_a_tenth(world: World, instances: int) -> None:
    plan = parse_plan("search=300/100000", "small", STANDARD)
    each = [Limits(world.store, plan) for _ in range(instances)]
    accepted = 0
    for turn in range(300 * 20):  # twenty times the limit, in less than a minute
        accepted += each[turn % instances].charge("t", "k", MODELS).refused is None
    assert 270 <= accepted <= 330


def test_threads_that_ask_at_once_never_get_more_than_the_limit(world: World) -> None:
    limits = Limits(world.store, parse_plan("search=40/1000", "small", STANDARD))
    accepted: list[bool] = []

    def ask() -> None:
        for _ in range(20):
            accepted.append(limits.charge("t", None, MODELS).refused is None)

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(accepted) == 40


def test_a_refused_caller_costs_no_more_reads_or_writes(world: World) -> None:
    limited(world, "read=3/1000")
    reads(world, 4, world.as_owner())
    seen: list[str] = []
    original = world.faults.take
    world.faults.take = lambda operation: (seen.append(operation), original(operation))[1]  # type: ignore[method-assign]
    assert {one.status for one in reads(world, 50, world.as_owner())} == {429}
    assert seen == []


def test_a_store_that_is_down_lets_requests_through(world: World) -> None:
    limits = Limits(world.store, parse_plan("search=100/1000", "small", STANDARD))
    world.faults.take = lambda operation: Fault(operation, "fail", status=403)  # type: ignore[method-assign]
    assert all(limits.charge("t", None, MODELS).refused is None for _ in range(100))
    assert limits.charge("t", None, MODELS).refused is not None, "what one instance alone knows still counts"


def test_the_operator_gives_a_tenant_limits_of_its_own_and_refresh_takes_them_over(world: World) -> None:
    limited(world, "read=2/1000")
    reads(world, 1, world.as_owner())
    now = world.store.clock()
    batch = world.store.batch()
    plan = RatePlan(created_at=now, updated_at=now, tenant=tenant_of(world), plan_id="gold", limits="read=50/1000")
    batch.create(plan)
    batch.commit()
    world.clock.advance(11)
    told = world.call("POST", "/rate-limit/refresh", None, world.as_key("search")).json
    assert told["plan_id"] == "gold"
    assert told["categories"]["read"]["minute_limit"] == 50
    assert {one.status for one in reads(world, 30, world.as_owner())} == {200}


def test_a_plan_nobody_understands_changes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    batch = world.store.batch()
    now = world.store.clock()
    batch.create(RatePlan(created_at=now, updated_at=now, tenant=tenant_of(world), limits="read=lots"))
    batch.commit()
    world.clock.advance(301)
    assert world.call("GET", "/rate-limit/status", None, world.as_owner()).json["plan_id"] == "standard"
    assert "rate plan not understood" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["read", "read=1", "read=0/1", "swim=1/2", "key_percent=0", "key_percent=x", "read=-1/2"])
def test_a_wrong_setting_is_told_in_words(world: World, text: str) -> None:
    with pytest.raises(MissingSettings, match="RATE_LIMITS"):
        kits.make(replace(world.settings, rate_limits=text), world.store)


def test_what_is_kept_of_budgets_is_forgotten(world: World) -> None:
    limited(world, "read=5/1000")
    reads(world, 5, world.as_owner())
    kept = [d.to_dict() for d in world.store.db.collection("rate").stream()]
    assert kept and all(0 < one["expires_at"].timestamp() - world.clock() <= 7201 for one in kept)
