"""Why an operation was refused, in Firestore's own status names."""


class Refused(Exception):
    """`code` is the name of a gRPC status, such as `ALREADY_EXISTS`; the wire turns it into one."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> Refused:
    return Refused("INVALID_ARGUMENT", message)
