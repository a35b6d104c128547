"""Still pictures: opening images, upright thumbnails, one frame out of a film, preview GIFs."""

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, cast

import av
from PIL import Image, ImageOps

from shared.media.heif import BrokenHeif, ForeignCoding, TooLarge, read_heif
from shared.media.opener import MAX_PIXELS, Container, UnreadableMedia, open_media, read_kind

if TYPE_CHECKING:
    import numpy as np  # not needed to look at what a file is, which most do

THUMBNAIL_SIDE = 640
PREVIEW_SIDE = 240
JPEG_QUALITY = 82
# Enough frames to reach any moment of a long group of pictures, few enough to stay an answer in seconds.
_MAX_FRAMES_FROM_KEYFRAME = 600


def open_image(source: BinaryIO) -> Image.Image:
    """The first picture of an image file, upright and in RGB; raises UnreadableMedia."""
    kind, _ = read_kind(source)
    if kind.family == "heif":
        return _open_heif(source)
    if kind.family != "image":
        raise UnreadableMedia("unsupported_media", "This is not a still image.")
    if kind.pillow == "GIF" and not _goes_on_as_a_gif(source):
        raise UnreadableMedia("unreadable_media", "The image is damaged and cannot be opened.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(source, formats=[kind.pillow])
            _refuse_bomb(*image.size)
            image.load()
            upright = ImageOps.exif_transpose(image)
            return flatten(upright)
    except UnreadableMedia:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableMedia("media_too_large", f"Pictures over {MAX_PIXELS:,} pixels are refused.") from error
    except Exception as error:  # Pillow's decoders raise nearly anything on crafted files
        if "truncated" in str(error).lower():
            raise UnreadableMedia("truncated_media", "The image ends before it is complete.") from error
        raise UnreadableMedia("unreadable_media", "The image is damaged and cannot be opened.") from error


def _open_heif(source: BinaryIO) -> Image.Image:
    try:
        return read_heif(source, MAX_PIXELS)
    except TooLarge as error:
        raise UnreadableMedia("media_too_large", f"Pictures over {MAX_PIXELS:,} pixels are refused.") from error
    except ForeignCoding as error:
        raise UnreadableMedia("unsupported_media", "The image is in a coding we cannot read.") from error
    except BrokenHeif as error:
        if "truncated" in str(error):
            raise UnreadableMedia("truncated_media", "The image ends before it is complete.") from error
        raise UnreadableMedia("unreadable_media", "The image is damaged and cannot be opened.") from error


def _goes_on_as_a_gif(source: BinaryIO) -> bool:
    """Whether a picture or an extension follows the header and its colours: a size read from damage is no size."""
    head = source.read(14 + 3 * 256)
    source.seek(0)
    colours = 3 << ((head[10] & 7) + 1) if len(head) > 10 and head[10] & 0x80 else 0
    return head[13 + colours : 14 + colours] in (b"\x21", b"\x2c")


def _refuse_bomb(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableMedia("media_too_large", f"Pictures over {MAX_PIXELS:,} pixels are refused.")


def flatten(image: Image.Image) -> Image.Image:
    """RGB, with anything transparent laid on white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, clear).convert("RGB")
    return image.convert("RGB")


def thumbnail(image: Image.Image, side: int = THUMBNAIL_SIDE) -> bytes:
    """JPEG of the picture with its longer side at most `side` pixels; never enlarged."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return to_jpeg(small)


def to_jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def upright_picture(frame: av.VideoFrame, side: int = THUMBNAIL_SIDE) -> Image.Image:
    """A decoded frame scaled to at most `side` pixels and turned the way it is meant to be seen."""
    scale = min(1.0, side / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    image = frame.to_image(width=width, height=height, interpolation="AREA")
    turn = frame.rotation % 360
    return image.rotate(turn, expand=True) if turn else image


def picture_at(container: Container, time: float, side: int = THUMBNAIL_SIDE) -> Image.Image | None:
    """The picture shown at `time` seconds, found by seeking; None where the film has none."""
    stream = container.video
    if stream is None or stream.time_base is None:
        return None
    container.seek(time)
    latest = None
    for count, frame in enumerate(container.frames(stream)):
        shown = container.time_of(frame)
        if latest is not None and shown is not None and shown > time + 1e-3:
            break
        latest = frame
        if count > _MAX_FRAMES_FROM_KEYFRAME:
            break
    return None if latest is None else upright_picture(latest, side)


def pictures_at(source: BinaryIO, times: Sequence[float], side: int = THUMBNAIL_SIDE) -> list[Image.Image | None]:
    """The pictures shown at the given seconds."""
    with open_media(source) as container:
        return [picture_at(container, time, side) for time in times]


def preview_gif(images: Sequence[Image.Image], *, side: int = PREVIEW_SIDE, seconds_each: float = 0.5) -> bytes:
    """An endlessly looping GIF of the given pictures, the longer side `side` pixels; raises ValueError if there are none."""
    if not images:
        raise ValueError("a preview needs at least one picture")
    first = images[0]
    scale = side / max(first.size)
    size = (max(1, round(first.width * scale)), max(1, round(first.height * scale)))
    frames = [image.convert("RGB").resize(size, Image.Resampling.BILINEAR) for image in images]
    # One palette for all frames keeps colours from flickering and the file small.
    palette = cast(Image.Image, _one_below_the_other(frames).quantize(colors=255))
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    out = io.BytesIO()
    drawn[0].save(out, "GIF", save_all=True, append_images=drawn[1:], duration=round(seconds_each * 1000), loop=0, optimize=False)
    return out.getvalue()


def _one_below_the_other(frames: Sequence[Image.Image]) -> Image.Image:
    """All of them, reduced, on one picture."""
    width, height = max(1, frames[0].width // 4), max(1, frames[0].height // 4)
    strip = Image.new("RGB", (width, height * len(frames)))
    for number, frame in enumerate(frames):
        strip.paste(frame.resize((width, height), Image.Resampling.NEAREST), (0, number * height))
    return strip


def sharpness(luma: "np.ndarray") -> float:
    """How much fine detail a luma plane shows; only comparable between pictures of one film."""
    height = luma.shape[0]
    rows = luma[height // 8 : height - height // 8 : max(1, height // 48)].astype("int16")
    if rows.shape[1] < 3 or rows.shape[0] == 0:
        return 0.0
    bend = 2 * rows[:, 1:-1] - rows[:, :-2] - rows[:, 2:]
    return float(bend.astype("float32").var())
