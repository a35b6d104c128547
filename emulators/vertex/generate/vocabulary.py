"""The words by which people name what can be measured: stems, and how strongly each speaks for a kind of evidence.

A stem of four letters or more also matches what it begins; a shorter one matches only itself. Plurals are cut first.
"""

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+", re.UNICODE)

STRONG, MIDDLE, WEAK = 3.0, 2.0, 1.0

KINDS: dict[str, dict[str, float]] = {
    "screen_text": {
        **dict.fromkeys(("ocr", "onscreen", "overlay", "chyron", "signage", "inscription", "lettering"), STRONG),
        **dict.fromkeys(("text", "caption", "sign", "slide", "banner", "subtitle", "watermark"), MIDDLE),
        **dict.fromkeys(("screen", "visible", "written", "read", "displayed", "shown", "letter"), WEAK),
    },
    "speech": {
        **dict.fromkeys(("transcri", "spoken", "speech", "dialog", "utter", "verbatim", "voiceover"), STRONG),
        **dict.fromkeys(("narrat", "quote", "said", "say", "talk", "speak", "soundbite"), STRONG),
        **dict.fromkeys(("words", "word", "voice", "sentence", "heard", "audio", "line"), WEAK),
    },
    "language": {"language": STRONG, "lang": STRONG, "locale": STRONG},
    "colour": {"colour": STRONG, "color": STRONG, "palette": STRONG, "hue": STRONG, "tint": MIDDLE},
    "grey": {"grayscale": STRONG, "greyscale": STRONG, "monochrom": STRONG},
    "brightness": {"bright": STRONG, "luminan": STRONG, "exposure": STRONG, "dark": STRONG, "lighting": STRONG, "lit": MIDDLE},
    "motion": {"motion": STRONG, "movement": STRONG, "moving": STRONG, "static": STRONG, "still": WEAK},
    "sharpness": {"sharpness": STRONG, "sharp": STRONG, "blur": STRONG, "focus": MIDDLE},
    "movement": {"pan": STRONG, "panning": STRONG, "tilt": STRONG, "zoom": STRONG},
    "shot_type": {},
    "duration": {"duration": STRONG, "runtime": STRONG, "length": MIDDLE, "long": WEAK},
    "start": {"start": STRONG, "begin": STRONG, "onset": STRONG, "timestamp": MIDDLE, "timecode": MIDDLE},
    "end": {"end": STRONG, "stop": MIDDLE, "finish": MIDDLE, "until": MIDDLE},
    "shots": {"shot": STRONG, "cut": STRONG},
    "silence": {"silence": STRONG, "silent": STRONG, "quiet": STRONG, "mute": STRONG},
    "loudness": {"loud": STRONG, "volume": STRONG, "dbfs": STRONG, "decibel": STRONG},
    "sound": {"sound": STRONG, "audio": MIDDLE, "noise": MIDDLE, "acoustic": STRONG, "tone": WEAK},
    "music": {"music": STRONG, "melod": STRONG, "tonal": STRONG},
    "width": {"width": STRONG},
    "height": {"height": STRONG},
    "resolution": {"resolution": STRONG, "dimension": MIDDLE},
    "headline": {"headline": STRONG, "title": STRONG, "heading": STRONG, "subject": MIDDLE, "slug": MIDDLE},
    "summary": {
        **dict.fromkeys(("summar", "overview", "synopsis", "abstract", "recap", "gist", "description"), STRONG),
        **dict.fromkeys(("describe", "narrative", "highlight", "takeaway", "caption", "explanation"), MIDDLE),
        **dict.fromkeys(("content", "note", "evidence", "observation", "detail", "fact", "message"), MIDDLE),
        **dict.fromkeys(("answer", "about", "information", "point", "finding", "happen", "instruction"), MIDDLE),
    },
    "keyword": {
        **dict.fromkeys(("keyword", "tag", "term", "hashtag", "keyphrase"), STRONG),
        **dict.fromkeys(("topic", "theme", "entit", "mention"), MIDDLE),
    },
    "place": {
        **dict.fromkeys(("location", "place", "venue", "where", "whereabouts"), STRONG),
        **dict.fromkeys(("city", "site", "address", "setting"), MIDDLE),
    },
    "link": {"url": STRONG, "uri": STRONG, "link": STRONG, "website": STRONG},
    "email": {"email": STRONG, "mail": MIDDLE},
    "date": {"date": STRONG},
    "clock_time": {"clock": STRONG, "hour": STRONG},
    "price": {"price": STRONG, "cost": STRONG, "amount": STRONG, "fee": STRONG},
    "percentage": {"percent": STRONG, "percentage": STRONG},
    "phone": {"phone": STRONG, "telephone": STRONG},
    "number": {"number": WEAK, "figure": WEAK},
}

# Asks that take an understanding of what is shown or meant. A name with one of these is answered only from words that
# were seen or heard, never from a measurement that merely sounds alike.
UNSEEN = (
    "person", "people", "emotion", "mood", "gender", "age", "ethnic", "sentiment", "face", "object",
    "animal", "vehicle", "brand", "logo", "product", "food", "weather", "clothing", "pose", "gesture",
    "genre", "category", "intent", "relevance", "quality", "score", "rating", "risk", "violence", "nudity",
    "safe", "appropriate", "interior", "indoor", "outdoor", "camera", "angle", "reason", "cause",
    "relationship", "expression", "speaker", "actor", "character", "player", "team", "host",
)  # fmt: skip

# Names ending in these ask to be told what sort of thing something is.
SORTING = ("type", "kind", "class", "style")

MOVING = ("motion", "movement", "move", "moving")

COUNTING = ("count", "many", "total", "amount", "number", "num", "quantity")
ASKING = ("has", "is", "contain", "include", "present", "exist", "any", "mention", "presence", "detected")

# The parts of one timed thing: an utterance, a line on the screen, a colour, a term.
SLOTS: dict[str, tuple[str, ...]] = {
    "start": ("start", "begin", "from", "onset", "at", "time", "timestamp", "timecode", "second", "offset"),
    "end": ("end", "stop", "until", "finish"),
    "duration": ("duration", "length"),
    "text": ("text", "word", "content", "transcri", "quote", "line", "sentence", "phrase", "caption", "utterance",
             "speech", "spoken", "said", "verbatim", "value", "label", "name", "title", "term", "keyword", "tag",
             "color", "colour", "description", "summary"),
    "confidence": ("confid", "probab", "certain"),
    "language": ("language", "lang"),
    "share": ("share", "fraction", "ratio", "percent", "percentage", "proportion", "coverage", "weight"),
    "count": ("count", "occurrence", "frequency", "times"),
    "words": ("word", "token"),
    "box": ("box", "bbox", "bound", "region", "rectangle", "coordinate"),
}  # fmt: skip


def words_of(text: str) -> list[str]:
    """Lower-case words of prose or of a field name in any casing, plurals cut."""
    return [_singular(word.lower()) for word in _WORD.findall(_CAMEL.sub(" ", text))]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def stem_matches(stem: str, word: str) -> bool:
    return word == stem or (len(stem) >= 4 and word.startswith(stem))


def any_stem(stems: tuple[str, ...] | list[str], words: list[str]) -> bool:
    return any(stem_matches(stem, word) for stem in stems for word in words)
