"""One installation on this machine: where its data is, which ports its parts have, what its functions are told."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT = "videovector-local"
REGION = "us-central1"
ORIGINALS = f"{PROJECT}-originals"
DERIVED = f"{PROJECT}-derived"
ISSUER = "https://identity.videovector.local"
AUDIENCE = "videovector"
UNIVERSE = "videovector.local"  # not Google's: its libraries then look nothing up at Google's hosts
ACCOUNT = f"videovector@{PROJECT}.iam.gserviceaccount.com"
LOCATION = f"projects/{PROJECT}/locations/{REGION}"
VECTOR_INDEX = f"{LOCATION}/indexes/videovector"
VECTOR_ENDPOINT = f"{LOCATION}/indexEndpoints/videovector#videovector"
UPLOAD_LIMIT = 2 * 1024**3
ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = "VIDEOVECTOR_SITE"
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """All on the loopback interface; `gateway` is the one people use."""

    gateway: int
    firestore: int
    pubsub: int
    tasks: int
    scheduler: int
    storage: int
    identity: int
    control: int
    work: int
    models: int


@dataclass(frozen=True)
class Site:
    data_dir: Path
    ports: Ports

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Site":
        said = json.loads(env[_VARIABLE])
        return cls(Path(said["data_dir"]), Ports(**said["ports"]))

    def url(self, part: str) -> str:
        """Base address of a part that speaks HTTP."""
        return f"http://{_HOST}:{getattr(self.ports, part)}"

    @property
    def account_file(self) -> Path:
        """Key of the service account that the functions run as."""
        return self.data_dir / "secrets" / "service-account.json"

    @property
    def credentials_file(self) -> Path:
        return self.data_dir / "credentials.json"

    def environment(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """What every process of the site is started with: the functions' settings and the variables of Google's clients."""
        ports = self.ports
        return {
            _VARIABLE: json.dumps({"data_dir": str(self.data_dir), "ports": asdict(ports)}),
            "PROJECT_ID": PROJECT,
            "REGION": REGION,
            "DATABASE": "(default)",
            "ORIGINALS_BUCKET": ORIGINALS,
            "DERIVED_BUCKET": DERIVED,
            "API_BASE_URL": self.url("gateway"),
            "VECTOR_INDEX": VECTOR_INDEX,
            "VECTOR_ENDPOINT": VECTOR_ENDPOINT,
            "VECTOR_API_ENDPOINT": self.url("models"),
            "TASKS_ENDPOINT": self.url("tasks"),
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "JWKS_URL": f"{self.url('identity')}/jwks",
            "STAGE_SERVICE_ACCOUNT": ACCOUNT,
            "UPLOAD_LIMIT_BYTES": str(UPLOAD_LIMIT),
            "RATE_LIMITS": os.environ.get("RATE_LIMITS", _RATE_LIMITS),
            "EGRESS_LOOPBACK": "1",
            "FIRESTORE_EMULATOR_HOST": f"{_HOST}:{ports.firestore}",
            "PUBSUB_EMULATOR_HOST": f"{_HOST}:{ports.pubsub}",
            "STORAGE_EMULATOR_HOST": self.url("storage"),
            "GOOGLE_VERTEX_BASE_URL": self.url("models"),
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.account_file),
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "NO_GCE_CHECK": "true",  # never look for Google's metadata server on the network
            **secrets,
            **_THRIFT,
        }


# One's own machine is nobody's to protect from oneself: more than it can do.
_RATE_LIMITS = " ".join(f"{category}=600000/30000000" for category in ("search", "read", "write", "upload", "processing", "chat"))

# Four processes on one machine: few arenas, small thread stacks of libraries, no chatter of gRPC.
_THRIFT = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "OMP_NUM_THREADS": "1",  # requests run side by side; a second thread in each would mostly spin
    "OPENBLAS_NUM_THREADS": "1",
    "GRPC_VERBOSITY": "ERROR",
    "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "ignore::FutureWarning,ignore::DeprecationWarning",
}


def function_url(name: str) -> str:
    """The address a function would have in the cloud: what its callers' tokens are made for."""
    return f"https://{REGION}-{PROJECT}.cloudfunctions.net/{name}"
