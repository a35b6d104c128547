"""Names and texts inside SQL that we write."""


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: list[str]) -> str:
    """String literals with commas between."""
    return ", ".join(text(one) for one in values)
