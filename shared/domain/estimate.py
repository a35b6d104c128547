"""What a run will read and write, before it starts: seconds of media, segments, and tokens at the rates the models document.

Known cuts are counted exactly, so are segments of a fixed length; other media by the typical length of a segment. Amounts of
money are no part of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from shared.domain.media import MediaType, Video
from shared.domain.runs import Run
from shared.domain.schema import leaf_paths
from shared.domain.segmentation import plan_audio, plan_video

VIDEO_TOKENS_PER_SECOND = 258  # one picture a second
AUDIO_TOKENS_PER_SECOND = 32
IMAGE_TOKENS = 258
_CHARS_PER_TOKEN = 4
_SPOKEN_TOKENS_PER_SECOND = 4  # of a transcript with its times
_TOKENS_PER_LEAF = 20  # a field's name, its value and the marks between them
_TYPICAL_SECONDS = {"smart": 10.0, "content_aware": 5.0}  # of a film's segments
_TYPICAL_SOUND_SECONDS = 15.0


@dataclass(frozen=True)
class Item:
    """One media item: its segments, whether their number is known or guessed, and for how many an answer is there."""

    media_type: MediaType
    seconds: float
    has_audio: bool
    segments: int
    exact: bool
    reused: int = 0


def expected_segments(video: Video, run: Run, known: int | None) -> tuple[int, bool]:
    """(how many, whether that is certain); `known` is the size of a cut that is there already."""
    if known is not None:
        return known, True
    if video.media_type == "image":
        return 1, True
    length = max(video.duration_seconds, 0.001)
    if video.media_type == "audio":
        if run.audio_segmentation_type == "fixed":
            return len(plan_audio(length, "fixed", run.audio_segment_duration)), True
        return max(1, ceil(length / _TYPICAL_SOUND_SECONDS)), False
    if run.video_segmentation_type == "fixed":
        return len(plan_video(length, (), "fixed", run.video_segment_duration)), True
    return max(1, ceil(length / _TYPICAL_SECONDS[run.video_segmentation_type])), False


@dataclass
class Estimate:
    """Takes the items one by one."""

    run: Run
    items: dict[str, int] = field(default_factory=lambda: {"video": 0, "audio": 0, "image": 0})
    seconds: float = 0.0
    segments: int = 0
    guessed_items: int = 0
    reused: int = 0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    model_calls: int = 0

    def add_all(self, items: Iterable[Item]) -> "Estimate":
        for item in items:
            self._add(item)
        return self

    def _add(self, item: Item) -> None:
        self.items[item.media_type] += 1
        self.seconds += item.seconds
        self.segments += item.segments
        self.guessed_items += not item.exact
        self.reused += item.reused
        asked = item.segments - item.reused
        seconds = item.seconds * asked / item.segments if item.segments else 0.0
        media = _media_tokens(item, seconds, asked)
        leaves = _TOKENS_PER_LEAF * len(leaf_paths(self.run.prompt["json_schema"]))
        self._call(asked, media + asked * _text_tokens(self.run.prompt), asked * leaves)
        if self.run.enable_transcription and item.has_audio:
            self._call(asked, media, seconds * _SPOKEN_TOKENS_PER_SECOND)
        if self.run.video_level and asked:
            said = leaves * item.segments + item.seconds * _SPOKEN_TOKENS_PER_SECOND * item.has_audio
            schema = self.run.video_level.get("json_schema") or {}
            self._call(1, said, _TOKENS_PER_LEAF * len(leaf_paths(schema)))

    def _call(self, calls: int, input_tokens: float, output_tokens: float) -> None:
        self.model_calls += calls
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens

    def breakdown(self) -> dict[str, Any]:
        return {
            "media_seconds": round(self.seconds, 3),
            "total_media": sum(self.items.values()),
            "videos": self.items["video"],
            "audios": self.items["audio"],
            "images": self.items["image"],
            "segments": self.segments,
            "segments_exact": self.guessed_items == 0,
            "reused_segments": self.reused,
            "model": self.run.processing_model,
            "model_calls": self.model_calls,
            "input_tokens": round(self.input_tokens),
            "output_tokens": round(self.output_tokens),
            "total_tokens": round(self.input_tokens) + round(self.output_tokens),
        }


def _media_tokens(item: Item, seconds: float, segments: int) -> float:
    if item.media_type == "image":
        return IMAGE_TOKENS * segments
    pictures = VIDEO_TOKENS_PER_SECOND if item.media_type == "video" else 0
    sound = AUDIO_TOKENS_PER_SECOND if item.has_audio else 0
    return seconds * (pictures + sound)


def _text_tokens(prompt: dict[str, Any]) -> float:
    return len(prompt["prompt_text"]) / _CHARS_PER_TOKEN + _TOKENS_PER_LEAF * len(leaf_paths(prompt["json_schema"]))
