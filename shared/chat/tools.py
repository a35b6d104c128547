"""The tools of a turn: all read, none writes, and each looks only where the turn's scope lies.

They are the gate, not the model: whatever it sends, ids outside the scope are refused in words, and what a search brings is
looked at once more before it leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.chat import arguments as args
from shared.chat.querying import describe, query
from shared.chat.scope import ChatScope, OutOfScope
from shared.chat.shelf import Brought
from shared.domain.errors import ApiError
from shared.domain.media import Index, Video
from shared.domain.runs import Run, RunMedia, SegmentResult
from shared.search.found import Found, Scope
from shared.search.text import TextSearch
from shared.store.documents import Store
from shared.store.run_tables import RunTablesOf
from shared.store.runs import Runs
from shared.store.videos import Videos
from shared.tables.asking import SqlTables
from shared.tables.conditions import fields_of
from shared.tables.filtering import FilterSearch, Places
from shared.tables.sets import table_set
from shared.work.outcomes import GiveUp

MOST_RUNS = 20
MOST_MEDIA = 20
MOST_FIELDS = 60
A = TypeVar("A", bound=args.Arguments)


class ToolError(Exception):
    """The call failed; `message` tells the model what to do instead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message[:1000]


@dataclass(frozen=True)
class Library:
    """What tools read from."""

    store: Store
    runs: Runs
    videos: Videos
    texts: TextSearch
    filters: FilterSearch
    tables: SqlTables


