"""A journey on which every secret there is gets used, each recognisable; and where none of them may be found afterwards.

A step says which secrets it brought in. A family that takes or gives a secret adds its step to `JOURNEY`.
"""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

# Where a secret is kept on purpose, readable by its owner alone: the installation's own keys and the first credentials.
KEPT_ON_PURPOSE = ("secrets", "credentials.json")


@dataclass
class Traveller:
    """`client` carries the site's admin key, `owner` the owner's bearer token; `canaries` by the name of what they are."""

    client: httpx.Client
    owner: httpx.Client
    film: Path
    canaries: dict[str, str] = field(default_factory=dict)

    def mint(self, name: str, prefix: str = "canary") -> str:
        self.canaries[name] = f"{prefix}{secrets.token_hex(16)}"
        return self.canaries[name]


def api_keys(traveller: Traveller) -> None:
    """Made twice under one idempotency key, used, rotated, wrongly used, sent where it does not belong."""
    again = {"Idempotency-Key": "canary-key"}
    made = traveller.owner.post("/api-keys", json={"name": "canary", "scopes": ["admin"]}, headers=again)
    replayed = traveller.owner.post("/api-keys", json={"name": "canary", "scopes": ["admin"]}, headers=again)
    assert made.status_code == 201 and replayed.json()["key"] == made.json()["key"]
    key = traveller.canaries["api key"] = made.json()["key"]
    assert traveller.client.get("/indexes", headers={"X-API-Key": key}).status_code == 200
    rotated = traveller.owner.post(f"/api-keys/{made.json()['key_id']}/rotate")
    traveller.canaries["rotated api key"] = rotated.json()["new_key"]["key"]
    wrong = traveller.mint("key nobody made", "sk_live_")
    for headers in ({"X-API-Key": wrong}, {"Authorization": f"Bearer {wrong}"}, {"Authorization": f"Basic {wrong}"}):
        assert traveller.client.get("/indexes", headers=headers).status_code in (200, 401)
    traveller.client.get(f"/indexes/{wrong}")
    traveller.client.get("/indexes", params={"api_key": wrong})
    traveller.client.post("/indexes", content=b'{"name": "' + wrong.encode())


def bearer_tokens(traveller: Traveller) -> None:
    token = traveller.owner.headers["Authorization"].removeprefix("Bearer ")
    traveller.canaries["bearer token"] = token.rpartition(".")[2]  # its signature is what makes it one
    assert traveller.owner.get("/auth/validate").status_code == 200
    broken = traveller.mint("broken token", "eyJhbGciOiJSUzI1NiJ9.")
    assert traveller.client.get("/indexes", headers={"X-API-Key": "", "Authorization": f"Bearer {broken}"}).status_code == 401


def a_run(traveller: Traveller) -> None:
    """Media, a prompt, a run: what models are asked and exports tell."""
    index = traveller.client.post("/indexes", json={"name": "Canaries"}).json()["index_id"]
    with traveller.film.open("rb") as content:
        form = {"title": "A film", "index_id": index}
        made = traveller.client.post("/videos/upload", data=form, files={"file": ("f.mp4", content, "video/mp4")})
    assert made.status_code == 201, made.text
    asked = {
        "name": "Scenes",
        "prompt_text": "Describe what is seen and heard.",
        "json_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
    }
    prompt = traveller.client.post("/prompts", json=asked).json()["prompt_id"]
    target = {"type": "index", "index_id": index}
    run = traveller.client.post("/prompt-runs/execute", json={"prompt_id": prompt, "target": target}).json()["run_id"]
    ended = _until(
        lambda: traveller.client.get(f"/prompt-runs/{run}").json(), lambda said: said["status"].startswith(("comp", "fail"))
    )
    assert ended["status"] == "completed", ended
    assert traveller.client.get(f"/prompt-runs/{run}/llm-calls").status_code == 200
    assert traveller.client.post(f"/indexes/{index}/search", json={"query": "a film"}).status_code == 200
    export = traveller.client.post(f"/exports/prompt-runs/{run}")
    if export.status_code < 300:
        said = export.json()["export_id"]
        _until(lambda: traveller.client.get(f"/exports/{said}").json(), lambda one: one["status"] in ("completed", "failed"))


