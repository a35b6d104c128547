"""The pictures that stand for a media item, made from its stored original and kept beside it."""

from dataclasses import asdict
from typing import Any, BinaryIO

from shared.domain.media import Video
from shared.media.previews import previews_of_film, previews_of_image
from shared.objects.buckets import Objects


def make_previews(video: Video, source: BinaryIO, objects: Objects) -> dict[str, Any]:
    """The fields of the item to set; none for sound. Done again, it writes the same. Raises UnreadableMedia."""
    if video.media_type == "image":
        made = previews_of_image(source)
    elif video.has_video and (film := previews_of_film(source, video.duration_seconds)) is not None:
        made = film
    else:
        return {}
    place = f"{video.tenant}/{video.video_id}"
    fields: dict[str, Any] = {
        "thumbnail_uri": objects.put_derived(f"thumbs/{place}/poster.jpg", made.poster, "image/jpeg"),
        "gif_uri": objects.put_derived(f"gif/{place}/preview.gif", made.gif, "image/gif"),
    }
    if made.sprite is not None and made.layout is not None:
        fields["sprite_uri"] = objects.put_derived(f"thumbs/{place}/sprite.jpg", made.sprite, "image/jpeg")
        fields["sprite"] = asdict(made.layout)
    return fields
