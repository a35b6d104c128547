"""Subtitle files that players read, whatever was said."""

from itertools import pairwise

from shared.domain.subtitles import LINES, LONGEST_LINE, Cue, cues, sprite_vtt, srt, vtt


def said(start: float, end: float, text: str) -> dict:
    return {"start": start, "end": end, "text": text}


def test_times_are_written_as_each_format_wants_them() -> None:
    shown = [Cue(3_725.5, 3_726.0421, "x")]
    assert "01:02:05.500 --> 01:02:06.042" in vtt(shown)
    assert "01:02:05,500 --> 01:02:06,042" in srt(shown)


def test_nothing_said_is_still_a_file() -> None:
    assert vtt(cues([])) == "WEBVTT\n"
    assert srt(cues([])) == ""


def test_cues_come_in_order_of_time_and_none_is_shown_beside_the_next() -> None:
    shown = cues([said(5.0, 9.0, "second"), said(1.0, 6.0, "first")])
    assert [cue.text for cue in shown] == ["first", "second"]
    assert shown[0].end <= shown[1].start


def test_a_long_utterance_is_divided_to_fit_below_a_picture_and_keeps_its_time() -> None:
    words = "every word of this rather long sentence has to be readable on the screen " * 4
    shown = cues([said(10.0, 30.0, words)])
    assert len(shown) > 1
    assert " ".join(cue.text.replace("\n", " ") for cue in shown) == words.strip()
    assert all(len(line) <= LONGEST_LINE for cue in shown for line in cue.text.split("\n"))
    assert all(len(cue.text.split("\n")) <= LINES for cue in shown)
    assert (shown[0].start, round(shown[-1].end, 3)) == (10.0, 30.0)
    assert all(before.end == after.start for before, after in pairwise(shown))


def test_an_utterance_without_length_is_shown_long_enough_to_be_seen() -> None:
    [cue] = cues([said(2.0, 2.0, "hey")])
    assert cue.end > cue.start


def test_what_would_be_markup_is_text() -> None:
    shown = [Cue(0.0, 1.0, "<c.red>a</c> & 00:00 --> 00:01")]
    assert "&lt;c.red&gt;a&lt;/c&gt; &amp; 00:00 --&gt; 00:01" in vtt(shown)
    assert srt(shown).count("-->") == 1


def test_every_tile_of_a_sheet_has_its_time_and_place() -> None:
    layout = {"count": 12, "columns": 10, "tile_width": 160, "tile_height": 90, "interval": 2.0}
    lines = sprite_vtt(layout, 23.4, "https://x/sheet.jpg?sig=1").splitlines()
    places = [line.partition("#xywh=")[2] for line in lines if "#xywh=" in line]
    assert places[9:11] == ["1440,0,160,90", "0,90,160,90"]
    assert [line for line in lines if "-->" in line][-1] == "00:00:22.000 --> 00:00:23.400"
