"""What our HTTP kit costs: `GET /indexes/{id}` at the function, over a bare handler that reads the same document.

Both run under functions-framework against the same Firestore, asked in turns by one client.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from google.cloud import firestore

from bench.figure import Figure
from bench.site import BenchSite, free_port, fresh
from infra.manifests import ROOT

_WARM, _COUNTED = 100, 500
_START_SECONDS = 30.0
_BARE = """
import json, os
import functions_framework
from google.cloud import firestore

client = None

@functions_framework.http
def bare(request):
    global client
    if client is None:
        client = firestore.Client(project=os.environ["PROJECT_ID"])
    document = client.document(os.environ["DOCUMENT"]).get()
    return json.dumps(document.to_dict(), default=str), 200, {"Content-Type": "application/json"}
"""
_OURS = "from functions.api.indexes.main import indexes\n"


def run() -> list[Figure]:
    with fresh() as site, tempfile.TemporaryDirectory() as folder:
        api = site.api()
        index_id = api.index("Measured")["index_id"]
        api.close()
        environment = {**os.environ, **site.environment(), "DOCUMENT": _document(site, index_id), "PYTHONPATH": str(ROOT)}
        bare, ours = Path(folder) / "bare", Path(folder) / "ours"
        for place, text in ((bare, _BARE), (ours, _OURS)):
            place.mkdir()
            (place / "main.py").write_text(text)
        with _served(bare, "bare", environment) as bare_port, _served(ours, "indexes", environment) as our_port:
            path = f"/api/v2/indexes/{index_id}"
            addresses = [f"http://127.0.0.1:{port}{path}" for port in (bare_port, our_port, site.port)]
            low, mine, door = _medians(addresses, site.credentials["api_key"])
    return [
        Figure("GET /indexes/{id} at the function, over a bare handler", mine / low, "x", "< 1.3"),
        Figure("  the bare handler, median", low * 1000, "ms"),
        Figure("  the function, median", mine * 1000, "ms"),
        Figure("  through the local gateway, median", door * 1000, "ms"),
    ]


def _document(site: BenchSite, index_id: str) -> str:
    """Path of the index in Firestore."""
    environment = site.environment()
    os.environ["FIRESTORE_EMULATOR_HOST"] = environment["FIRESTORE_EMULATOR_HOST"]  # read by the client itself
    client = firestore.Client(project=environment["PROJECT_ID"])
    tenant = next(iter(client.collection("tenants").list_documents()))  # a fresh site has one
    return tenant.collection("indexes").document(index_id).path


def _medians(addresses: list[str], api_key: str) -> list[float]:
    """Seconds per address, asked in turns so that a busy moment falls on all alike."""
    taken: list[list[float]] = [[] for _ in addresses]
    with httpx.Client(headers={"X-API-Key": api_key}, trust_env=False, timeout=30) as client:
        for round_ in range(_WARM + _COUNTED):
            for address, times in zip(addresses, taken, strict=True):
                begun = time.perf_counter()
                client.get(address).raise_for_status()
                if round_ >= _WARM:
                    times.append(time.perf_counter() - begun)
    return [statistics.median(times) for times in taken]


@contextmanager
def _served(folder: Path, target: str, environment: dict[str, str]) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "functions_framework", "--source", "main.py", "--target", target]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        ends = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"{target} did not start under functions-framework")
            time.sleep(0.05)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def _listens(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/robots.txt", trust_env=False)
    except httpx.HTTPError:
        return False
    return True
