"""What a stage does about a store that did not do what it was asked."""

from shared.connectors.port import CloudCode, CloudError
from shared.work.outcomes import GiveUp, Retry, Throttled

BUSY_SECONDS = 15.0


def outcome_of(error: CloudError) -> Exception:
    """To be raised in its place."""
    if error.code == CloudCode.STORE_BUSY:
        return Throttled(BUSY_SECONDS, error.message)
    return Retry(error.message) if error.code.retryable else GiveUp(error.code.value, error.message)
