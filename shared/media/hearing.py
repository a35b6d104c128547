"""What is heard when, without a model: stretches that sound like speech, and moments the sound changes.

Speech is told from other sound by three plain measures: it rises out of the background, it is voiced in parts
but never throughout, and its loudness moves up and down at the pace of syllables. Singing and a lone
instrument can pass for it; a clip of one steady sound cannot.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from shared.domain.segmentation import Activity, Span
from shared.media.audio import SAMPLE_RATE, sound

_WINDOW, _HOP = 512, 256  # 32 ms every 16 ms
_RATE = SAMPLE_RATE / _HOP  # measures per second
_BANDS = 32
_SPEECH_BAND = (200.0, 4000.0)  # Hz
_VOICE_LAGS = (40, 229)  # periods of 400 Hz down to 70 Hz, in samples
_BLOCK = 2048  # windows handled at once; bounds memory, not results

_ABOVE_FLOOR_DB, _SILENCE_DB = 9.0, -60.0
_FLOOR_SECONDS = 30.0
_PAUSE_SECONDS = 0.4
_SHORTEST_SPEECH_SECONDS = 0.3
_VOICED = 0.5
_VOICED_PART = (0.15, 0.97)
_SYLLABLE_SWING_DB = 4.5
_HUSHED_PART = 0.18  # of each second is at under half its mean amplitude in speech, hardly any in music
_AT_SYLLABLE_PACE = 0.25  # part of the movement of loudness that happens 2.5 to 9 times a second
_CHANGE_SIDE_SECONDS = 1.5
_CHANGE_LEVEL = 1.6
_MEL_STEP = 3  # novelty looks at every third measure, 48 ms


@dataclass
class _Measures:
    loudness: list[np.ndarray] = field(default_factory=list)  # dB below full scale, in the speech band
    voicing: list[np.ndarray] = field(default_factory=list)  # 0 to 1
    bands: list[np.ndarray] = field(default_factory=list)  # log energies, thinned


def activity(source: BinaryIO) -> Activity:
    """Speech-like stretches and changes of sound in media time; both empty where there is no sound."""
    return listen(sound(source))


def listen(chunks: Iterable[np.ndarray]) -> Activity:
    """The same for int16 mono samples at 16 kHz, given piece by piece."""
    measures = _measure(chunks)
    if not measures.loudness:
        return Activity()
    loudness, voicing = np.concatenate(measures.loudness), np.concatenate(measures.voicing)
    speech = tuple(_speech(loudness, voicing))
    return Activity(speech, tuple(_changes(np.concatenate(measures.bands))))


def _measure(chunks: Iterable[np.ndarray]) -> _Measures:
    measures = _Measures()
    taper = np.hanning(_WINDOW).astype(np.float32)
    bank = _filter_bank()
    frequencies = np.fft.rfftfreq(2 * _WINDOW, 1 / SAMPLE_RATE)
    speech_bins = (frequencies >= _SPEECH_BAND[0]) & (frequencies <= _SPEECH_BAND[1])
    taper_correlation = np.fft.irfft(np.abs(np.fft.rfft(taper, 2 * _WINDOW)) ** 2)
    lags = slice(*_VOICE_LAGS)
    rest = np.zeros(_WINDOW // 2, np.float32)  # so that measure n is centred on n hops
    thinned_at = 0
    for chunk in chunks:
        rest = np.concatenate((rest, chunk.astype(np.float32) / 32768.0))
        windows = max(0, (len(rest) - _WINDOW) // _HOP + 1)
        for first in range(0, windows, _BLOCK):
            count = min(_BLOCK, windows - first)
            framed = np.lib.stride_tricks.sliding_window_view(rest[first * _HOP :], _WINDOW)[::_HOP][:count]
            power = np.abs(np.fft.rfft(framed * taper, 2 * _WINDOW)) ** 2
            correlation = np.fft.irfft(power)[:, : _VOICE_LAGS[1]]
            strength = correlation[:, :1] + 1e-9
            unbiased = correlation[:, lags] / strength / (taper_correlation[lags] / taper_correlation[0])
            measures.voicing.append(np.clip(unbiased.max(axis=1), 0.0, 1.0).astype(np.float32))
            band_power = power[:, speech_bins].sum(axis=1) / (_WINDOW * float((taper**2).sum()))
            measures.loudness.append((10 * np.log10(band_power + 1e-12)).astype(np.float32))
            thinned = power[(-thinned_at) % _MEL_STEP :: _MEL_STEP]
            measures.bands.append(np.log(thinned @ bank + 1e-7).astype(np.float32))
            thinned_at += count
        rest = rest[windows * _HOP :]
    return measures


def _filter_bank() -> np.ndarray:
    """Triangular filters, evenly spaced on the mel scale, from 60 Hz to 7.6 kHz."""
    lowest, highest = (2595 * math.log10(1 + hertz / 700) for hertz in (60.0, 7600.0))
    mels = np.linspace(lowest, highest, _BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = np.fft.rfftfreq(2 * _WINDOW, 1 / SAMPLE_RATE)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def _speech(loudness: np.ndarray, voicing: np.ndarray) -> list[Span]:
    active = loudness > np.maximum(_floor(loudness) + _ABOVE_FLOOR_DB, _SILENCE_DB)
    spans = []
    for first, last in _runs(active, round(_PAUSE_SECONDS * _RATE)):
        if (last - first) / _RATE < _SHORTEST_SPEECH_SECONDS:
            continue
        if _sounds_spoken(loudness[first:last], voicing[first:last][active[first:last]]):
            spans.append(Span(first / _RATE, last / _RATE))
    return spans


def _sounds_spoken(loudness: np.ndarray, voicing: np.ndarray) -> bool:
    voiced = float((voicing > _VOICED).mean())
    if not _VOICED_PART[0] <= voiced <= _VOICED_PART[1] or float(loudness.std()) < _SYLLABLE_SWING_DB:
        return False
    second = round(_RATE)
    if len(loudness) < second:
        return True
    amplitude = 10 ** (loudness / 20)
    seconds = [amplitude[at : at + second] for at in range(0, len(amplitude) - second + 1, second)]
    hushed = float(np.mean([(part < 0.5 * part.mean()).mean() for part in seconds]))
    level = np.maximum(loudness, loudness.max() - 35.0)
    movement = np.abs(np.fft.rfft(level - level.mean())) ** 2
    pace = np.fft.rfftfreq(len(level), 1 / _RATE)
    syllables = movement[(pace > 2.5) & (pace < 9.0)].sum()
    at_pace = float(syllables / max(movement[(pace > 0.1) & (pace < 25.0)].sum(), 1e-9))
    return hushed >= _HUSHED_PART and at_pace >= _AT_SYLLABLE_PACE


def _floor(loudness: np.ndarray) -> np.ndarray:
    """The loudness of the background around each measure: what is undercut a tenth of the time."""
    step = round(_FLOOR_SECONDS * _RATE / 2)
    centres = np.arange(0, len(loudness) + step, step)
    levels = [
        np.percentile(loudness[max(0, c - step) : c + step], 10) if c - step < len(loudness) else loudness.min() for c in centres
    ]
    return np.interp(np.arange(len(loudness)), centres, levels)


def _runs(flags: np.ndarray, bridged: int) -> list[tuple[int, int]]:
    """Stretches of true flags as (first, past last), over gaps shorter than `bridged`."""
    at = np.flatnonzero(flags)
    if len(at) == 0:
        return []
    pieces = np.split(at, np.flatnonzero(np.diff(at) >= bridged) + 1)
    return [(int(piece[0]), int(piece[-1]) + 1) for piece in pieces]


def _novelty(band: np.ndarray, side: int) -> np.ndarray:
    """How far the means on both sides of each moment are apart, in units of how much the band varies there."""
    total = np.cumsum(np.concatenate((np.zeros(1), band.astype(np.float64))))
    squares = np.cumsum(np.concatenate((np.zeros(1), band.astype(np.float64) ** 2)))
    mean = (total[side:] - total[:-side]) / side
    variance = np.maximum((squares[side:] - squares[:-side]) / side - mean**2, 0.0)
    before, after = slice(0, len(mean) - side), slice(side, None)
    spread = np.sqrt((variance[before] + variance[after]) / 2 + 0.25)
    return np.asarray(np.abs(mean[after] - mean[before]) / spread)


def _changes(bands: np.ndarray) -> list[float]:
    """Times at which the sound before and after differ more than either varies in itself."""
    rate = _RATE / _MEL_STEP
    side = round(_CHANGE_SIDE_SECONDS * rate)
    if len(bands) < 2 * side + 1:
        return []
    # Band by band: of a recording of hours all of them at once would take half a gigabyte.
    novelty = np.zeros(len(bands) + 1 - 2 * side)
    for band in range(_BANDS):
        novelty += _novelty(bands[:, band], side) / _BANDS
    found: list[int] = []
    for at in np.flatnonzero(novelty >= _CHANGE_LEVEL):
        low = max(0, at - side // 2)
        if novelty[at] == novelty[low : at + side // 2 + 1].max() and (not found or at - found[-1] > side // 2):
            found.append(int(at))
    return [(at + side) / rate for at in found]
