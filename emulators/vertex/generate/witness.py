"""Everything known about one request, found out only when asked: senses for media, notes for words."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

from emulators.vertex.answers import ApiError, invalid, not_found
from emulators.vertex.context import ModelsContext
from emulators.vertex.generate.evidence import Hearing, Look
from emulators.vertex.generate.kept_evidence import KeptEvidence
from emulators.vertex.generate.listening import Listener
from emulators.vertex.generate.notes import Notes
from emulators.vertex.generate.question import MediaPart, Question
from emulators.vertex.generate.reading import Reader
from emulators.vertex.generate.recogniser_pool import RecogniserLost, RecogniserPool, whisper_folder
from emulators.vertex.generate.seeing import look_at_film, look_at_image
from emulators.vertex.generate.speech_gate import SpeechGate
from shared.media.opener import UnreadableMedia, read_kind
from shared.media.probe import MediaInfo, probe
from shared.media.ranged import RangedFile

_IDENTITY_BYTES = 64 * 1024
# Offsets are rounded on the wire; an end this far past the media is the media's end.
_END_SLACK = 0.25


class Senses:
    """The eyes and ears of the process, shared by all requests."""

    def __init__(self, context: ModelsContext) -> None:
        self.context = context
        self.pool = RecogniserPool(context.workers, whisper_folder())
        self.reader = Reader(context.workers)
        self.listener = Listener(self.pool, SpeechGate())
        self.kept = KeptEvidence(context.data_dir, context.clock)

    def rest(self) -> None:
        """Gives back the memory of the models; the next request loads them again."""
        self.pool.rest()
        self.reader.unload()

    def close(self) -> None:
        self.pool.stop()
        self.kept.close()


class Stretch:
    """One piece of media of a request; refuses (400, 404) what cannot be opened or lies outside the media."""

    def __init__(self, part: MediaPart, senses: Senses) -> None:
        self._part = part
        self._senses = senses
        with _refusals(part.uri):
            self._size, self._read = _reading(part, senses.context)
            head, tail = self._ends()
            self._identity = f"{part.uri or 'inline'} {self._size} {hashlib.sha256(head + tail).hexdigest()[:32]}"
            kind, _ = read_kind(io.BytesIO(head))
            self.is_image = kind.family != "stream"
            self._info = None if self.is_image else self._known_info()
        self.span = (0.0, 0.0) if self.is_image else self._clipped()

    def _ends(self) -> tuple[bytes, bytes]:
        """First and last bytes: a file written anew under its old name is told by them."""
        first = min(self._size, _IDENTITY_BYTES)
        last = min(self._size - first, _IDENTITY_BYTES)
        return self._read(0, first), self._read(self._size - last, last) if last else b""

    def open(self) -> BinaryIO:
        return io.BufferedReader(RangedFile(self._read, self._size), 256 * 1024)

    def _known_info(self) -> dict:
        def measure() -> dict:
            info: MediaInfo = probe(self.open(), allow_truncated=True)
            return {"duration": float(info.duration), "video": info.has_video, "audio": info.has_audio}

        return self._senses.kept.find(f"info {self._identity}", measure) or {}

    @property
    def has_video(self) -> bool:
        return self.is_image or bool(self._info and self._info["video"])

    @property
    def has_audio(self) -> bool:
        return bool(self._info and self._info["audio"])

    def _clipped(self) -> tuple[float, float]:
        assert self._info is not None
        duration = self._info["duration"]
        end = duration if self._part.end is None else min(self._part.end, duration + _END_SLACK)
        if self._part.start >= max(end, duration):
            raise invalid(f"startOffset is beyond the end of the media ({duration:.3f} s).")
        return self._part.start, end

    def look(self) -> Look | None:
        if not self.has_video:
            return None
        start, end = self.span
        reader = self._senses.reader

        def find() -> dict | None:
            look = look_at_image(self.open(), reader) if self.is_image else look_at_film(self.open(), start, end, reader)
            return look.to_json() if look is not None else None

        kept = self._ask("look", find)
        return Look.from_json(kept) if kept is not None else None

    def listen(self) -> Hearing | None:
        if not self.has_audio:
            return None
        start, end = self.span
        kept = self._ask(
            f"hear by {self._senses.pool.engine}", lambda: self._senses.listener.listen(self.open, start, end).to_json()
        )
        return Hearing.from_json(kept) if kept is not None else None

    def _ask(self, sense: str, find: Callable[[], dict | None]) -> dict | None:
        start, end = self.span
        with _refusals(self._part.uri):
            return self._senses.kept.find(f"{sense} {self._identity} {start:.3f} {end:.3f}", find)


def _reading(part: MediaPart, context: ModelsContext) -> tuple[int, Callable[[int, int], bytes]]:
    """Size in bytes of a piece of media, and how to read some of it."""
    if part.uri is not None:
        uri = part.uri
        return context.object_size(uri), lambda start, count: context.read_range(uri, start, count)
    data = part.data or b""
    return len(data), lambda start, count: data[start : start + count]


@contextmanager
def _refusals(uri: str | None) -> Iterator[None]:
    """What goes wrong with media, in the terms of the wire."""
    try:
        yield
    except FileNotFoundError:
        raise not_found(f"The object {uri} does not exist.") from None
    except UnreadableMedia as damage:
        raise invalid(f"Unable to process input media: {damage.message}") from None
    except RecogniserLost as lost:
        raise ApiError(503, str(lost)) from None


class Witness:
    """What can be told about a request. Each sense is used at most once, and only if something asks for it."""

    def __init__(self, stretches: Sequence[Stretch], notes: Notes) -> None:
        self.stretches = list(stretches)
        self.notes = notes
        self._known: dict[str, Any] = {}

    @classmethod
    def of(cls, question: Question, senses: Senses) -> "Witness":
        """Words beside media are instructions; words alone are the evidence."""
        stretches = [Stretch(part, senses) for part in question.media]
        return cls(stretches, Notes("" if stretches else question.words))

    @property
    def has_media(self) -> bool:
        return bool(self.stretches)

    @property
    def span(self) -> tuple[float, float] | None:
        """The stretch of the one piece of media asked about, in its own seconds; None for pictures and for words."""
        timed = [stretch.span for stretch in self.stretches if not stretch.is_image]
        return timed[0] if len(timed) == 1 else None

    # Remembered by hand: until Python 3.12 a `cached_property` computes under one lock for all instances, so that one request
    # would look while all others wait.
    @property
    def look(self) -> Look | None:
        if "look" not in self._known:
            self._known["look"] = _merged_looks([look for stretch in self.stretches if (look := stretch.look()) is not None])
        return self._known["look"]

    @property
    def hearing(self) -> Hearing | None:
        if "hearing" not in self._known:
            heard = [heard for stretch in self.stretches if (heard := stretch.listen()) is not None]
            self._known["hearing"] = _merged_hearings(heard)
        return self._known["hearing"]

    @property
    def heard(self) -> Hearing | None:
        """What was listened to so far: nobody listens for this."""
        return self._known.get("hearing")

    def use(self, senses: set[str]) -> None:
        """Looks and listens side by side where both will be needed."""
        if len(senses) > 1 and self.stretches:
            with ThreadPoolExecutor(2) as hands:
                list(hands.map(lambda sense: getattr(self, sense), sorted(senses)))


def _merged_looks(looks: Sequence[Look]) -> Look | None:
    """Several pictures as one: all their words, the measures of the first."""
    if not looks:
        return None
    return replace(looks[0], lines=tuple(line for look in looks for line in look.lines))


def _merged_hearings(heard: Sequence[Hearing]) -> Hearing | None:
    if not heard:
        return None
    return replace(
        heard[0],
        utterances=tuple(one for hearing in heard for one in hearing.utterances),
        speech=tuple(span for hearing in heard for span in hearing.speech),
    )