class Tools:
    """The tools of one turn."""

    def __init__(self, library: Library, scope: ChatScope) -> None:
        self._library = library
        self._scope = scope
        self._by_name: dict[str, Callable[[Any], Brought]] = {
            "describe_scope": self._describe_scope,
            "search_media": self._search_media,
            "filter_media": self._filter_media,
            "describe_tables": self._describe_tables,
            "query_tables": self._query_tables,
            "get_segments": self._get_segments,
            "get_video_result": self._get_video_result,
        }

    def call(self, name: str, arguments: Any) -> Brought:
        """Raises `ToolError` for a call that cannot be answered; faults of a service come out as they are."""
        if name not in self._by_name:
            raise ToolError("unknown_tool", f"there is no tool {name[:60]!r}; there are {', '.join(self._by_name)}")
        model, _ = args.TOOLS[name]
        try:
            checked = model.model_validate(arguments if isinstance(arguments, dict) else {})
            return self._by_name[name](checked)
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
            raise ToolError("invalid_arguments", told) from error
        except OutOfScope as error:
            raise ToolError("out_of_scope", str(error)) from error
        except ApiError as error:
            raise ToolError(error.code.code, error.message) from error
        except GiveUp as error:
            raise ToolError(str(error.code), error.message) from error

    def _search_media(self, asked: args.SearchMedia) -> Brought:
        scope = self._narrowed(asked)
        where = Scope(scope.owner, list(scope.index_ids), list(scope.run_ids), list(asked.fields or ()))
        found = self._library.texts.search(asked.query, where, asked.top_k)
        return Brought([one for one in found if scope.admits(one)], query={"query": asked.query, "top_k": asked.top_k})

    def _filter_media(self, asked: args.FilterMedia) -> Brought:
        scope = self._narrowed(asked)
        places = Places(scope.owner, list(scope.index_ids), list(scope.run_ids))
        conditions = [one.asked() for one in asked.conditions]
        page = self._library.filters.search(conditions, places, limit=asked.limit, cursor=None)
        found = [Found(one.run, one.video, one.row) for one in page.rows]
        told = {"more": page.next_cursor is not None}
        query = {"conditions": [one.model_dump(exclude_unset=True) for one in asked.conditions], "limit": asked.limit}
        return Brought([one for one in found if scope.admits(one)], told, query)

    def _describe_tables(self, asked: args.DescribeTables) -> Brought:
        return describe(self._library.tables, self._narrowed(asked))

    def _query_tables(self, asked: args.QueryTables) -> Brought:
        return query(self._library.tables, self._library.store, self._narrowed(asked), asked.sql, asked.limit)

    def _get_segments(self, asked: args.GetSegments) -> Brought:
        video, run, media = self._seen(asked.video_id, asked.prompt_run_id)
        rows = self._library.store.collection(SegmentResult, self._scope.owner, run.run_id, video.video_id)
        ordered = rows.order_by("start").limit(2000)
        until = asked.to_seconds if asked.to_seconds is not None else float("inf")
        wanted = [
            Found(run, video, row)
            for row in self._library.store.stream(SegmentResult, ordered)
            if (row.end > asked.from_seconds or row.end == row.start) and row.start < until
        ]
        told = {"segments_in_all": media.total_segments, "more": len(wanted) > asked.limit}
        return Brought(wanted[: asked.limit], told, asked.model_dump(exclude_none=True))

    def _get_video_result(self, asked: args.GetVideoResult) -> Brought:
        video, run, media = self._seen(asked.video_id, asked.prompt_run_id)
        if not media.video_level_metadata:
            return Brought(told={"note": "this run made no result for the whole item; use get_segments"}, count=0)
        return Brought([Found(run, video, media)], query=asked.model_dump(exclude_none=True))

    def _seen(self, video_id: str, run_id: str | None) -> tuple[Video, Run, RunMedia]:
        """The item, and the newest run of the scope that has looked at it. One outside the scope is as good as none."""
        library, scope = self._library, self._scope.narrowed(None, [run_id] if run_id else None)
        video = library.store.get(Video, scope.owner, video_id)  # tells where it lies; nothing else of it is read before that
        if video is None or not scope.has(video) or not library.videos.get_many(scope.owner, [video_id]):
            raise OutOfScope(f"media item {video_id[:60]!r} is not in the scope of this conversation")
        named = list(scope.run_ids) or [one for one in (video.latest_run_id, *self._newest_over(video)) if one]
        looked = library.store.get_all(RunMedia, [(scope.owner, one, video_id) for one in dict.fromkeys(named)])
        media = {one.run_id: one for one in looked}
        runs = library.runs.get_many(scope.owner, list(media))
        if not runs:
            raise ToolError("no_results", "no prompt run of the scope has results for this media item")
        run = max(runs, key=lambda one: (one.created_at, one.run_id))
        return video, run, media[run.run_id]

    def _newest_over(self, video: Video) -> list[str]:
        tables = RunTablesOf(self._library.store).over_indexes(self._scope.owner, [video.index_id], limit=MOST_RUNS)
        return [one.run_id for one in tables]

    def _describe_scope(self, asked: args.DescribeScope) -> Brought:
        library, scope = self._library, self._scope
        indexes = library.store.get_all(Index, [(scope.owner, one) for one in scope.index_ids[:50] if one])
        media: list[dict[str, Any]] = []
        for index_id in scope.index_ids[:10]:
            page = library.videos.page(scope.owner, index_id, limit=MOST_MEDIA, cursor=None)
            media += [_medium(one) for one in library.videos.in_living_indexes(scope.owner, page.items)]
        finder = RunTablesOf(library.store)
        if scope.run_ids:
            tables = finder.of_runs(scope.owner, scope.run_ids)
        else:
            tables = finder.over_indexes(scope.owner, scope.index_ids[:20], limit=MOST_RUNS)
        runs = {run.run_id: run for run in library.runs.get_many(scope.owner, [one.run_id for one in tables][:MOST_RUNS])}
        fields = fields_of([layout for one in tables[:MOST_RUNS] for _, layout in table_set(one).levels()])
        told = {
            "indexes": [{"index_id": one.index_id, "name": one.name} for one in indexes if one.deleted_at is None],
            "playground": "" in scope.index_ids,
            "newest_media": media[:MOST_MEDIA],
            "prompt_runs": [
                {"prompt_run_id": run.run_id, "prompt": run.prompt_name, "status": run.status} for run in runs.values()
            ],
            "fields": [{"field": one["field"], "types": one["types"]} for one in fields[:MOST_FIELDS]],
        }
        return Brought(told=told, count=len(media))

    def _narrowed(self, asked: args.Within) -> ChatScope:
        """Where the scope names no runs, a run's entry tells whether it looked at anything inside."""
        narrowed = self._scope.narrowed(asked.index_ids, asked.prompt_run_ids)
        if asked.prompt_run_ids and not self._scope.run_ids:
            known = {run.run_id: run for run in self._library.runs.get_many(self._scope.owner, asked.prompt_run_ids)}
            for one in asked.prompt_run_ids:
                if one not in known or set(known[one].index_ids).isdisjoint(self._scope.index_ids):
                    raise OutOfScope(f"prompt run {one[:60]!r} is not in the scope of this conversation")
        return narrowed


def _medium(video: Video) -> dict[str, Any]:
    return {
        "video_id": video.video_id,
        "title": video.title[:200],
        "media_type": video.media_type,
        "seconds": round(video.duration_seconds, 1),
    }
