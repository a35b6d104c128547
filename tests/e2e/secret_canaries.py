"""A journey on which every secret there is gets used, each recognisable; and where none of them may be found afterwards.

A step says which secrets it brought in. A family that takes or gives a secret adds its step to `JOURNEY`.
"""

import base64
import json
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.stack import eventually

# Where a secret is kept on purpose, readable by its owner alone: the installation's own keys and the first credentials.
KEPT_ON_PURPOSE = ("secrets", "credentials.json")


@dataclass
class Traveller:
    """`client` carries the site's admin key, `owner` the owner's bearer token; `receiver` is told by webhook; `canaries` by the
    name of what they are. `seen` is what reading requests were answered, which never shows a secret."""

    client: httpx.Client
    owner: httpx.Client
    film: Path
    receiver: str
    canaries: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for asker in (self.client, self.owner):
            asker.event_hooks["response"].append(self._keep)

    def _keep(self, response: httpx.Response) -> None:
        if response.request.method == "GET":
            self.seen.append((f"GET {response.request.url.path}", response.read()))

    def once(self, path: str, holds: Callable[[Any], bool]) -> Any:
        """What is there, as soon as it is as it should be."""

        def there() -> Any:
            said = self.client.get(path).json()
            return said if holds(said) else None

        return eventually(there, 180, f"{path} is as awaited")

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
    ended = traveller.once(f"/prompt-runs/{run}", lambda said: said["status"].startswith(("comp", "fail")))
    assert ended["status"] == "completed", ended
    assert traveller.client.get(f"/prompt-runs/{run}/llm-calls").status_code == 200
    assert traveller.client.post(f"/indexes/{index}/search", json={"query": "a film"}).status_code == 200
    export = traveller.client.post(f"/exports/prompt-run/{run}", json={})
    assert export.status_code == 202, export.text
    said = export.json()["export_id"]
    done = traveller.once(f"/exports/{said}", lambda one: one["status"] in ("completed", "failed"))
    assert done["status"] == "completed", done
    assert traveller.client.get(f"/exports/{said}/download").status_code == 200


def webhooks(traveller: Traveller) -> None:
    """A receiver that keeps what it is sent; the secret turned, and given out once more under the key that made it."""
    body = {"name": "canary", "url": traveller.receiver, "events": ["media.created", "export.ready"]}
    made = traveller.client.post("/webhooks", json=body, headers={"Idempotency-Key": "canary-hook"})
    assert made.status_code == 201, made.text
    traveller.canaries["webhook secret"] = made.json()["secret"]
    again = traveller.client.post("/webhooks", json=body, headers={"Idempotency-Key": "canary-hook"})
    assert again.content == made.content
    turned = traveller.client.post(f"/webhooks/{made.json()['webhook_id']}/rotate-secret")
    assert turned.status_code == 200, turned.text
    traveller.canaries["rotated webhook secret"] = turned.json()["new_secret"]
    assert traveller.client.post(f"/webhooks/{made.json()['webhook_id']}/test").status_code == 200
    in_url = traveller.mint("password in a url")
    refused = traveller.client.post("/webhooks", json={**body, "url": f"https://ada:{in_url}@127.0.0.1:9/hook"})
    assert refused.status_code == 422, refused.text


def connectors(traveller: Traveller) -> None:
    """Three kinds of credentials, each taken, shown, tried, and replaced by new ones."""
    file = {"credentials_file": ("account.json", json.dumps(_account(traveller, "GCS")).encode(), "application/json")}
    s3, azure = _s3(traveller, "S3"), {"client_secret": traveller.mint("Azure client secret")}
    gcs_place = {"name": "g", "bucket": "media-archive", "gcp_project_id": "media-archive"}
    azure_place = {"name": "a", "storage_account": "mediaarchive", "container": "footage"}
    azure_place |= {"tenant_id": str(uuid.uuid4()), "client_id": str(uuid.uuid4())}
    again = {"Idempotency-Key": "canary-connector"}
    s3_place = {"name": "s", "bucket": "media-archive", "region": "us-east-1"}
    made = [
        (traveller.client.post("/connectors/gcs", data=gcs_place, files=file, headers=again), "credentials_json"),
        (traveller.client.post("/connectors/s3", json={**s3_place, **s3}, headers=again), "s3"),
        (traveller.client.post("/connectors/azure", json={**azure_place, **azure}, headers=again), "azure"),
    ]
    anew: dict[str, dict[str, Any]] = {
        "credentials_json": {"credentials_json": _account(traveller, "new GCS")},
        "s3": _s3(traveller, "new S3"),
        "azure": {"client_secret": traveller.mint("new Azure client secret")},
    }
    for answer, kind in made:
        assert answer.status_code == 201, f"{kind}: {answer.text}"
        at = f"/connectors/{answer.json()['connector_id']}"
        assert traveller.client.get(at).status_code == 200
        changed = traveller.client.patch(at, json=anew[kind], headers=again)
        assert changed.status_code == 200, f"{kind}: {changed.text}"
        assert traveller.client.post(f"{at}/test").json()["success"] is False, "nothing is there"
        looked = traveller.client.post(f"{at}/browse", json={})
        assert looked.json()["error"]["code"] in ("connector_refused", "upstream_failed"), looked.text