def webhooks(traveller: Traveller) -> None:
    body = {"name": "canary", "url": "https://127.0.0.1:9/hook", "events": ["media.created"]}
    made = traveller.client.post("/webhooks", json=body, headers={"Idempotency-Key": "canary-hook"})
    if made.status_code == 404:
        return
    assert made.status_code < 300, made.text
    secret = made.json().get("secret") or made.json().get("webhook_secret")
    traveller.canaries["webhook secret"] = secret
    again = traveller.client.post("/webhooks", json=body, headers={"Idempotency-Key": "canary-hook"})
    assert again.content == made.content
    turned = traveller.client.post(f"/webhooks/{made.json()['webhook_id']}/rotate-secret")
    if turned.status_code == 200:
        traveller.canaries["rotated webhook secret"] = turned.json()["new_secret"]
    traveller.client.post(f"/webhooks/{made.json()['webhook_id']}/test")
    in_url = traveller.mint("password in a url")
    traveller.client.post("/webhooks", json={**body, "url": f"https://ada:{in_url}@127.0.0.1:9/hook"})


def connectors(traveller: Traveller) -> None:
    """Three kinds of credentials, whatever comes of them, and a test of each."""
    account = {
        "type": "service_account",
        "project_id": "p",
        "client_email": "a@p.iam.gserviceaccount.com",
        "token_uri": "https://127.0.0.1:9/token",
        "private_key_id": traveller.mint("GCS private key id"),
        "private_key": f"-----BEGIN PRIVATE KEY-----\n{traveller.mint('GCS private key')}\n-----END PRIVATE KEY-----\n",
    }
    form = {"name": "g", "bucket": "b-bucket", "gcp_project_id": "p"}
    file = {"credentials_file": ("account.json", json.dumps(account).encode(), "application/json")}
    s3 = {"name": "s", "bucket": "b-bucket", "region": "us-east-1", "access_key_id": traveller.mint("S3 key id", "AKIA")}
    s3["secret_access_key"] = traveller.mint("S3 secret")
    azure_key = base64.b64encode(traveller.mint("Azure account key").encode()).decode()
    azure = {
        "name": "a",
        "account_name": "acct",
        "container_name": "c-container",
        "container": "c-container",
        "account_key": azure_key,
    }
    azure["connection_string"] = (
        f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={azure_key};EndpointSuffix=core.windows.net"
    )
    made = [
        traveller.client.post("/connectors/gcs", data=form, files=file),
        traveller.client.post("/connectors/s3", json=s3, headers={"Idempotency-Key": "canary-s3"}),
        traveller.client.post("/connectors/azure", json=azure),
    ]
    for answer in made:
        assert answer.status_code < 500, answer.text
        if answer.status_code < 300:
            connector = answer.json()["connector_id"]
            traveller.client.get(f"/connectors/{connector}")
            traveller.client.post(f"/connectors/{connector}/test")
            traveller.client.get(f"/connectors/{connector}/browse")


JOURNEY: list[Callable[[Traveller], None]] = [api_keys, bearer_tokens, webhooks, connectors, a_run]


def _until(ask: Callable[[], Any], ended: Callable[[Any], bool]) -> Any:
    import time

    ends = time.monotonic() + 180
    while True:
        said = ask()
        if ended(said):
            return said
        assert time.monotonic() < ends, said
        time.sleep(0.2)


def disguises(secret: str) -> Iterator[bytes]:
    """As it is, and as it would look in JSON inside base64 at each of three offsets."""
    yield secret.encode()
    for offset in range(3):
        encoded = base64.b64encode(b" " * offset + secret.encode())
        yield encoded[4 if offset else 0 : len(encoded) - 8]


def found_in(data_dir: Path, canaries: dict[str, str]) -> list[str]:
    """`what is in which file`, for everything that lies in the folder: logs, databases, objects, vectors."""
    wanted = [(name, disguise) for name, secret in canaries.items() for disguise in disguises(secret)]
    hits = []
    for path in sorted(data_dir.rglob("*")):
        if path.is_file() and path.relative_to(data_dir).parts[0] not in KEPT_ON_PURPOSE:
            content = path.read_bytes()
            hits += [f"{name} in {path.relative_to(data_dir)}" for name, disguise in wanted if disguise in content]
    return sorted(set(hits))
