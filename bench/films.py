"""Long films for measuring, made once by code and kept under build/."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av

from demo.film import SCENES, make_film
from infra.manifests import ROOT

CACHE = ROOT / "build" / "bench"
_SIZE = (1920, 1080)


def film(minutes: float, *, speech: bool) -> Path:
    """A 1080p film of about that length: the sample film's shots again and again, silent or spoken over."""
    path = CACHE / f"{minutes:g}-minutes-{'spoken' if speech else 'silent'}.mp4"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        once = CACHE / "once.mp4"
        if not once.exists():
            make_film(once, _SIZE, [replace(scene) for scene in SCENES])
        fresh = path.with_suffix(".new.mp4")
        _repeat(once, fresh, minutes * 60, ("video", "audio") if speech else ("video",))
        fresh.replace(path)
    return path


def _repeat(source: Path, target: Path, seconds: float, kinds: Sequence[str]) -> None:
    """Copies the packets over and over, each round later by the film's length; nothing is encoded again."""
    with av.open(str(target), "w") as out:
        copies: dict[int, av.stream.Stream] = {}
        latest: dict[int, int] = {}
        with av.open(str(source)) as film:
            length = (film.duration or 0) / av.time_base
            for stream in film.streams:
                if stream.type in kinds:
                    copies[stream.index] = out.add_stream_from_template(stream)
        for number in range(max(1, round(seconds / length))):
            with av.open(str(source)) as film:
                for packet in film.demux():
                    copy = copies.get(packet.stream.index)
                    if copy is None or packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    shift = round(number * length / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    if packet.dts <= latest.get(copy.index, -(2**62)):
                        continue  # the encoder's run-in of a later round, which lies in the round before
                    latest[copy.index] = packet.dts
                    packet.stream = copy
                    out.mux(packet)
