"""What sound is like, words aside: how loud, how much of it silent, how much of it held tones."""

import numpy as np

RATE = 16_000
WINDOW = 1024
SILENT_DBFS = -50.0
NOTHING_DBFS = -120.0


def decibels(power: np.ndarray | float) -> np.ndarray:
    """dBFS of mean square samples in the range -1 to 1."""
    return 10 * np.log10(np.maximum(power, 1e-12))


def measure(pcm: np.ndarray) -> tuple[float, float, float]:
    """Loudness in dBFS, share of silent time and share of sounding time that is tonal, of 16 kHz int16 samples."""
    if len(pcm) < WINDOW:
        return NOTHING_DBFS, 1.0, 0.0
    samples = pcm.astype(np.float32) / 32768
    windows = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW)
    power = (windows**2).mean(axis=1)
    sounding = decibels(power) > SILENT_DBFS
    loudness = float(decibels(float((samples**2).mean())))
    if not sounding.any():
        return round(loudness, 1), 1.0, 0.0
    spectrum = np.abs(np.fft.rfft(windows[sounding] * np.hanning(WINDOW), axis=1)) ** 2 + 1e-10
    flatness = np.exp(np.log(spectrum).mean(axis=1)) / spectrum.mean(axis=1)
    peak = spectrum[:, 3:].argmax(axis=1)
    held = np.zeros(len(peak), bool)
    held[1:] = np.abs(np.diff(peak)) <= 1
    tonal = float((held & (flatness[: len(peak)] < 0.05)).mean())
    return round(loudness, 1), round(float(1 - sounding.mean()), 3), round(tonal, 3)
