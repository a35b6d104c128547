"""Names of objects in other people's stores: which can be asked for, and which could lead elsewhere on the way."""

import re

MAX_NAME_BYTES = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def fault(name: str) -> str:
    """Why an object of this name is left alone, or "".

    HTTP libraries resolve `.` and `..` on the way, so that such a name would fetch another object than the one it names.
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not valid Unicode"
    if not 1 <= size <= MAX_NAME_BYTES:
        return f"its name is longer than {MAX_NAME_BYTES} bytes" if size else "it has no name"
    if _CONTROL.search(name):
        return "its name holds control characters"
    if any(part in (".", "..") for part in re.split(r"[/\\]", name)):
        return "its name holds '.' or '..' as a folder"
    return ""


def target_fault(path: str) -> str:
    """Why nothing is written to this path, or "": stricter, since we choose it."""
    if path.startswith("/") or path.endswith("/") or "//" in path or "\\" in path:
        return "a path has no empty parts and no backslashes"
    return fault(path).replace("its name", "the path")


def title(name: str) -> str:
    """What a media item is called after the object it came from: the last part of the name, at most 255 characters."""
    last = _CONTROL.sub(" ", name).rstrip("/").rpartition("/")[2].strip()
    return (last or "untitled")[:255]


def extension(name: str) -> str:
    """`.mp4` of `a/b/Clip.MP4`, "" for none."""
    last = name.rpartition("/")[2]
    stem, dot, suffix = last.rpartition(".")
    return f".{suffix.lower()}" if dot and stem and suffix else ""
