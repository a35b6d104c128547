"""What of a result becomes text vectors, in one fixed order, so that a vector's number leads back to its text.

Number 0 is the metadata text, 1 the transcript, from 2 on the text leaves of the extracted JSON. Empty ones are left out but keep
their number.
"""

from dataclasses import dataclass
from typing import Any

from shared.domain.leaves import MAX_TEXT_LEAVES, Leaf, text_leaves

METADATA_TEXT = "metadata_text"
TRANSCRIPTION = "transcription"
FIRST_LEAF = 2
MAX_TEXTS = FIRST_LEAF + MAX_TEXT_LEAVES


@dataclass(frozen=True)
class SearchText:
    n: int
    field_path: str
    instance_path: str
    text: str


def search_texts(metadata: Any, metadata_text: str, transcript: str, disabled: list[str]) -> list[SearchText]:
    found = []
    if metadata_text.strip():
        found.append(SearchText(0, METADATA_TEXT, METADATA_TEXT, metadata_text))
    if transcript.strip() and TRANSCRIPTION not in disabled:
        found.append(SearchText(1, TRANSCRIPTION, TRANSCRIPTION, transcript))
    found += [_of(leaf, FIRST_LEAF + i) for i, leaf in enumerate(text_leaves(metadata, disabled))]
    return found


def _of(leaf: Leaf, n: int) -> SearchText:
    return SearchText(n, leaf.field_path, leaf.instance_path, str(leaf.value))
