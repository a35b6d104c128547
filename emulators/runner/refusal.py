"""Why the runner does not start, in the user's words."""


class CannotStart(Exception):
    """The message says what is in the way and what to do."""
