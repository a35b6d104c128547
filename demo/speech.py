"""Spoken words for the sample film, by espeak-ng.

espeak-ng is GPL-3. Only the demo, the benchmarks and the tests load it, through the wheel that carries it; no function does.
"""

import ctypes
from functools import cache

import numpy as np

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples go to the callback in the calling thread; nothing is played or queued
_WORDS_A_MINUTE = 145
_RATE_PARAMETER = 1
_CURRENT = 1
_UTF8 = 1
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class NoVoice(Exception):
    """This machine's espeak-ng cannot be loaded or does not speak."""


class Voice:
    """`rate` is in samples per second."""

    def __init__(self, library: ctypes.CDLL, rate: int) -> None:
        self._library = library
        self.rate = rate

    def say(self, text: str, words_a_minute: int = _WORDS_A_MINUTE) -> np.ndarray:
        """Mono samples of 16 bits. Raises `NoVoice` if there are none."""
        parts: list[np.ndarray] = []

        def take(samples: ctypes._Pointer, count: int, _: int) -> int:
            if samples and count > 0:
                parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
            return 0

        callback = _Callback(take)
        self._library.espeak_SetVoiceByName(b"en-us")
        before = self._library.espeak_GetParameter(_RATE_PARAMETER, _CURRENT)
        self._library.espeak_SetParameter(_RATE_PARAMETER, words_a_minute, 0)
        self._library.espeak_SetSynthCallback(callback)
        spoken = text.encode() + b"\0"
        if self._library.espeak_Synth(spoken, len(spoken), 0, 1, 0, _UTF8, None, None) != 0:
            raise NoVoice("espeak-ng refused to speak")
        self._library.espeak_Synchronize()
        self._library.espeak_SetParameter(_RATE_PARAMETER, before, 0)  # others in this process may speak at another pace
        if not parts:
            raise NoVoice("espeak-ng said nothing")
        return np.concatenate(parts)


@cache
def voice() -> Voice:
    """An American voice. The library has one state per process, so it is begun once and never ended. Raises `NoVoice`."""
    try:
        import espeakng_loader

        library = ctypes.CDLL(espeakng_loader.get_library_path())
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    except (ImportError, OSError) as error:
        raise NoVoice(str(error)) from error
    if rate <= 0:
        raise NoVoice("espeak-ng did not start")
    return Voice(library, rate)
