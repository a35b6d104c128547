"""From a stored connector to its storage: the secret is unsealed here, and goes nowhere but into the store's own client."""

import json
from functools import cache

from shared import secrets
from shared.config import Settings
from shared.connectors.port import Cloud, CloudCode, CloudError
from shared.domain.connectors import Connector, Provider, secret_place
from shared.secrets import Sealer, Unopenable


class Opener:
    def __init__(self, settings: Settings, sealer: Sealer) -> None:
        self._settings = settings
        self.sealer = sealer

    def seal(self, connector_id: str, tenant: str, secret: dict[str, str]) -> str:
        return self.sealer.seal(json.dumps(secret).encode(), secret_place(tenant, connector_id))

    def secret(self, connector: Connector) -> dict[str, str]:
        """Raises `CloudError` where it cannot be unsealed."""
        try:
            return json.loads(self.sealer.open(connector.sealed, secret_place(connector.tenant, connector.connector_id)))
        except Unopenable as error:
            message = "the stored credentials cannot be opened any more; set them again with PATCH"
            raise CloudError(CloudCode.CREDENTIALS_REFUSED, message) from error

    def open(self, connector: Connector) -> Cloud:
        """Raises `CloudError` where the secret cannot be unsealed; no call to the store is made yet."""
        secret = self.secret(connector)
        if connector.provider == Provider.GCS:
            from shared.connectors.gcs import GcsCloud

            return GcsCloud(connector.place["bucket"], connector.place["gcp_project_id"], secret, self._settings)
        if connector.provider == Provider.S3:
            from shared.connectors.s3 import S3Cloud

            return S3Cloud(connector.place["bucket"], connector.place["region"], secret, self._settings)
        from shared.connectors.azure import AzureCloud

        return AzureCloud(connector.place["storage_account"], connector.place["container"], secret, self._settings)


@cache
def connect(settings: Settings) -> Opener:
    return Opener(settings, secrets.connect(settings))
