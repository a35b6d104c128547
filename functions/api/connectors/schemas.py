"""What the connector endpoints take and answer.

The names below become hosts and paths of requests, so each has the form that its store gives such names, and no other.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints, model_validator
from typing_extensions import TypedDict

from shared.domain import object_names
from shared.domain.globs import MAX_PATTERN_CHARS, BadPattern, compiled
from shared.http.answers import Moment

MOST_BROWSED = 1_000
MOST_CREDENTIAL_BYTES = 64 * 1024
_VISIBLE = r"^[\x21-\x7e]+$"


def _base_path(path: str) -> str:
    path = path.strip().strip("/")
    fault = object_names.target_fault(path) if path else ""
    if fault:
        raise ValueError(fault)
    return path


def _plain_bucket(name: str) -> str:
    if ".." in name or name.replace(".", "").isdigit():
        raise ValueError("this is no bucket name")
    return name


def _pattern(pattern: str) -> str:
    try:
        compiled(pattern)
    except BadPattern as error:
        raise ValueError(str(error)) from None
    return pattern


def _once(scopes: list[str]) -> list[str]:
    return list(dict.fromkeys(scopes))


def _matching(pattern: str, most: int = 256) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most, pattern=pattern)


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Scopes = Annotated[list[Literal["import", "export"]], Field(min_length=1, max_length=8), AfterValidator(_once)]
BasePath = Annotated[str, StringConstraints(max_length=512), AfterValidator(_base_path)]
Mode = Literal["all", "new_only"]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=512)]
S3Bucket = Annotated[str, _matching(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"), AfterValidator(_plain_bucket)]
GcsBucket = Annotated[str, _matching(r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$"), AfterValidator(_plain_bucket)]
Region = Annotated[str, _matching(r"^([a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}|auto)$", 40)]
Project = Annotated[str, _matching(r"^[a-z][a-z0-9:.-]{1,61}[a-z0-9]$", 64)]
KeyId = Annotated[str, _matching(_VISIBLE, 128)]
Account = Annotated[str, _matching(r"^[a-z0-9]{3,24}$", 24)]
Container = Annotated[str, _matching(r"^(\$root|\$web|[a-z0-9](-?[a-z0-9]){2,62})$", 63)]
Directory = Annotated[str, _matching(r"^[A-Za-z0-9](-?[A-Za-z0-9])*(\.[A-Za-z0-9](-?[A-Za-z0-9])*)*$", 100)]
ClientId = Annotated[str, _matching(r"^[A-Za-z0-9-]{1,64}$", 64)]


class Common(BaseModel):
    """`export_base_path` bounds where exports may be written; `new_only` passes by what was imported before and is unchanged."""

    name: Name
    scopes: Scopes = ["import"]
    export_base_path: BasePath = ""
    import_mode: Mode = "all"


class GcsForm(Common):
    """Beside the part `credentials_file`, the JSON key of a service account; `credentials_json` is the same as text."""

    bucket: GcsBucket
    gcp_project_id: Project
    credentials_json: SecretStr | None = None


class S3Body(Common):
    bucket: S3Bucket
    region: Region
    aws_access_key_id: KeyId
    aws_secret_access_key: Secret


class AzureBody(Common):
    """A service principal with a role on the container: Storage Blob Data Reader, or Contributor for exports."""

    storage_account: Account
    container: Container
    tenant_id: Directory
    client_id: ClientId
    client_secret: Secret


_FIXED = ("provider", "bucket", "region", "gcp_project_id", "storage_account", "container")


class ConnectorPatch(BaseModel):
    """What is left out stays, the credentials too. Where the connector leads is fixed: make another one for another place."""

    name: Name | None = None
    scopes: Scopes | None = None
    export_base_path: BasePath | None = None
    import_mode: Mode | None = None
    aws_access_key_id: KeyId | None = None
    aws_secret_access_key: Secret | None = None
    tenant_id: Directory | None = None
    client_id: ClientId | None = None
    client_secret: Secret | None = None
    credentials_json: dict[str, Any] | SecretStr | None = None

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, sent: Any) -> Any:
        """`credentials` may hold the provider's own fields."""
        if not isinstance(sent, dict):
            return sent
        for name in _FIXED:
            if sent.get(name) is not None:
                raise ValueError(f"{name} cannot be changed; create another connector")
        inner = sent.get("credentials")
        if inner is None:
            return sent
        if not isinstance(inner, dict):
            raise ValueError("credentials is an object with the fields that the provider's creation takes")
        if "private_key" in inner:
            inner = {"credentials_json": inner}
        return {**{name: value for name, value in sent.items() if name != "credentials"}, **inner}


class BrowseBody(BaseModel):
    prefix: Annotated[str, StringConstraints(max_length=1024)] = ""
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATTERN_CHARS), AfterValidator(_pattern)] = "*"
    recursive: bool = True
    limit: int = Field(MOST_BROWSED, ge=1, le=MOST_BROWSED)


class ConnectorAnswer(TypedDict):
    """Never carries a secret."""

    connector_id: str
    name: str
    provider: Literal["gcs", "s3", "azure"]
    status: Literal["active", "testing", "failed", "disabled"]
    scopes: list[str]
    import_mode: Mode
    export_base_path: str | None
    bucket: str | None
    region: str | None
    storage_account: str | None
    container: str | None
    gcp_project_id: str | None
    created_at: Moment
    updated_at: Moment
    last_tested_at: Moment | None
    last_test_result: str | None
    last_test_error: str | None


class CloudFileAnswer(TypedDict):
    path: str
    name: str
    size_bytes: int
    last_modified: Moment
    content_type: str | None
    extension: str


class TestAnswer(TypedDict):
    success: bool
    error_message: str | None


class DeletedAnswer(TypedDict):
    message: str
    connector_id: str
