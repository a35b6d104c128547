"""From a file on one's disk to an answer that plays where it says, by hand alone."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Library, Reader

Sit = Callable[..., Reader]
SLOW = 60_000  # milliseconds; a run, on a loaded machine


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_from_an_upload_to_a_cited_answer_that_plays(reader: Sit, library: Library, film: Path, size: str) -> None:
    tab = reader(size)
    page = tab.see("/library")
    page.get_by_role("button", name="New index").click()
    page.get_by_role("textbox", name="Name").fill(f"Journey on a {size}")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("Nothing here yet").wait_for()
    page.get_by_label("Files to upload").set_input_files(film)
    page.get_by_role("list", name="Uploads").get_by_role("link", name="Open").wait_for(timeout=SLOW)
    page.locator(".card").filter(has_text="two-shots").wait_for()

    page.get_by_role("button", name="Run a prompt").click()
    page.get_by_label("Cut films").select_option("content_aware")
    page.get_by_text("model call").wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator(".head .pill", has_text=re.compile("^completed$")).wait_for(timeout=SLOW)

    page.get_by_role("link", name="Search it").click()
    page.get_by_role("searchbox", name="What to find").fill("city market")
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator(".result").first.click()
    page.locator("video").wait_for()
    assert "play=1" in page.url or "t=" in page.url

    tab.see("/chat")
    page.get_by_label("Where to look").select_option(label=f"Journey on a {size}")
    page.get_by_label("Your question").fill("Where is the city market?")
    page.get_by_role("button", name="Ask").click()
    cited = page.locator(".answered p .cite").first
    cited.wait_for(timeout=SLOW)
    cited.click()
    page.locator("dialog video").wait_for()
    tab.until("document.querySelector('dialog video').readyState > 1")
    page.get_by_role("button", name="Close").click()
    page.get_by_text("How it was found").click()
    assert page.locator(".trace li").count() >= 1


def test_a_large_file_goes_in_pieces_and_goes_on_after_the_connection_broke(
    reader: Sit, library: Library, film: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large.mp4"
    content = film.read_bytes()
    padding = 26 * 1024 * 1024 - len(content)
    large.write_bytes(content + (padding + 8).to_bytes(4, "big") + b"free" + bytes(padding))  # a box that players pass over
    tab = reader()
    tab.expected = (308,)
    page = tab.see(f"/library/{library.index_id}")
    broken: list[str] = []

    def break_once(route: object) -> None:
        span = route.request.headers.get("content-range", "")  # type: ignore[attr-defined]
        if span.startswith("bytes 8388608-") and not broken:
            broken.append(span)
            return route.abort()  # type: ignore[attr-defined]
        return route.continue_()  # type: ignore[attr-defined]

    page.route(re.compile("upload_id="), break_once)
    page.get_by_label("Files to upload").set_input_files(large)
    page.get_by_role("list", name="Uploads").get_by_role("link", name="Open").wait_for(timeout=SLOW)
    assert broken
    tab.complaints[:] = [one for one in tab.complaints if "ERR_FAILED" not in one]  # the break itself


# As the browser tells of a file that was let go over the page, or pasted into it.
GIVEN = """([kind, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(bytes)], "shot.jpg", {type: "image/jpeg"}));
    const told = {bubbles: true, cancelable: true};
    const given = {...told, dataTransfer: data, clipboardData: data};
    const event = kind === "drop" ? new DragEvent(kind, given) : new ClipboardEvent(kind, given);
    document.querySelector("section.ask").dispatchEvent(event);
}"""


@pytest.mark.parametrize("way", ["choose", "drop", "paste"])
def test_a_search_by_a_picture_finds_the_shot_it_was_taken_from(reader: Sit, library: Library, stack: object, way: str) -> None:
    with stack.client() as api:  # type: ignore[attr-defined]
        segment = api.get(f"videos/{library.video_id}/segments").json()["data"][0]
        picture = api.get(f"videos/segments/{segment['segment_id']}/thumbnail").content
    tab = reader()
    page = tab.see(f"/search?index={library.index_id}")
    page.get_by_role("searchbox", name="What to find").wait_for()
    if way == "choose":
        page.get_by_label("Picture to search by").set_input_files(
            {"name": "shot.jpg", "mimeType": "image/jpeg", "buffer": picture}
        )
    else:
        page.evaluate(GIVEN, [way, list(picture)])
    page.locator(".result").first.wait_for()
    assert page.locator(".result .time").first.inner_text().startswith("0:00")


def test_a_filter_is_built_from_the_schema_and_a_table_answers_a_sentence(reader: Sit, library: Library) -> None:
    tab = reader()
    page = tab.see(f"/search/fields?index={library.index_id}")
    page.get_by_label("Field", exact=True).select_option("headline")
    page.get_by_label("Value").fill("MARKET")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("status").wait_for()
    tab.see(f"/search/sql?index={library.index_id}")
    page.get_by_role("button", name="Run").click()
    page.locator("tbody tr").first.wait_for()
    page.get_by_role("link", name="play").first.click()
    page.locator("video").wait_for()


def test_a_prompt_is_drafted_tried_and_saved(reader: Sit, stack: object) -> None:
    tab = reader()
    page = tab.see("/prompts/new")
    page.get_by_label("Draft it from a sentence").fill("Find every product that is shown, with its brand")
    page.get_by_role("button", name="Draft").click()
    tab.until("document.querySelector('form[aria-label=Prompt] textarea').value.length > 9")
    page.get_by_role("button", name="Validate").click()
    page.get_by_text("Valid.").wait_for()
    page.get_by_label("Schema of the answer (JSON Schema)").fill("{ not json")
    page.get_by_role("form", name="Prompt").get_by_role("alert").wait_for()
    assert page.get_by_role("button", name="Create").is_disabled()
