"""What the tools of a turn brought: results by short names that the model cites, and the sets they came in.

The names are given in the order of the log, so a turn that another worker goes on with names the same results alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.markers import NO_MARKS
from shared.search.found import Found
from shared.search.results import search_result

MOST_TEXT = 600  # of one result that the model reads
MOST_PREVIEWED = 5  # results that an event shows


@dataclass(frozen=True)
class Brought:
    """What a tool brought: results of the search kind, or rows of a query; `told` is what else the model is told."""

    results: Sequence[Found] = ()
    told: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    table: dict[str, Any] | None = None  # columns and rows of a query
    count: int | None = None  # of what was found, where that is neither results nor rows


class Shelf:
    """`named` are results by name; `sets` are the result sets as the turn shows them."""

    def __init__(self) -> None:
        self.named: dict[str, dict[str, Any]] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        self.sets: list[dict[str, Any]] = []
        self._names: dict[str, str] = {}

    def put(self, result_set: dict[str, Any]) -> None:
        """A set that was made before."""
        self.sets.append(result_set)
        for result in result_set["results"]:
            self.named.setdefault(result["ref"], {**result, "result_set_id": result_set["result_set_id"]})
            self._names.setdefault(result["result_id"], result["ref"])
        if result_set.get("ref"):
            self.tables[result_set["ref"]] = result_set

    def add(self, tool_call_id: str, tool: str, brought: Brought) -> dict[str, Any] | None:
        """A new set; None for a tool that brings no results."""
        if not brought.results and brought.table is None:
            return None
        number = len(self.sets) + 1
        made: dict[str, Any] = {
            "result_set_id": f"rs{number}",
            "tool_call_id": tool_call_id,
            "tool": tool,
            "query": brought.query,
            "results": self._shown(brought.results),
        }
        if brought.table is not None:
            made |= {"ref": f"q{number}", **brought.table}
        self.put(made)
        return made

    def _shown(self, results: Sequence[Found]) -> list[dict[str, Any]]:
        taken = dict(self._names)
        shown = []
        for one in results:
            result = search_result(one, _unsigned, NO_MARKS)
            result["thumbnail_available"] = bool(result["thumbnail_gcs_uri"])
            ref = taken.setdefault(one.result_id, f"r{len(taken) + 1}")
            shown.append({"ref": ref, **result})
        return shown


def _unsigned(uri: str) -> str:
    """An address signed now would be dead when the turn is read again; `thumbnail_gcs_uri` can be signed at any time."""
    return ""


def compact(result: dict[str, Any]) -> dict[str, Any]:
    """A result as the model reads it: no addresses, no more text than says what it is."""
    row: dict[str, Any] = {"ref": result["ref"], "title": result["video_name"]}
    if result["result_type"] == "segment":
        row |= {"start": round(result["start_time"], 2), "end": round(result["end_time"], 2)}
    else:
        row["about"] = "the whole media item"
    row |= {"score": round(result["reranked_score"], 3), "text": best_text(result)[:MOST_TEXT]}
    row |= {"video_id": result["video_id"], "prompt_run_id": result["run_id"]}
    if result.get("matched_field_paths"):
        row["matched_fields"] = result["matched_field_paths"][:4]
    return row


def best_text(result: dict[str, Any]) -> str:
    """What matched first, then the rest of what is known."""
    matched = [one["value_preview"] for one in result.get("matched_field_instances", [])[:2]]
    whole = result["text_content"]
    return " … ".join([text for text in matched if text and text.rstrip("…") not in whole[:MOST_TEXT]] + [whole])


def preview(result_set: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The first results as an event shows them."""
    keys = ("ref", "result_id", "video_id", "video_name", "start_time", "end_time", "reranked_score", "content_preview")
    return [{key: one[key] for key in keys} for one in (result_set or {"results": []})["results"][:MOST_PREVIEWED]]
