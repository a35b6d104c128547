"""One running product with one film in it, and a real Chromium to look at it. Without Chromium these tests are skipped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from demo.film import SCENES, make_film
from infra import chromium
from tests.e2e.stack import Stack, eventually, free_port, start

playwright = pytest.importorskip("playwright.sync_api")

HERE = Path(__file__).parent
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
SIZES = {"desktop": {"width": 1360, "height": 860}, "phone": {"width": 390, "height": 844}}
PATIENCE = 20_000  # milliseconds; a loaded machine is slow, and a condition that holds sooner is seen sooner
PROMPT = {
    "name": "Scenes",
    "prompt_text": "Describe the scene that is shown and the words that can be read in it.",
    "json_schema": {
        "type": "object",
        "properties": {"headline": {"type": "string"}, "summary": {"type": "string"}},
        "required": ["headline", "summary"],
    },
    "video_level": {
        "instructions_text": "Sum the film up.",
        "json_schema": {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]},
    },
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator["playwright.Browser"]:
    path = chromium.find()
    if path is None:
        pytest.skip("no Chromium is installed: make chromium")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=QUIET)
        yield running
        running.close()


@pytest.fixture(scope="session")
def s3_port() -> int:
    """Where a test that needs one starts a store that speaks like S3."""
    return free_port()


@pytest.fixture(scope="session")
def stack(browser: "playwright.Browser", s3_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{s3_port}")
        running = start(tmp_path_factory.mktemp("site") / "data")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def processes(stack: Stack) -> dict[str, str]:
    """The settings that the product's processes were started with."""
    said = Path(f"/proc/{stack.children()['api']}/environ").read_text()
    return dict(one.partition("=")[::2] for one in said.split("\0"))


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "two-shots.mp4"
    make_film(path, (480, 270), SCENES[:2])
    return path


@dataclass(frozen=True)
class Library:
    index_id: str
    video_id: str
    prompt_id: str
    run_id: str


@pytest.fixture(scope="session")
def library(stack: Stack, film: Path) -> Library:
    """An index with a film that a run is complete over."""
    with stack.client() as api:
        index_id = _made(api.post("indexes", json={"name": "Films"}))["index_id"]
        prompt_id = _made(api.post("prompts", json=PROMPT))["prompt_id"]
        with film.open("rb") as content:
            sent = {"title": "Two shots", "index_id": index_id}
            video_id = _made(api.post("videos/upload", files={"file": ("two.mp4", content, "video/mp4")}, data=sent))["video_id"]
        target = {"type": "index", "index_id": index_id}
        settings = {"prompt_id": prompt_id, "target": target, "video_segmentation_type": "content_aware"}
        run_id = _made(api.post("prompt-runs/execute", json=settings))["run_id"]
        eventually(lambda: api.get(f"prompt-runs/{run_id}").json()["status"] == "completed", 120, "the run is complete")
    return Library(index_id, video_id, prompt_id, run_id)


def _made(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code in (200, 201, 202), answer.text
    return answer.json()


@dataclass
class Reader:
    """A tab that is signed in. What must never happen in one is gathered in `complaints` and held against it at its end."""

    page: "playwright.Page"
    console: str
    complaints: list[str] = field(default_factory=list)
    expected: tuple[int, ...] = ()  # statuses that Chromium may report as failed loads in this test

    def see(self, address: str) -> "playwright.Page":
        """Goes to a place in the console as a link would, and waits until the view is drawn and nothing loads."""
        self.page.evaluate("address => { location.hash = address }", address)
        self.page.locator(".view > *").first.wait_for()
        self.until("!document.querySelector('.view .waiting')")
        return self.page

    def until(self, holds: str, given: object = None) -> None:
        """Waits for a condition on the page; by evaluation, since the page's own policy forbids what `wait_for_function` does."""
        condition = holds if "=>" in holds else f"() => {holds}"
        what = f"{holds} {given or ''} at {self.page.url}"
        eventually(lambda: self.page.evaluate(condition, given), PATIENCE / 1000, what)


@pytest.fixture
def reader(browser: "playwright.Browser", stack: Stack) -> Iterator[Callable[..., Reader]]:
    """Opens tabs: `reader("phone", scheme="dark", token=True)`."""
    opened: list[tuple[playwright.BrowserContext, Reader]] = []

    def sit(size: str = "desktop", scheme: str = "light", *, token: bool = False, reduced: bool = True) -> Reader:
        motion = "reduce" if reduced else "no-preference"
        context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, reduced_motion=motion, has_touch=size == "phone")
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        said = stack.said
        one = Reader(page, said["console_url"])
        opened.append((context, one))
        home = urlsplit(said["base_url"]).hostname
        page.on("console", lambda word: one.complaints.append(word.text) if word.type in ("error", "warning") else None)
        page.on("pageerror", lambda fault: one.complaints.append(str(fault)))
        page.on("request", lambda asked: one.complaints.append(asked.url) if _foreign(asked.url, home) else None)
        credential = f"token={said['bearer_token']}" if token else f"key={said['api_key']}"
        page.goto(f"{one.console}#{credential}")
        page.get_by_role("navigation", name="Views").wait_for()
        return one

    yield sit
    for context, one in opened:
        context.close()
        kept = [said for said in one.complaints if not any(f"status of {status}" in said for status in one.expected)]
        assert not kept, kept


def _foreign(url: str, home: str | None) -> bool:
    """Locally the API and the object store are two ports of this machine; nothing else may be asked."""
    parts = urlsplit(url)
    return parts.scheme not in ("data", "blob") and parts.hostname != home
