"""How much the console weighs, how soon it is there, and how much of a large library it draws."""

from collections.abc import Callable
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from tests.browser.conftest import Library, Reader
from tests.e2e.stack import Stack

Sit = Callable[..., Reader]
ITEMS = 10_000
_WRITES = 500  # of one commit
WEIGHT = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .filter((one) => one.name.includes("/console") || one.name.includes("/api/")).map((one) => one.transferSize)"""
WATCH = """() => {
    window.longest = 0;
    new PerformanceObserver((list) => (window.longest = Math.max(longest, ...list.getEntries().map((one) => one.duration))))
        .observe({entryTypes: ["longtask"]});
}"""
# From the end to the beginning, up to three screens in a frame, as wheels and flicks do; answers the most nodes there were.
SCROLL = """async () => {
    const main = document.getElementById("main");
    let most = 0;
    for (let frame = 0; main.scrollTop > 0; frame++) {
        main.scrollBy(0, -main.clientHeight * (frame % 20 ? 3 : 1 / 6));
        await new Promise(requestAnimationFrame);
        most = Math.max(most, document.querySelectorAll("*").length);
    }
    return most;
}"""
LOADED = "Number(document.querySelector('.grid li')?.getAttribute('aria-setsize') ?? 0)"


@pytest.fixture(scope="module")
def large(stack: Stack, library: Library, processes: dict[str, str]) -> str:
    """An index of copies of the one film's document: what the grid shows of a library that would take days to upload."""
    with stack.client() as api:
        index_id = api.post("indexes", json={"name": "Ten thousand"}).json()["index_id"]
        tenant = api.get(f"videos/{library.video_id}").json()["video_uri"].split("/")[4]
    store = _store(processes)
    videos = store.collection(f"tenants/{tenant}/videos")
    item = videos.document(library.video_id).get().to_dict()
    for start in range(0, ITEMS, _WRITES):
        batch = store.batch()
        for number in range(start, start + _WRITES):
            copy: dict[str, Any] = {"video_id": f"vid_{number:026d}", "index_id": index_id, "title": f"Item {number}"}
            batch.set(videos.document(copy["video_id"]), {**item, **copy})
        batch.commit()
    return index_id


def _store(processes: dict[str, str]) -> firestore.Client:
    """The product's own store, by the address that its processes were started with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", processes["FIRESTORE_EMULATOR_HOST"])
        return firestore.Client(project=processes["PROJECT_ID"], credentials=AnonymousCredentials())


def test_the_first_view_of_a_large_library_is_light(reader: Sit, large: str) -> None:
    tab = reader()
    tab.page.goto("about:blank")
    page = tab.page
    page.goto(f"{tab.console}#/library/{large}")
    page.locator(".card").first.wait_for()
    sizes = page.evaluate(WEIGHT)
    drawn = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
    card = page.evaluate("performance.now()")
    print(f"\nfirst view: {sum(sizes):,} bytes; painted after {drawn:.0f} ms, first card after {card:.0f} ms")
    assert 0 < sum(sizes) < 100_000, sizes


def test_a_grid_of_ten_thousand_items_draws_only_what_is_in_sight(reader: Sit, large: str) -> None:
    tab = reader()
    page = tab.see("/library/playground")
    page.evaluate(WATCH)
    tab.see(f"/library/{large}")
    page.locator(".card").first.wait_for()
    most = 0
    while (before := page.evaluate(LOADED)) < ITEMS:
        page.evaluate("document.getElementById('main').scrollTo(0, 1e9)")
        tab.until(f"before => {LOADED} > before", before)
        most = max(most, page.evaluate("document.querySelectorAll('*').length"))
    page.evaluate("document.getElementById('main').scrollTo(0, 1e9)")  # the last page made it longer once more
    tab.until(f"document.querySelector('.grid li:last-child').getAttribute('aria-posinset') === '{ITEMS}'")
    most = max(most, page.evaluate(SCROLL))
    tab.until("document.querySelector('.grid li').getAttribute('aria-posinset') === '1'")
    print(f"\n{ITEMS} items: at most {most} nodes, longest task {page.evaluate('window.longest'):.0f} ms")
    assert most < 500
