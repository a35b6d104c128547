"""A picture sent to search with: base64 in JSON, made into the same kind of JPEG as the frames it is compared with."""

import base64
import binascii
import io
import re

from shared.domain.errors import ApiError, invalid

MAX_IMAGE_BYTES = 10 * 1024 * 1024
_DATA_URL = re.compile(r"^data:[a-zA-Z0-9.+/-]*(?:;[a-zA-Z0-9.+=_-]+)*;base64,")
_URL_SAFE = str.maketrans("-_", "+/")


def read_query_image(field: str, text: str) -> bytes:
    """A JPEG of at most 640 pixels a side, upright. Takes base64, plain or url-safe, padded or not, also as a data: URL.

    Raises a 422 about `field` for what is no picture, is larger than 10 MiB, or would unfold to more than 50 million pixels.
    """
    if len(text) > MAX_IMAGE_BYTES * 4 // 3 + 1024:
        raise _refused(field, f"the picture is larger than {MAX_IMAGE_BYTES // 1024 // 1024} MiB")
    content = "".join(_DATA_URL.sub("", text.strip(), count=1).split()).translate(_URL_SAFE).rstrip("=")
    try:
        picture = base64.b64decode(content + "=" * (-len(content) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused(field, "this is not base64") from error
    from shared.media.opener import UnreadableMedia  # media libraries are loaded by those who search by picture
    from shared.media.pictures import open_image, thumbnail

    try:
        return thumbnail(open_image(io.BytesIO(picture)))
    except UnreadableMedia as error:
        raise _refused(field, f"{error} ({error.code})") from error


def _refused(field: str, why: str) -> ApiError:
    return invalid(field, why)
