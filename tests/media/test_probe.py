"""What the probe says of a file comes from what is in it."""

import io

import numpy as np
import pytest
from PIL import Image

from shared.media.opener import UnreadableMedia
from shared.media.probe import MediaInfo, probe
from shared.media.survey import survey
from tests.media.making import film, picture, recording, scene, shots, silence, tone

MEDIA = [
    ("mp4", "libx264", "video/mp4", "mp4"),
    ("mov", "libx264", "video/quicktime", "mov"),
    ("matroska", "libx264", "video/x-matroska", "mkv"),
    ("webm", "libvpx", "video/webm", "webm"),
    ("avi", "mpeg4", "video/x-msvideo", "avi"),
]
SOUNDS = [
    ("wav", "pcm_s16le", "audio/wav", "wav"),
    ("mp3", "libmp3lame", "audio/mpeg", "mp3"),
    ("flac", "flac", "audio/flac", "flac"),
    ("ogg", "libopus", "audio/ogg", "ogg"),
    ("adts", "aac", "audio/aac", "aac"),
    ("ipod", "aac", "audio/mp4", "m4a"),
    ("mp4", "aac", "audio/mp4", "mp4"),
    ("matroska", "libopus", "audio/x-matroska", "mkv"),
]
IMAGES = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]


def look(data: bytes) -> MediaInfo:
    return probe(io.BytesIO(data))


@pytest.mark.parametrize(("container", "codec", "mime_type", "name"), MEDIA)
def test_a_film_is_told_by_content(container: str, codec: str, mime_type: str, name: str) -> None:
    info = look(film(shots(50), format=container, codec=codec))
    assert (info.media_type, info.format, info.mime_type) == ("video", name, mime_type)
    assert (info.width, info.height, info.has_video, info.has_audio) == (320, 180, True, False)
    assert info.duration == pytest.approx(2.0, abs=0.05)
    assert info.frame_rate == pytest.approx(25, abs=0.1)


@pytest.mark.parametrize(("container", "codec", "mime_type", "name"), SOUNDS)
def test_a_recording_is_told_by_content(container: str, codec: str, mime_type: str, name: str) -> None:
    info = look(recording(tone(440, 3.0), format=container, codec=codec))
    assert (info.media_type, info.format, info.mime_type) == ("audio", name, mime_type)
    assert info.has_audio and not info.has_video
    assert info.audio_sample_rate == 48_000
    assert info.duration == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_lasts_no_time(name: str) -> None:
    info = look(picture(name))
    assert (info.media_type, info.format, info.mime_type) == ("image", name.lower(), f"image/{name.lower()}")
    assert (info.width, info.height, info.duration) == (320, 180, 0.0)


def test_an_animated_gif_is_an_image() -> None:
    out = io.BytesIO()
    stills = [Image.fromarray(scene(seed)) for seed in range(4)]
    stills[0].save(out, "GIF", save_all=True, append_images=stills[1:], duration=100)
    assert look(out.getvalue()).media_type == "image"


def test_cover_art_does_not_make_a_song_a_film() -> None:
    info = look(recording(tone(440, 2.0), format="mp3", codec="libmp3lame", cover=picture("JPEG", (64, 64))))
    assert info.has_cover_art
    assert (info.media_type, info.has_video) == ("audio", False)
    assert survey(io.BytesIO(recording(tone(440, 1.0), format="flac", codec="flac"))).cuts == []


@pytest.mark.parametrize(("turn", "size"), [(0, (320, 180)), (90, (180, 320)), (180, (320, 180)), (270, (180, 320))])
def test_a_turned_film_is_measured_upright(turn: int, size: tuple[int, int]) -> None:
    info = look(film(shots(5), turn=turn))
    assert (info.width, info.height) == size
    assert info.rotation == turn


def test_a_photograph_taken_sideways_is_measured_upright() -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    info = look(picture("JPEG", exif=tags))
    assert (info.width, info.height) == (180, 320)


def test_a_film_without_a_duration_in_its_header_is_measured() -> None:
    data = film(shots(50), format="webm", codec="libvpx", options={"live": "1"})
    assert look(data).duration == pytest.approx(2.0, abs=0.05)


def test_sound_longer_than_the_pictures_counts() -> None:
    info = look(film(shots(25), sound=tone(300, 2.5)))
    assert info.has_audio
    assert info.duration == pytest.approx(2.5, abs=0.1)


def test_a_film_that_starts_late_lasts_as_long_as_it_shows_something() -> None:
    info = look(film(shots(50), format="matroska", times=[7_000 + 40 * n for n in range(50)]))
    assert info.duration == pytest.approx(2.0, abs=0.05)


def test_a_fragmented_film_is_read_to_its_end() -> None:
    data = film(shots(50), options={"movflags": "frag_keyframe+empty_moov"}, codec_options={"g": "10"})
    assert look(data).duration == pytest.approx(2.0, abs=0.05)


def test_a_long_file_is_measured_from_its_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    import shared.media.probe as probing

    data = film(shots(250, 250, size=(64, 48)) + shots(250, size=(64, 48)))
    whole = look(data).duration
    monkeypatch.setattr(probing, "DEMUX_WHOLE_BYTES", 1000)
    assert look(data).duration == whole == 30.0


def test_a_song_of_varying_bit_rate_is_not_taken_for_a_truncated_one() -> None:
    noise = np.random.default_rng(1).normal(0, 8000, 48_000 * 3).astype(np.int16)
    for format, codec, options in (("mp3", "libmp3lame", {"write_xing": "0"}), ("adts", "aac", {})):
        for parts in ((noise, silence(9.0)), (silence(9.0), noise)):
            data = recording(np.concatenate(parts), format=format, codec=codec, quality=4, options=options)
            assert look(data).duration == pytest.approx(12.0, abs=0.15)


def test_subtitles_that_run_on_after_the_film_neither_lengthen_nor_spoil_it() -> None:
    info = look(film(shots(50), format="matroska", subtitle=(1.0, 30.0)))
    assert info.duration == pytest.approx(2.0, abs=0.05)
    assert [subtitle.codec for subtitle in info.subtitles] == ["srt"]
    assert not info.truncated


def test_media_of_absurd_length_is_refused() -> None:
    with pytest.raises(UnreadableMedia) as caught:
        look(film(shots(2), format="matroska", times=[0, 90_000_000]))
    assert caught.value.code == "media_too_large"
