"""The three ways a stage's work can fail."""


class Throttled(Exception):
    """Not now: try again after `after` seconds. Does not count as an attempt."""

    def __init__(self, after: float, reason: str = "") -> None:
        super().__init__(reason or f"throttled for {after:g} s")
        self.after = after


class Retry(Exception):
    """A passing failure: try again; the fifth counted one is final."""


class GiveUp(Exception):
    """Final: the stage writes `code` and `message` where the user sees them."""

    def __init__(self, code: str, message: str, *, stage: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.stage = stage
        self.retryable = retryable


class LeaseLost(Exception):
    """Another worker holds the document now; what this one did does not count."""
