"""What a request that needs a store is answered when the store does not do it."""

from shared.connectors.port import CloudError
from shared.domain.errors import ApiError, ErrorCode


def refused(error: CloudError) -> ApiError:
    """A store that cannot be used is the connector's fault, and its owner's to mend; one that fails is nobody's here."""
    code = ErrorCode.UPSTREAM_FAILED if error.code.retryable else ErrorCode.CONNECTOR_REFUSED
    return ApiError(code, error.message, details={"reason": error.code.value})
