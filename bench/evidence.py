"""How much the models of this machine get right: words heard, letters read, pictures found again.

`BENCH_SPEECH` may name a folder of recordings, each `x.wav` beside an `x.txt` with its words; `BENCH_FILMS` a folder of films
whose frames are looked for among each other. Without them everything measured is made here.
"""

import io
import os
import re
from functools import partial
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from bench import pictures
from bench.figure import Figure
from demo.speech import voice
from emulators.vertex.embeddings.descriptor import describe
from emulators.vertex.generate.listening import Listener
from emulators.vertex.generate.reading import Reader
from emulators.vertex.generate.recogniser_pool import RecogniserPool
from emulators.vertex.generate.seeing import look_at_image
from emulators.vertex.generate.speech_gate import SpeechGate
from shared.media.audio import to_wav
from shared.media.cuts import find_cuts
from shared.media.opener import UnreadableMedia
from shared.media.pictures import pictures_at
from shared.media.probe import probe
from shared.vectors.index import DIMENSIONS

_SAID = (
    "We need more water for the garden.",
    "The train to the city leaves from platform seven in ten minutes.",
    "Heavy rain has flooded hundreds of homes in the north of the country.",
    "She opened the door and walked slowly into the old house.",
    "The government will announce a new plan for the schools on Monday.",
    "He has worked in this hospital for more than twenty years.",
)
_SCENES = 64
_BLANK = 4.0  # levels by which the points of a picture differ
_LATER = 0.5  # seconds between the picture that is kept and the one that is looked for
_FRAME_SIZES = ((1280, 720), (1920, 1080))
_LETTERS = (24, 32, 48, 72)


def run() -> list[Figure]:
    return [*_speech(), *_letters(), *_frames()]


def _speech() -> list[Figure]:
    made = [(to_wav(_at_16k(voice().say(said, 130), voice().rate)), said) for said in _SAID]
    figures = [Figure("speech made here, words wrong", 100 * word_error(made), "%")]
    if folder := os.environ.get("BENCH_SPEECH"):
        recorded = [(path.read_bytes(), path.with_suffix(".txt").read_text()) for path in sorted(Path(folder).glob("*.wav"))]
        figures.append(Figure("speech recorded, words wrong", 100 * word_error(recorded), "%"))
    return figures


def word_error(spoken: list[tuple[bytes, str]]) -> float:
    """Words to change, add or drop, by words said, over (sound file, what is said in it)."""
    pool = RecogniserPool(os.cpu_count() or 1)
    try:
        listener = Listener(pool, SpeechGate())
        wrong = said = 0
        for sound, text in spoken:
            heard = listener.listen(partial(io.BytesIO, sound), 0.0, float(probe(io.BytesIO(sound)).duration))
            truth = _words(text)
            wrong += edits(truth, _words(" ".join(one.text for one in heard.utterances)))
            said += len(truth)
        return wrong / said
    finally:
        pool.stop()


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def _at_16k(samples: np.ndarray, rate: int) -> np.ndarray:
    at = np.arange(int(len(samples) * 16_000 / rate)) * rate / 16_000
    return np.interp(at, np.arange(len(samples)), samples.astype(np.float32)).astype("<i2")


def _letters() -> list[Figure]:
    reader = Reader()
    figures = []
    for letters in _LETTERS:
        right = all_ = 0
        for number, (size, style) in enumerate(product(_FRAME_SIZES, pictures.STYLES)):
            image, lines = pictures.caption(size, letters, style, number)
            out = io.BytesIO()
            image.save(out, "JPEG", quality=90)
            read = look_at_image(out, reader).lines
            truth = _solid(" ".join(lines))
            right += max(0, len(truth) - edits(truth, _solid(" ".join(line.text for line in read))))
            all_ += len(truth)
        figures.append(Figure(f"text {letters} pixels high, letters read", 100 * right / all_, "%", ">= 98"))
    return figures


def _solid(text: str) -> str:
    return "".join(text.split())


def _frames() -> list[Figure]:
    made = [pictures.scene(seed) for seed in range(_SCENES)]
    figures = _found_again("scenes made here", made, made)
    if folder := os.environ.get("BENCH_FILMS"):
        kept, later = _film_frames(Path(folder))
        figures += _found_again("shots of films", kept, kept)
        [overall, *_] = _found_again("shots of films", kept, later)
        figures.append(Figure("shots of films, by another of their frames", overall.value, "%"))
    return figures


def _found_again(what: str, kept: list[np.ndarray], asked: list[np.ndarray]) -> list[Figure]:
    """How often the picture found first for a perturbed frame is the one of its own segment."""
    index = np.stack([describe(pictures.jpeg(one, 85), DIMENSIONS) for one in kept])
    found = {
        name: [own == int(np.argmax(index @ describe(change(one), DIMENSIONS))) for own, one in enumerate(asked)]
        for name, change in pictures.PERTURBED.items()
    }
    overall = 100 * float(np.mean(list(found.values())))
    each = [Figure(f"  {what}, {name}", 100 * float(np.mean(firsts)), "%") for name, firsts in found.items()]
    return [Figure(f"{what}: right segment first", overall, "%", ">= 95"), *each]


def _film_frames(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The middle picture of each shot of every film, and another of the same shot to be looked for."""
    kept: list[np.ndarray] = []
    asked: list[np.ndarray] = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        try:
            seconds = float(probe(io.BytesIO(data)).duration)
            cuts = [0.0, *(cut.time for cut in find_cuts(io.BytesIO(data))), seconds]
        except UnreadableMedia:
            continue
        for start, end in pairwise(cuts):
            middle = (start + end) / 2
            found = pictures_at(io.BytesIO(data), [middle, middle + min(_LATER, (end - start) / 4)], 640)
            frames = [np.asarray(one) for one in found if one is not None]
            if len(frames) == 2 and frames[0].std() > _BLANK:  # nobody could tell one black picture from another
                kept.append(frames[0])
                asked.append(frames[1])
    return kept, asked


def edits(truth: list[str] | str, said: list[str] | str) -> int:
    """The least number of changes, additions and drops that make one sequence of the other."""
    row = np.arange(len(said) + 1)
    codes = {one: number for number, one in enumerate(dict.fromkeys([*truth, *said]))}
    other = np.array([codes[one] for one in said], dtype=int)
    for number, one in enumerate(truth, start=1):
        best = np.minimum(row[1:] + 1, row[:-1] + (other != codes[one]))
        fresh = np.concatenate([[number], best])
        row = np.minimum.accumulate(fresh - np.arange(len(fresh))) + np.arange(len(fresh))
    return int(row[-1])
