"""Connectors: a customer's storage that media come from and exports go to."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from shared.domain.documents import Document


class Provider(StrEnum):
    GCS = "gcs"
    S3 = "s3"
    AZURE = "azure"


class ConnectorStatus(StrEnum):
    ACTIVE = "active"
    FAILED = "failed"  # the last test, or the last use, was refused
    TESTING = "testing"
    DISABLED = "disabled"


class ImportMode(StrEnum):
    ALL = "all"
    NEW_ONLY = "new_only"  # what was imported from the same place, unchanged by etag and size, is not imported again


IMPORT, EXPORT = "import", "export"


@dataclass(kw_only=True)
class Connector(Document):
    """`place` is what a store needs to be found, `sealed` the secret to open it with; the secret never leaves `shared`.

    Places: gcs `bucket gcp_project_id`; s3 `bucket region`; azure `storage_account container`.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/connectors/{connector_id}"

    tenant: str
    connector_id: str
    user_id: str
    name: str
    provider: str
    place: dict[str, str]
    sealed: str = field(default="", repr=False)
    status: str = ConnectorStatus.ACTIVE
    scopes: list[str] = field(default_factory=lambda: [IMPORT])
    import_mode: str = ImportMode.ALL
    export_base_path: str = ""
    last_tested_at: datetime | None = None
    last_test_result: str = ""
    last_test_error: str = ""
    deleted_at: datetime | None = None


def secret_place(tenant: str, connector_id: str) -> str:
    """What a connector's secret is bound to: sealed for one connector, it does not open for another."""
    return f"tenants/{tenant}/connectors/{connector_id}"
