"""The MCP endpoint of the running product, by the official client: every tool, in both generations of the protocol."""

import json
from pathlib import Path

import anyio
import av
import pytest

from functions.api.mcp.table import TOOLS
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