def _s3(traveller: Traveller, name: str) -> dict[str, str]:
    key = traveller.canaries[f"{name} key id"] = f"AKIA{secrets.token_hex(8).upper()}"
    return {"aws_access_key_id": key, "aws_secret_access_key": traveller.mint(f"{name} secret")}


def _account(traveller: Traveller, name: str) -> dict[str, str]:
    """A key that is one, or it would not be taken; a line out of its middle is what is looked for."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    pem = made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    traveller.canaries[f"{name} private key"] = pem.splitlines()[8]
    return {
        "type": "service_account",
        "project_id": "media-archive",
        "client_email": "reader@media-archive.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "private_key_id": traveller.mint(f"{name} private key id"),
        "private_key": pem,
    }


def a_conversation(traveller: Traveller) -> None:
    session = traveller.client.post("/chat/sessions", json={"title": "canary"}).json()["session_id"]
    turn = traveller.client.post(f"/chat/sessions/{session}/turns", json={"message": "Which keys do you know?"}, timeout=180)
    assert turn.status_code == 200, turn.text
    assert traveller.client.get(f"/chat/sessions/{session}/turns").json()


def everything_shown(traveller: Traveller) -> None:
    """What any reader of the tenant may read afterwards."""
    for path in ("/api-keys", "/webhooks", "/connectors", "/prompts", "/prompt-runs", "/exports", "/import-jobs", "/usage"):
        asker = traveller.owner if path == "/api-keys" else traveller.client
        assert asker.get(path).status_code == 200, path
    for webhook in [one for one in traveller.client.get("/webhooks").json() if one["name"] == "canary"]:
        for one in traveller.once(f"/webhooks/{webhook['webhook_id']}/deliveries", bool):
            traveller.client.get(f"/webhooks/deliveries/{one['delivery_id']}")


JOURNEY: list[Callable[[Traveller], None]] = [
    api_keys,
    bearer_tokens,
    webhooks,
    connectors,
    a_run,
    a_conversation,
    everything_shown,
]


def disguises(secret: str) -> Iterator[bytes]:
    """As it is, and as it would look in JSON inside base64 at each of three offsets."""
    yield secret.encode()
    for offset in range(3):
        encoded = base64.b64encode(b" " * offset + secret.encode())
        yield encoded[4 if offset else 0 : len(encoded) - 8]


def shown_in(said: list[tuple[str, bytes]], canaries: dict[str, str]) -> list[str]:
    """`what is in which answer or message`."""
    wanted = [(name, disguise) for name, secret in canaries.items() for disguise in disguises(secret)]
    return sorted({f"{name} in {place}" for place, content in said for name, disguise in wanted if disguise in content})


def found_in(data_dir: Path, canaries: dict[str, str]) -> list[str]:
    """`what is in which file`, for everything that lies in the folder: logs, databases, objects, vectors."""
    wanted = [(name, disguise) for name, secret in canaries.items() for disguise in disguises(secret)]
    hits = []
    for path in sorted(data_dir.rglob("*")):
        if path.is_file() and path.relative_to(data_dir).parts[0] not in KEPT_ON_PURPOSE:
            content = path.read_bytes()
            hits += [f"{name} in {path.relative_to(data_dir)}" for name, disguise in wanted if disguise in content]
    return sorted(set(hits))
