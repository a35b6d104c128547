"""The page of the reference in a real browser: all of it comes from the site itself, nothing it does is refused, and it tries."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import PATIENCE
from tests.e2e.stack import Stack, eventually

REFUSED = "document.addEventListener('securitypolicyviolation', said => console.error('policy ' + said.violatedDirective))"


@pytest.fixture
def page(stack: Stack, browser: Any) -> Iterator[Any]:
    """The reference, drawn; what must never happen in it is held against it at its end."""
    base = stack.said["base_url"].removesuffix("/api/v2")
    opened = browser.new_page()
    opened.set_default_timeout(3 * PATIENCE)  # it draws more than a hundred operations
    faults: list[str] = []
    opened.on("console", lambda word: faults.append(word.text) if word.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("requestfailed", lambda request: faults.append(f"{request.url}: {request.failure}"))
    opened.on(
        "request", lambda request: faults.append(request.url) if not request.url.startswith((base, "data:", "blob:")) else None
    )
    opened.add_init_script(REFUSED)
    answer = opened.goto(f"{base}/docs")
    assert answer.status == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    opened.locator("[data-content-id='get-/api/v2/indexes']").first.wait_for(state="attached")
    yield opened
    opened.close()
    assert faults == []


def test_every_operation_has_its_place_in_the_navigation(page: Any, stack: Stack) -> None:
    document = page.request.get(stack.said["base_url"].removesuffix("/api/v2") + "/openapi.json").json()
    operations = {f"{method}-{path}" for path, methods in document["paths"].items() for method in methods}
    wanted = {re.sub(r"[{}]", "-", one) for one in operations}  # as the viewer names them
    assert len(wanted) > 100
    places = page.locator("[data-content-id]")
    shown = "found => found.map(one => one.dataset.contentId)"
    eventually(lambda: wanted <= set(places.evaluate_all(shown)), 60, "every operation can be gone to")


def test_an_operation_is_tried_with_the_readers_own_key(page: Any, stack: Stack) -> None:
    sent: list[Any] = []
    page.on("response", lambda answer: sent.append(answer) if answer.url.endswith("/api/v2/indexes") else None)
    key = stack.said["api_key"]
    assert page.evaluate("key => document.querySelector('rapi-doc').setApiKey('apiKey', key)", key)
    page.evaluate("document.querySelector('rapi-doc').scrollToPath('get-/api/v2/indexes')")
    page.get_by_role("button", name="TRY").first.click()
    eventually(lambda: page.evaluate("0") == 0 and sent, 60, "the call was answered")
    assert sent[0].status == 200 and sent[0].request.headers["x-api-key"] == key
