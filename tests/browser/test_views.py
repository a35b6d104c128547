"""Every view, on a desk and in a hand: it shows itself, it is accessible, it fits, and it does nothing behind one's back."""

import json
from collections.abc import Callable

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import Library, Reader

Sit = Callable[..., Reader]
FAULTS = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
    .map((one) => [one.id, one.nodes.map((node) => node.html.slice(0, 200))])"""
SHOWN = """words => document.body.innerText.includes(words)
    || [...document.querySelectorAll("textarea, option")].some((one) => (one.value + one.textContent).includes(words))"""


def views(library: Library) -> dict[str, str]:
    media, run = f"/media/{library.video_id}", f"/runs/{library.run_id}"
    return {
        f"/library/{library.index_id}": "Two shots",
        "/library/playground": "Nothing here yet",
        f"{media}?t=2": "Segments",
        f"{media}?tab=transcript": "Transcript",
        f"{media}?tab=whole": "Whole item",
        f"/search?q=harbor&index={library.index_id}": "Two shots",
        f"/search/fields?index={library.index_id}": "headline",
        f"/search/sql?index={library.index_id}": "SELECT",
        "/chat": "Ask about your media",
        "/runs": "Scenes",
        run: "completed",
        f"{run}?tab=failures": "Nothing failed",
        f"{run}?tab=calls": "Model",
        f"{run}?tab=media": "Two shots",
        "/prompts": "Scenes",
        "/prompts/new": "Draft it from a sentence",
        f"/prompts/{library.prompt_id}": "Try it on sample data",
        "/integrations": "Nothing connected",
        "/integrations/imports": "No imports yet",
        "/integrations/exports": "JSON lines or Parquet",
        "/integrations/automations": "Connect a bucket first",
        "/integrations/webhooks": "No webhooks yet",
        "/settings": "This machine",
        "/settings/mcp": "Model Context Protocol",
        "/settings/usage": "Limits",
        "/settings/health": "Parts",
    }


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_every_view_shows_itself_is_accessible_and_fits(reader: Sit, library: Library, size: str, scheme: str) -> None:
    tab = reader(size, scheme, token=True)
    tab.expected = (404,)
    tab.page.evaluate(AXE_SCRIPT)  # once: the console stays one page
    for address, words in views(library).items():
        page = tab.see(address)
        tab.until(SHOWN, words)
        found = page.evaluate(FAULTS)
        assert not found, (address, found)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} is wider than the screen"
        assert page.locator(".code-of-call").count() == (address != "/prompts/new"), f"{address} shows its call as code"


def test_what_a_view_did_is_shown_as_code_without_the_credential(reader: Sit, library: Library) -> None:
    tab = reader()
    page = tab.see(f"/search?q=harbor&index={library.index_id}")
    page.get_by_role("button", name="as curl").click()
    shown = page.locator(".snippet pre").inner_text()
    assert f"/indexes/{library.index_id}/search" in shown and "$VIDEOVECTOR_API_KEY" in shown and "sk_live_" not in shown
    page.get_by_role("button", name="as Python").click()
    program = page.locator(".snippet pre").inner_text()
    compile(program, "shown", "exec")
    assert '"query": "harbor"' in program and "sk_live_" not in page.content()


def test_the_credential_leaves_the_address_at_once_and_the_tab_when_signing_out(reader: Sit) -> None:
    tab = reader()
    assert "sk_live_" not in tab.page.url and "key=" not in tab.page.url
    tab.page.get_by_role("button", name="Sign out").first.click()
    tab.page.get_by_label("API key or token").wait_for()
    assert tab.page.evaluate("sessionStorage.length + localStorage.length + document.cookie.length") == 0


def test_a_key_that_is_not_one_is_refused_with_the_cure(reader: Sit) -> None:
    tab = reader()
    tab.expected = (401,)
    tab.page.get_by_role("button", name="Sign out").first.click()
    tab.page.get_by_label("API key or token").fill("sk_live_" + "0" * 48)
    tab.page.get_by_role("button", name="Sign in").click()
    assert "sign in with a key or token that is still valid" in tab.page.get_by_role("alert").inner_text().lower()


def test_what_is_refused_says_what_would_help(reader: Sit, library: Library) -> None:
    tab = reader()
    tab.expected = (415, 422)
    page = tab.see(f"/search/sql?index={library.index_id}")
    page.get_by_label("SQL", exact=True).fill("DROP TABLE films")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("Send one SELECT over the tables").wait_for()
    tab.see(f"/library/{library.index_id}")
    page.get_by_label("Files to upload").set_input_files({"name": "film.mp4", "mimeType": "video/mp4", "buffer": b"no film"})
    page.get_by_text("Choose a film, sound or picture").wait_for()


def test_a_place_that_is_gone_says_so_and_the_way_around_stays(reader: Sit) -> None:
    tab = reader()
    tab.expected = (404,)
    page = tab.see("/media/vid_00000000000000000000000000")
    page.get_by_text("It may have been deleted").wait_for()
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_role("searchbox", name="What to find").wait_for()


def test_what_media_say_of_themselves_is_text_and_never_code(reader: Sit, stack: object) -> None:
    hostile = '<img src=x onerror="document.title=`taken`"><script>document.title="taken"</script>'
    with stack.client() as api:  # type: ignore[attr-defined]
        index_id = api.post("indexes", json={"name": hostile, "description": hostile}).json()["index_id"]
    tab = reader()
    page = tab.see(f"/library/{index_id}")
    page.get_by_role("link", name=hostile).wait_for()
    assert page.title() != "taken" and page.locator(".view script, .view img").count() == 0
    with stack.client() as api:  # type: ignore[attr-defined]
        api.delete(f"indexes/{index_id}")


def test_keys_lead_to_the_search_through_a_list_and_play(reader: Sit, library: Library) -> None:
    tab = reader()
    page = tab.see(f"/media/{library.video_id}?t=1")
    page.locator("video").wait_for()
    tab.until("document.querySelector('video').readyState > 1")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.hasAttribute('data-item')")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    tab.until("!document.querySelector('video').paused")
    page.keyboard.press("Space")
    tab.until("document.querySelector('video').paused")
    page.keyboard.press("/")
    page.get_by_role("searchbox", name="What to find").wait_for()


def test_the_library_leads_to_its_first_index_and_back_leads_out_of_it(reader: Sit, library: Library) -> None:
    tab = reader()
    page = tab.see("/runs")
    tab.see("/library")
    tab.until("location.hash.startsWith('#/library/idx_')")
    page.go_back()
    tab.until("location.hash === '#/runs'")
    page.get_by_role("heading", name="Runs").wait_for()


def test_a_field_shows_what_it_rests_on_and_plays_it(reader: Sit, library: Library) -> None:
    tab = reader()
    page = tab.see(f"/media/{library.video_id}")
    page.get_by_role("button", name="Evidence of 0:04").click()
    source = page.get_by_role("list", name="Evidence of headline").locator("li").first
    assert source.inner_text().startswith("read CITY MARKET")
    source.get_by_role("button").click()
    tab.until("document.querySelector('video').currentTime >= 4")


def test_a_form_made_of_a_schema_holds_what_it_would_send(reader: Sit) -> None:
    schema = {"mood": {"enum": ["calm", "tense"]}, "indoors": {"type": "boolean"}, "count": {"type": "integer", "minimum": 2}}
    tab = reader()
    page = tab.see("/prompts/new")
    page.get_by_label("Schema of the answer (JSON Schema)").fill(json.dumps({"type": "object", "properties": schema}))
    form = page.get_by_role("region", name="Try the schema")
    tab.until("[...document.querySelectorAll('section select')].map((one) => one.value).join() === 'calm,false'")
    form.get_by_label("mood").select_option("tense")
    form.get_by_label("count").fill("1")
    form.get_by_role("button", name="Validate").click()
    assert "count" in form.get_by_role("alert").inner_text()
    form.get_by_text("As JSON").click()
    assert json.loads(form.locator("pre").inner_text()) == {"mood": "tense", "indoors": False, "count": 1}


def test_an_address_with_a_time_opens_the_film_there_and_lanes_lead_through_it(reader: Sit, library: Library) -> None:
    tab = reader()
    page = tab.see(f"/media/{library.video_id}?t=5.5")
    tab.until("Math.abs(document.querySelector('video')?.currentTime - 5.5) < 0.6")
    page.locator(".piece").first.click()
    tab.until("document.querySelector('video').currentTime < 5")
    assert "t=0" in page.url
    page.locator(".scrub").hover(position={"x": 200, "y": 8})
    page.locator(".preview b").wait_for()
