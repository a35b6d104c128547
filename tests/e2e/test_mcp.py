"""The MCP endpoint of the running product, by the official client: every tool, in both generations of the protocol."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import anyio
import av
import pytest

from functions.api.mcp.table import TOOLS
from tests.e2e.key_adding_proxy import adding
from tests.e2e.mcp_tour import Tour, connected, everything
from tests.e2e.stack import Stack


def endpoint(stack: Stack) -> str:
    return stack.said["base_url"].removesuffix("/api/v2") + "/mcp"


def first_picture(film: Path, folder: Path) -> Path:
    with av.open(str(film)) as opened:
        frame = next(opened.decode(video=0))
    path = folder / "still.jpg"
    frame.to_image().save(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "spoken"), [pytest.param("legacy", "2025-11-25", marks=pytest.mark.long), ("2026-07-28", "2026-07-28")]
)
def test_every_tool_works_in_both_generations_of_the_protocol(
    stack: Stack, film: tuple[Path, list], tmp_path: Path, mode: str, spoken: str
) -> None:
    picture = first_picture(film[0], tmp_path)
    with stack.client() as client:
        index_id = client.post("/indexes", json={"name": f"Films {mode}"}).json()["index_id"]
        with film[0].open("rb") as stream:
            form = {"title": "Film", "index_id": index_id}
            video_id = client.post("/videos/upload", data=form, files={"file": ("film.mp4", stream, "video/mp4")}).json()[
                "video_id"
            ]
    key = json.loads((stack.data_dir / "secrets" / "service-account.json").read_text())["private_key"]

    async def tour() -> None:
        async with connected(endpoint(stack), stack.said["api_key"], mode) as client:
            assert client.protocol_version == spoken
            listed = await client.list_tools()
            assert [tool.name for tool in listed.tools] == list(TOOLS)
            tour = Tour(client)
            await everything(tour, video_id, index_id, picture, key)
            assert set(tour.called) == set(TOOLS)

    anyio.run(tour)


# What the suite wants prompts or resources for, which a product does not have.
NOT_OURS = {
    "sep-2549-prompts-list-caching-hints",
    "sep-2549-resources-list-caching-hints",
    "sep-2549-resources-templates-list-caching-hints",
}
SCENARIOS = [
    ("tools-list", "2026-07-28"),
    ("caching", "2026-07-28"),
    ("http-header-validation", "2026-07-28"),
    ("dns-rebinding-protection", "2026-07-28"),
    ("server-initialize", "2025-11-25"),
    ("ping", "2025-11-25"),
]


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the protocol's own conformance suite, and a Node.js that is new enough for it, both from npm."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("conformance")
    wanted = ["node@22", "@modelcontextprotocol/conformance@0.2.0-alpha.12"]
    got = subprocess.run(["npm", "install", "--no-audit", "--no-fund", *wanted], cwd=folder, capture_output=True, timeout=300)
    if got.returncode:
        pytest.skip("npm could not fetch the conformance suite")
    programs = folder / "node_modules" / ".bin"
    return [str(programs / "node"), str(programs / "conformance")]


@pytest.mark.long
@pytest.mark.parametrize(("scenario", "revision"), SCENARIOS)
def test_the_protocols_own_conformance_suite_finds_nothing(stack: Stack, suite: list[str], scenario: str, revision: str) -> None:
    with adding(stack.said["api_key"], stack.port) as port:
        where = ["--url", f"http://127.0.0.1:{port}/mcp", "--scenario", scenario, "--spec-version", revision]
        ran = subprocess.run([*suite, "server", *where], capture_output=True, text=True, timeout=120)
    said = re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout + ran.stderr)
    assert re.search(r"Passed: [1-9]", said), said
    assert set(re.findall(r"\[([\w-]+)\s*\] FAILURE", said)) <= NOT_OURS, said
