"""Settings: one frozen object, read once where a function starts; nothing below it looks at the environment.

Google's own variables (`FIRESTORE_EMULATOR_HOST`, `PUBSUB_EMULATOR_HOST`, `STORAGE_EMULATOR_HOST`, `GOOGLE_VERTEX_BASE_URL`,
`GOOGLE_APPLICATION_CREDENTIALS`) are read by Google's clients themselves.
"""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields


class MissingSettings(Exception):
    """Names every variable that is absent or ill-typed, all at once."""


@dataclass(frozen=True)
class Settings:
    """A field's name in upper case is its variable; a field without default is required."""

    project_id: str
    region: str = "us-central1"
    database: str = "(default)"
    originals_bucket: str = ""
    derived_bucket: str = ""
    api_base_url: str = ""
    vector_index: str = ""  # projects/P/locations/L/indexes/I
    vector_endpoint: str = ""  # [https://its-own-host/]projects/P/locations/L/indexEndpoints/E#deployed-id
    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwks_url: str = ""
    kms_key: str = ""  # projects/…/cryptoKeys/K, or file:///path of a key file
    cursor_key: str = field(default="", repr=False)
    api_key_pepper: str = field(default="", repr=False)
    tasks_endpoint: str = ""  # empty: Google's own
    vector_api_endpoint: str = ""  # empty: the region's own
    stage_service_account: str = ""  # identity that queues call stages with
    forwarded_authorization: int = 0  # 1: a gateway stands before, which moves the caller's Authorization to X-Forwarded-…
    rate_limits: str = ""  # as shared.domain.limits reads it; empty: the standard plan
    upload_limit_bytes: int = 31 * 1024 * 1024
    text_embedding_model: str = "gemini-embedding-2"
    image_embedding_model: str = "gemini-embedding-2"
    storage_emulator_host: str = ""  # Google's clients read it too; here it is where customers' buckets are looked for
    aws_endpoint_url_s3: str = ""  # a store that speaks like S3, instead of Amazon's; may be on a private address
    azure_blob_endpoint: str = ""  # one that speaks like Azure Blob Storage, with accounts as its first folders
    azure_authority_host: str = ""  # https URL of what issues tokens for it
    connector_ca_file: str = ""  # PEM file of authorities for the three above
    lease_seconds: int = 60  # how long a worker that is never heard of again holds its work
    egress_loopback: int = 0  # 1: URLs that users name may lead to this machine itself; only where one machine is all there is

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        values: dict[str, str | int] = {}
        wrong: list[str] = []
        for f in fields(cls):
            text = env.get(f.name.upper())
            if text is None or text == "":
                if f.default is MISSING:
                    wrong.append(f"{f.name.upper()} is not set")
                continue
            if f.type is int:
                if text.isdigit():
                    values[f.name] = int(text)
                else:
                    wrong.append(f"{f.name.upper()} is not a number")
            else:
                values[f.name] = text
        if wrong:
            raise MissingSettings("; ".join(wrong))
        return cls(**values)  # type: ignore[arg-type]
