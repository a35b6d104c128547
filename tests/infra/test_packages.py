"""Each function's zip: reproducible, lean, and enough to start alone with only its own requirements."""

import hashlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

import pytest

from infra.lock import pins
from infra.manifests import ROOT, Manifest, load_manifests
from infra.package import entries, pack, write

MANIFESTS = load_manifests()
SITES = ROOT / "build" / "test-sites"  # on the file system of .venv, so that files can be linked
START_SECONDS = 60


@pytest.mark.parametrize("manifest", MANIFESTS[:3], ids=lambda manifest: manifest.name)
def test_packaging_twice_gives_the_same_bytes(manifest: Manifest, tmp_path: Path) -> None:
    first = write(manifest, tmp_path / "a")
    second = write(manifest, tmp_path / "b")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())


def test_the_name_changes_with_the_content_and_the_older_zip_goes(tmp_path: Path) -> None:
    manifest = MANIFESTS[0]
    stale = tmp_path / f"{manifest.name}-0123456789ab.zip"
    stale.write_bytes(b"")
    path = write(manifest, tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.stem.endswith(hashlib.sha256(path.read_bytes()).hexdigest()[:12])


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.name)
def test_a_package_holds_no_other_function_and_no_heavy_client(manifest: Manifest) -> None:
    files = entries(manifest)
    own = f"functions/{manifest.group}/{manifest.folder.name}/"
    parents = {"functions/__init__.py", f"functions/{manifest.group}/__init__.py"}
    assert all(path.startswith(own) or path in parents for path in files if path.startswith("functions/"))
    assert not any(path.startswith("emulators/") for path in files)
    assert b"google-cloud-aiplatform" not in files["requirements.txt"]


def started_always(manifest: Manifest) -> bool:
    """One of each kind is started in every run; all of them in a long one."""
    return manifest.name in ("markers", "settle-run")


@pytest.mark.parametrize(
    "manifest",
    [pytest.param(one, id=one.name, marks=() if started_always(one) else pytest.mark.long) for one in MANIFESTS],
)
def test_a_package_starts_alone_and_answers(manifest: Manifest, tmp_path: Path) -> None:
    with zipfile.ZipFile(write(manifest, tmp_path)) as archive:
        archive.extractall(tmp_path / "src")
    site = site_with_only(tmp_path / "src" / "requirements.txt")
    with started(manifest, tmp_path / "src", site) as port:
        if manifest.group == "pipeline":
            assert ask(port, "POST", "/", b'{"kind": "nonsense"}')[0] == 200  # refused for good, so not delivered again
        else:
            status, body = ask(port, "GET", "/api/v2/there/is/nothing")
            assert status == 404
            assert b'"request_id"' in body


def site_with_only(requirements: Path) -> Path:
    """A folder with the files of exactly these distributions, made once per set of them."""
    wanted = sorted(pins(requirements).items())
    folder = SITES / hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]
    if folder.exists():
        return folder
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    for name, version in wanted:
        installed = distribution(name)
        assert installed.version == version
        for file in installed.files or ():
            if not file.as_posix().startswith(".."):
                target = fresh / file
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(Path(str(installed.locate_file(file))), target)
    try:
        fresh.rename(folder)
    except OSError:  # another worker was quicker
        shutil.rmtree(fresh)
    return folder


@contextmanager
def started(manifest: Manifest, source: Path, site: Path) -> Iterator[int]:
    """The function under functions-framework, on a port, without the environment's own packages."""
    with socket.create_server(("127.0.0.1", 0)) as trial:
        port = trial.getsockname()[1]
    command = [sys.executable, "-S", "-W", "ignore", "-m", "functions_framework", "--source", "main.py"]
    command += ["--target", manifest.entry_point, "--host", "127.0.0.1", "--port", str(port)]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "HOME": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    log = source.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=source, env=env, stdout=output, stderr=output, start_new_session=True)
    try:
        ends = time.monotonic() + START_SECONDS
        while not listening(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.05)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def listening(port: int) -> bool:
    try:
        ask(port, "GET", "/robots.txt")
    except OSError:
        return False
    return True


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_zip_of_the_same_files_does_not_depend_on_their_order() -> None:
    assert pack({"b": b"2", "a": b"1"}) == pack({"a": b"1", "b": b"2"})


@pytest.mark.parametrize(
    ("module", "changed", "same"),
    [
        ("shared/vectors/index.py", {"search", "purge", "process-segment"}, {"markers", "api-keys", "tick"}),
        ("shared/http/app.py", {"search", "markers", "api-keys"}, {"purge", "process-segment", "tick"}),
        ("shared/store/documents.py", {"search", "markers", "api-keys", "purge", "process-segment", "tick"}, set()),
    ],
)
def test_a_change_in_one_shared_module_changes_only_the_packages_that_use_it(
    module: str, changed: set[str], same: set[str]
) -> None:
    for manifest in MANIFESTS:
        if manifest.name in changed | same:
            files = entries(manifest)
            touched = {path: content + b"# another line" * (path == module) for path, content in files.items()}
            assert (pack(touched) != pack(files)) is (manifest.name in changed), manifest.name
