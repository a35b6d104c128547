"""The control surface: what is ordered there happens in the emulators, and nonsense is refused whole."""

import pytest
from starlette.testclient import TestClient

from emulators.clock import MovableClock
from emulators.control import control_app
from emulators.faults import Fault, Faults, InjectedFault


class Surface:
    def __init__(self) -> None:
        self.faults = Faults()
        self.clock = MovableClock(lambda: 1000.0)
        self.emptied: list[str] = []
        self.told: list[float] = []
        resets = {name: lambda name=name: self.emptied.append(name) for name in ("pubsub", "tasks")}
        app = control_app(self.faults, self.clock, resets, [lambda: self.told.append(self.clock())])
        self.http = TestClient(app)


@pytest.fixture
def surface() -> Surface:
    return Surface()


def test_it_shows_the_time_the_services_and_the_failures_still_to_come(surface: Surface) -> None:
    surface.faults.order(Fault("tasks.dispatch"))

    shown = surface.http.get("/_control").json()

    assert (shown["now"], shown["services"]) == (1000.0, ["pubsub", "tasks"])
    assert [fault["operation"] for fault in shown["faults"]] == ["tasks.dispatch"]


def test_a_failure_ordered_over_http_strikes_as_often_as_ordered(surface: Surface) -> None:
    answer = surface.http.post("/_control/faults", json=[{"operation": "a.B", "status": 429, "times": 2}])
    assert answer.status_code == 201
    for _ in range(2):
        with pytest.raises(InjectedFault) as struck, surface.faults.around("a.B"):
            pass
        assert struck.value.status == 429
    with surface.faults.around("a.B"):
        pass


def test_ordered_failures_can_be_taken_back(surface: Surface) -> None:
    surface.http.post("/_control/faults", json=[{"operation": "a.B"}])
    assert surface.http.delete("/_control/faults").status_code == 204

    assert surface.faults.pending() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "x"},
        [{"operation": "ok"}, {"no": "operation"}],
        [{"operation": "ok"}, {"operation": "x", "effect": "explode"}],
        [{"operation": "ok"}, {"operation": "x", "times": "many"}],
        [{"operation": ""}],
        ["x"],
    ],
)
def test_a_list_with_one_wrong_fault_orders_none(surface: Surface, wrong: object) -> None:
    assert surface.http.post("/_control/faults", json=wrong).status_code == 400
    assert surface.faults.pending() == []


def test_the_clock_moves_forward_and_whoever_waits_is_told(surface: Surface) -> None:
    answer = surface.http.post("/_control/clock", json={"advance_seconds": 90})

    assert answer.json()["now"] == surface.clock() == 1090.0
    assert surface.told == [1090.0]


@pytest.mark.parametrize("seconds", [-1, "1", None, True])
def test_the_clock_refuses_what_is_not_a_time_ahead(surface: Surface, seconds: object) -> None:
    assert surface.http.post("/_control/clock", json={"advance_seconds": seconds}).status_code == 400
    assert surface.clock() == 1000.0


def test_a_reset_empties_the_services_named_or_all(surface: Surface) -> None:
    surface.http.post("/_control/reset", json={"services": ["tasks"]})
    assert surface.emptied == ["tasks"]
    surface.http.post("/_control/reset", json={})

    assert surface.emptied == ["tasks", "pubsub", "tasks"]


def test_a_reset_of_an_unknown_service_empties_none(surface: Surface) -> None:
    answer = surface.http.post("/_control/reset", json={"services": ["tasks", "bakery"]})

    assert (answer.status_code, surface.emptied) == (404, [])


def test_a_body_that_is_not_json_is_refused(surface: Surface) -> None:
    assert surface.http.post("/_control/clock", content=b"{").status_code == 400
