"""A picture as a unit vector without a model: colour, texture, shape and layout. Finds the same footage, not the same idea.

Five measurements, each of unit length, are weighted and put side by side: colour histograms of three bands (1.0), Gabor
energies on a grid (0.8), gradient directions on a grid (0.8), a small picture (0.5), levels of light (0.3). Without colour the
colour histogram says nothing and is left out, so that a grey copy still matches; light alone is left of a blank picture. The
1888 numbers are then projected to the size asked by fixed random signs.
"""

import functools
import hashlib
import io

import cv2
import numpy as np

from shared.media.pictures import open_image

_SIDE = 256
_GREY_SATURATION = 12.0
_GABOR_SIDE = 128
_SCALES = 3
_DIRECTIONS = 6
_GRID = 4
_HOG_CELLS = 8
_HOG_BINS = 9
_THUMB = 12
_LEVELS = 16
_SEED = b"picture descriptor 2"
_WEIGHTS = (1.0, 0.8, 0.8, 0.5, 0.3)


def describe(data: bytes, dimensions: int) -> np.ndarray:
    """The vector of an image file, float32 of unit length; raises `shared.media.opener.UnreadableMedia`."""
    picture = open_image(io.BytesIO(data))
    return project(measure(np.asarray(picture)), dimensions)


def measure(rgb: np.ndarray) -> np.ndarray:
    """The 1888 weighted measurements of an RGB picture (height, width, 3; bytes)."""
    small = cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    parts = (_colours(small), _texture(grey), _shapes(grey), _layout(small), _levels(grey))
    return np.concatenate([weight * _unit(part) for weight, part in zip(_WEIGHTS, parts, strict=True)])


def project(measured: np.ndarray, dimensions: int) -> np.ndarray:
    """Keeps angles nearly as they were in fewer (or more) numbers; the same signs for ever."""
    return _unit(_signs(len(measured), dimensions) @ measured.astype(np.float32))


def _colours(rgb: np.ndarray) -> np.ndarray:
    """Hue, saturation and value counted together (12 x 4 x 4) in three bands from top to bottom; square roots tame big areas."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    if hsv[:, :, 1].mean() < _GREY_SATURATION:
        return np.zeros(3 * 12 * 4 * 4, dtype=np.float32)
    thirds = np.array_split(hsv, 3, axis=0)
    counted = [cv2.calcHist([third], [0, 1, 2], None, [12, 4, 4], [0, 180, 0, 256, 0, 256]).ravel() for third in thirds]
    return np.sqrt(np.concatenate(counted))


def _texture(grey: np.ndarray) -> np.ndarray:
    """Mean strength of 18 Gabor waves in each cell of a 4 x 4 grid: the gist of a scene."""
    flat = cv2.resize(grey, (_GABOR_SIDE, _GABOR_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    flat = (flat - flat.mean()) / (flat.std() + 1.0)
    cells = [
        cv2.resize(np.abs(cv2.filter2D(flat, cv2.CV_32F, kernel)), (_GRID, _GRID), interpolation=cv2.INTER_AREA).ravel()
        for kernel in _gabor_kernels()
    ]
    return np.concatenate(cells)


def _shapes(grey: np.ndarray) -> np.ndarray:
    """Gradient directions (9, unsigned) weighted by strength in 8 x 8 cells, every cell evened out."""
    soft = cv2.GaussianBlur(grey, (3, 3), 0).astype(np.float32)
    across, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(across, down)
    bins = np.minimum((angle % np.pi) / np.pi * _HOG_BINS, _HOG_BINS - 1).astype(np.int64)
    rows = np.arange(_SIDE) * _HOG_CELLS // _SIDE
    cell = rows[:, None] * _HOG_CELLS + rows[None, :]
    counted = np.bincount((cell * _HOG_BINS + bins).ravel(), strength.ravel(), _HOG_CELLS**2 * _HOG_BINS)
    cells = counted.reshape(-1, _HOG_BINS)
    cells = cells / (np.linalg.norm(cells, axis=1, keepdims=True) + 50.0)
    return np.sqrt(cells.ravel()).astype(np.float32)


def _layout(rgb: np.ndarray) -> np.ndarray:
    """A 12 x 12 picture in LAB, each plane about its own mean, so that brightness as a whole does not count."""
    tiny = cv2.cvtColor(cv2.resize(rgb, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB).astype(np.float32)
    tiny -= tiny.mean(axis=(0, 1))
    return tiny.ravel()


def _levels(grey: np.ndarray) -> np.ndarray:
    """How much of the picture is how bright, wherever that is: cropping changes it little."""
    counted = np.bincount(grey.ravel() // (256 // _LEVELS), minlength=_LEVELS)
    return np.sqrt(counted).astype(np.float32)


@functools.cache
def _gabor_kernels() -> tuple[np.ndarray, ...]:
    kernels = []
    for scale in range(_SCALES):
        wavelength = 4.0 * 1.8**scale
        size = int(wavelength * 2) | 1
        for direction in range(_DIRECTIONS):
            wave = cv2.getGaborKernel((size, size), wavelength * 0.5, np.pi * direction / _DIRECTIONS, wavelength, 0.7, 0.0)
            kernels.append((wave - wave.mean()).astype(np.float32) / np.abs(wave).sum())
    return tuple(kernels)


@functools.lru_cache(maxsize=4)
def _signs(width: int, dimensions: int) -> np.ndarray:
    """Plus and minus ones from a hash, so that they are the same on every machine and with every numpy."""
    bits = np.frombuffer(hashlib.shake_256(_SEED).digest((width * dimensions + 7) // 8), dtype=np.uint8)
    return (np.unpackbits(bits)[: width * dimensions].reshape(dimensions, width).astype(np.float32) * 2) - 1


def _unit(values: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(values))
    return (values / length if length else values).astype(np.float32)
