"""What every part of the models process is handed: the clock, the data folder and a way to read stored objects."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emulators.clock import Clock


@dataclass(frozen=True)
class ModelsContext:
    """Shared by the wires of this process; `uri` is always `gs://bucket/name`.

    `data_dir` is `None` where nothing is to be kept. `read_range` may answer fewer bytes than asked at the end of the object;
    the readers raise `FileNotFoundError` for an object that is not there.
    """

    clock: Clock
    data_dir: Path | None
    read_object: Callable[[str], bytes]
    read_range: Callable[[str, int, int], bytes]
    object_size: Callable[[str], int]
    workers: int = 2


def context_from(
    clock: Clock,
    data_dir: Path | None,
    read_object: Callable[[str], bytes],
    *,
    read_range: Callable[[str, int, int], bytes] | None = None,
    object_size: Callable[[str], int] | None = None,
    workers: int = 2,
) -> ModelsContext:
    """Fills in ranged reading from whole reading for callers that have only the latter."""

    def slice_of(uri: str, start: int, length: int) -> bytes:
        return read_object(uri)[start : start + length]

    return ModelsContext(
        clock=clock,
        data_dir=data_dir,
        read_object=read_object,
        read_range=read_range or slice_of,
        object_size=object_size or (lambda uri: len(read_object(uri))),
        workers=workers,
    )
