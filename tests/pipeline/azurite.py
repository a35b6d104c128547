"""Azure Blob Storage as Microsoft's own emulator plays it, and a directory that issues tokens for it, each over TLS."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.pipeline import loopback_tls
from tests.pipeline.stores import free_port, served

VERSION = "3.35.0"  # the last one that runs on every Node.js still in use
ACCOUNT = "devstoreaccount1"
TENANT_ID = "7d7a3f1e-0000-4000-8000-00000000000a"
INSTALL_SECONDS = 240


@dataclass
class Directory:
    """Issues a token to whoever brings a service principal's secret; `asked` are the secrets that were brought."""

    secret: str
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        own = f"{self.url}/{TENANT_ID}"
        if path.split("?")[0].endswith("/.well-known/openid-configuration"):
            places = {"authorization_endpoint": f"{own}/oauth2/v2.0/authorize", "token_endpoint": f"{own}/oauth2/v2.0/token"}
            return 200, {"issuer": f"{own}/v2.0", **places}
        brought = parse_qs(body.decode()).get("client_secret", [""])[0]
        self.asked.append(brought)
        if brought != self.secret:
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": _token()}


def _token() -> str:
    """What Azurite looks at is in it; it cannot check a signature."""
    now = int(time.time())
    issuer = f"https://sts.windows.net/{TENANT_ID}/"
    claims = {"aud": "https://storage.azure.com", "iss": issuer, "iat": now - 60, "nbf": now - 60, "exp": now + 3599}
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2lnbmVk"])


@dataclass(frozen=True)
class Azurite:
    endpoint: str
    directory: Directory
    authority_file: Path

    @property
    def settings(self) -> dict[str, str]:
        """Of a deployment whose Azure this is."""
        return {
            "azure_blob_endpoint": self.endpoint,
            "azure_authority_host": self.directory.url,
            "connector_ca_file": str(self.authority_file),
        }


@contextmanager
def azurite(folder: Path, secret: str) -> Iterator[Azurite]:
    """Skips where there is no Node.js, or the registry does not give the emulator away."""
    program = _installed()
    certificate, key = loopback_tls.certificate(folder)
    port = free_port()
    command = ["node", str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--oauth", "basic", "--silent"]
    command += ["--cert", str(certificate), "--key", str(key), "--location", str(folder), "--disableTelemetry"]
    command.append("--skipApiVersionCheck")
    with serving(Directory(secret), certificate, key) as directory, served(command, port, folder / "azurite.log"):
        yield Azurite(f"https://127.0.0.1:{port}", directory, certificate)


@contextmanager
def serving(directory: Directory, certificate: Path, key: Path) -> Iterator[Directory]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, said = directory.answer(self.path, body)
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _reply

        def log_message(self, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    directory.url = f"https://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield directory
    finally:
        server.shutdown()
        server.server_close()


def _installed() -> Path:
    """The program, kept in the user's cache for the next run: npm takes a minute to fetch it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "videovector-functions"
    kept = cache / f"azurite-{VERSION}"
    program = kept / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed, so there is no Azurite")
    if program.is_file():
        return program
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as making:
        wanted = ["--no-audit", "--no-fund", "--ignore-scripts", f"azurite@{VERSION}"]
        try:
            subprocess.run(["npm", "install", *wanted], cwd=making, capture_output=True, timeout=INSTALL_SECONDS, check=True)
        except subprocess.SubprocessError:
            pytest.skip("npm could not fetch Azurite")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.move(Path(making) / "node_modules", kept / "node_modules")
    return program
