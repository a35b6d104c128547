"""Who holds a piece of work may write it, and nobody else; a holder that dies is counted, one that must wait is not."""

from contextlib import suppress
from datetime import timedelta

import pytest

from shared.domain.media import Deletion
from shared.work.claims import LEASE, MAX_FAILURES, WAKE_GRACE, Claims
from shared.work.outcomes import GiveUp, LeaseLost, Retry, Throttled
from tests.pipeline import scenes
from tests.pipeline.world import World, no_heartbeat


@pytest.fixture
def claims(world: World) -> Claims:
    return Claims(world.store, no_heartbeat)


@pytest.fixture
def work(world: World) -> Deletion:
    now = world.store.clock()
    made = Deletion(
        created_at=now,
        updated_at=now,
        tenant=scenes.a_tenant(),
        deletion_id="del_1",
        resource="video",
        resource_id="vid_1",
        status="draining",
        wake_at=now,
    )
    batch = world.store.batch()
    batch.create(made)
    batch.commit()
    return made


def again(world: World, work: Deletion) -> Deletion:
    found = world.store.get(Deletion, work.tenant, work.deletion_id)
    assert found is not None
    return found


def die_holding(claims: Claims, work: Deletion) -> None:
    """The holder's process is gone: the block is never left, so nothing is given back."""
    claims.hold(work).__enter__()


def test_a_second_worker_is_turned_away_until_the_lease_ends(world: World, claims: Claims, work: Deletion) -> None:
    with claims.hold(work):
        with pytest.raises(Throttled) as turned_away, claims.hold(again(world, work)):
            pytest.fail("two workers hold it")
        assert turned_away.value.after == LEASE.total_seconds() + 1


def test_two_workers_that_read_the_same_state_do_not_both_get_it(world: World, claims: Claims, work: Deletion) -> None:
    twin = again(world, work)
    with claims.hold(work), pytest.raises(Retry), claims.hold(twin):
        pytest.fail("two workers hold it")
    assert again(world, work).attempt == 1


def test_a_worker_that_lost_its_lease_can_write_nothing(world: World, claims: Claims, work: Deletion) -> None:
    with pytest.raises(LeaseLost), claims.hold(work) as zombie:
        world.clock.advance(LEASE.total_seconds() + 1)
        with claims.hold(again(world, work)) as heir:
            heir.commit(world.store.batch(), status="deleted", wake_at=None)
        zombie.commit(world.store.batch(), status="deleting")
    found = again(world, work)
    assert (found.status, found.attempt, found.lease_until) == ("deleted", 2, None)


def test_what_a_zombie_writes_beside_its_document_does_not_happen_either(world: World, claims: Claims, work: Deletion) -> None:
    with pytest.raises(LeaseLost), claims.hold(work) as zombie:
        world.clock.advance(LEASE.total_seconds() + 1)
        die_holding(claims, again(world, work))
        batch = world.store.batch()
        side = again(world, work)
        side.deletion_id = "del_2"
        batch.create(side)
        zombie.commit(batch, status="deleted")
    assert world.store.get(Deletion, work.tenant, "del_2") is None


def test_a_zombie_learns_of_its_loss_when_it_renews(world: World, claims: Claims, work: Deletion) -> None:
    with suppress(LeaseLost), claims.hold(work) as zombie:
        assert not zombie.lost
        world.clock.advance(LEASE.total_seconds() + 1)
        die_holding(claims, again(world, work))
        zombie.renew()
        assert zombie.lost
        with pytest.raises(LeaseLost):
            zombie.commit(world.store.batch(), status="deleted")
        raise LeaseLost


def test_a_renewed_lease_is_held_on(world: World, claims: Claims, work: Deletion) -> None:
    with claims.hold(work) as claim:
        for _ in range(5):
            world.clock.advance(20)
            claim.renew()
        with pytest.raises(Throttled), claims.hold(again(world, work)):
            pytest.fail("two workers hold it")
        claim.commit(world.store.batch(), status="deleted", wake_at=None)
    assert again(world, work).failures == 0


def test_the_sweep_wakes_work_only_after_its_lease_ran_out(world: World, claims: Claims, work: Deletion) -> None:
    with claims.hold(work):
        held = again(world, work)
        assert held.lease_until is not None
        assert held.wake_at == held.lease_until + WAKE_GRACE


def test_an_abandoned_lease_counts_as_a_failure(world: World, claims: Claims, work: Deletion) -> None:
    die_holding(claims, work)
    world.clock.advance(LEASE.total_seconds() + 1)
    with claims.hold(again(world, work)) as claim:
        claim.commit(world.store.batch(), status="deleted", wake_at=None)
    assert (again(world, work).failures, again(world, work).attempt) == (1, 2)


def test_work_that_kills_every_worker_is_given_up(world: World, claims: Claims, work: Deletion) -> None:
    for _ in range(MAX_FAILURES):
        die_holding(claims, again(world, work))
        world.clock.advance(LEASE.total_seconds() + 1)
    with pytest.raises(GiveUp) as given_up, claims.hold(again(world, work)):
        pytest.fail("a sixth worker was sacrificed")
    assert given_up.value.code == "attempts_exhausted"
    assert given_up.value.retryable


def test_being_throttled_gives_the_lease_back_and_does_not_count(world: World, claims: Claims, work: Deletion) -> None:
    for _ in range(2 * MAX_FAILURES):
        with pytest.raises(Throttled), claims.hold(again(world, work)):
            raise Throttled(30.0)
    found = again(world, work)
    assert (found.failures, found.lease_until) == (0, None)
    assert found.wake_at == world.store.clock() + timedelta(seconds=30) + WAKE_GRACE


def test_the_fifth_counted_failure_is_final(world: World, claims: Claims, work: Deletion) -> None:
    for _ in range(MAX_FAILURES - 1):
        with pytest.raises(Retry), claims.hold(again(world, work)):
            raise Retry("the model is out of reach")
    with pytest.raises(GiveUp) as given_up, claims.hold(again(world, work)):
        raise Retry("the model is out of reach")
    assert given_up.value.code == "attempts_exhausted"
    assert "out of reach" in given_up.value.message


def test_a_failure_is_final_at_once_where_the_work_says_so(world: World, claims: Claims, work: Deletion) -> None:
    with pytest.raises(GiveUp), claims.hold(work):
        raise GiveUp("unreadable", "this is no film")
    held = again(world, work)
    assert held.lease_until is not None, "the lease stays in hand, so that the failure can be written"
    batch = world.store.batch()
    batch.change(work, status="failed", lease_until=None, wake_at=None)
    batch.commit()
    assert again(world, work).status == "failed"
