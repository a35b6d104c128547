"""How much the console weighs, and how much of a large library it draws."""

import os
from collections.abc import Callable
from pathlib import Path

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from tests.browser.conftest import Library, Reader
from tests.e2e.stack import Stack

Sit = Callable[..., Reader]
ITEMS = 10_000
_WRITES = 500  # of one commit


def test_the_first_view_is_less_than_100_kilobytes(reader: Sit, library: Library) -> None:
    page = reader().see(f"/library/{library.index_id}")
    page.locator(".card").first.wait_for()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".filter(one => one.name.includes('/console') || one.name.includes('/api/')).map(one => one.transferSize)"
    )
    assert 0 < sum(sizes) < 100_000, sizes


def test_a_grid_of_ten_thousand_items_draws_only_what_is_in_sight(reader: Sit, library: Library, stack: Stack) -> None:
    index_id = _filled(stack, library)
    tab = reader()
    page = tab.see("/library/playground")
    page.evaluate(
        "window.longest = 0; new PerformanceObserver(list => list.getEntries().forEach(one =>"
        " window.longest = Math.max(window.longest, one.duration))).observe({entryTypes: ['longtask']})"
    )
    tab.see(f"/library/{index_id}")
    page.locator(".card").first.wait_for()
    most = 0
    loaded = "Number(document.querySelector('.grid li')?.getAttribute('aria-setsize') ?? 0)"
    while page.evaluate(loaded) < ITEMS:
        before = page.evaluate(loaded)
        page.evaluate("document.getElementById('main').scrollTo(0, 1e9)")
        tab.until(f"before => {loaded} > before", before)
        most = max(most, page.evaluate("document.querySelectorAll('*').length"))
    page.evaluate("document.getElementById('main').scrollTo(0, 1e9)")
    tab.until(f"document.querySelector('.grid li:last-child').getAttribute('aria-posinset') === '{ITEMS}'")
    print(f"\n{ITEMS} items: at most {most} nodes, longest task {page.evaluate('window.longest'):.0f} ms")
    assert most < 500


def _filled(stack: Stack, library: Library) -> str:
    """An index of copies of the one film's document: what the grid shows of a library that would take days to upload."""
    with stack.client() as api:
        index_id = api.post("indexes", json={"name": "Ten thousand"}).json()["index_id"]
    store = _store(stack)
    found = [one for one in store.collection_group("videos").limit(50).stream() if one.id == library.video_id]
    source = found[0].to_dict()
    home = found[0].reference.parent
    for start in range(0, ITEMS, _WRITES):
        batch = store.batch()
        for number in range(start, start + _WRITES):
            video_id = f"vid_{number:026d}"
            batch.set(home.document(video_id), {**source, "video_id": video_id, "index_id": index_id, "title": f"Item {number}"})
        batch.commit()
    return index_id


def _store(stack: Stack) -> firestore.Client:
    """The product's own store, by the address that its processes were started with."""
    pid = stack.children()["api"]
    said = dict(one.partition("=")[::2] for one in Path(f"/proc/{pid}/environ").read_text().split("\0"))
    host = said["FIRESTORE_EMULATOR_HOST"]
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    try:
        return firestore.Client(project=said["PROJECT_ID"], credentials=AnonymousCredentials())
    finally:
        del os.environ["FIRESTORE_EMULATOR_HOST"]
