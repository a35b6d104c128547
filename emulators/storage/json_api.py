"""The JSON API's calls that carry no media: one table of routes, each a plain function over the engine."""

import json
from collections.abc import Callable
from typing import Any

from .engine import Engine
from .errors import Resource, invalid, unimplemented
from .exchange import Call
from .listing import MAX_PAGE, Query
from .objects import Source, Target
from .preconditions import Preconditions, number
from .records import check_name, writable

MAX_BODY = 2 << 20
Handler = Callable[["JsonApi", Call, Resource, list[str]], Resource | None]


class JsonApi:
    """Each method answers a resource, or None for 204. `names` are the variable parts of the path, in order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, call: Call) -> tuple[str, Handler, list[str]]:
        """The operation's name (for faults), its handler, and the names in the path; 501 if there is none."""
        for method, pattern, operation, handler in ROUTES:
            names = _matched(pattern, call.segments[2:])
            if method == call.method and names is not None:
                return operation, handler, names
        raise unimplemented(f"{call.method} {call.raw_path}")

    def handle(self, call: Call, body: bytes) -> Resource | None:
        """Answers one call; the caller has passed its fault door."""
        _, handler, names = self.find(call)
        return handler(self, call, parsed(body), names)

    def create_bucket(self, call: Call, body: Resource, names: list[str]) -> Resource:
        return self._engine.buckets.create(call.query.get("project", ""), body).resource(call.base)

    def list_buckets(self, call: Call, body: Resource, names: list[str]) -> Resource:
        query = call.query
        limit = min(call.number("maxResults") or MAX_PAGE, MAX_PAGE)
        found, token = self._engine.buckets.page(
            query.get("project", ""), query.get("prefix", ""), query.get("pageToken", ""), limit
        )
        return _page("storage#buckets", [bucket.resource(call.base) for bucket in found], token)

    def get_bucket(self, call: Call, body: Resource, names: list[str]) -> Resource:
        conditions = Preconditions.from_query(call.query)
        return self._engine.buckets.get(names[0], conditions).resource(call.base)

    def patch_bucket(self, call: Call, body: Resource, names: list[str]) -> Resource:
        conditions = Preconditions.from_query(call.query)
        return self._engine.buckets.patch(names[0], body, conditions).resource(call.base)

    def delete_bucket(self, call: Call, body: Resource, names: list[str]) -> None:
        self._engine.buckets.delete(names[0], Preconditions.from_query(call.query))

    def create_notification(self, call: Call, body: Resource, names: list[str]) -> Resource:
        return self._engine.notifications.create(names[0], body)

    def list_notifications(self, call: Call, body: Resource, names: list[str]) -> Resource:
        return _page("storage#notifications", self._engine.notifications.all(names[0]), None)

    def get_notification(self, call: Call, body: Resource, names: list[str]) -> Resource:
        return self._engine.notifications.get(*names)

    def delete_notification(self, call: Call, body: Resource, names: list[str]) -> None:
        self._engine.notifications.delete(*names)

    def list_objects(self, call: Call, body: Resource, names: list[str]) -> Resource:
        query = call.query
        if query.get("versions") == "true" or query.get("softDeleted") == "true":
            raise unimplemented("listing versions that are gone")
        found = self._engine.objects.page(
            names[0],
            Query(
                prefix=query.get("prefix", ""),
                delimiter=query.get("delimiter", ""),
                start=query.get("startOffset", ""),
                end=query.get("endOffset", ""),
                glob=query.get("matchGlob", ""),
                with_trailing_delimiter=query.get("includeTrailingDelimiter") == "true",
                limit=call.number("maxResults") or MAX_PAGE,
                token=query.get("pageToken", ""),
            ),
        )
        answer = _page("storage#objects", [one.resource(call.base) for one in found.records], found.token)
        return {**answer, "prefixes": found.prefixes} if found.prefixes else answer

    def get_object(self, call: Call, body: Resource, names: list[str]) -> Resource:
        return self._engine.objects.get(source(call, names)).resource(call.base)

    def patch_object(self, call: Call, body: Resource, names: list[str]) -> Resource:
        return self._engine.objects.patch(source(call, names), body).resource(call.base)

    def update_object(self, call: Call, body: Resource, names: list[str]) -> Resource:
        return self._engine.objects.patch(source(call, names), body, replacing=True).resource(call.base)

    def delete_object(self, call: Call, body: Resource, names: list[str]) -> None:
        self._engine.objects.delete(source(call, names))

    def compose(self, call: Call, body: Resource, names: list[str]) -> Resource:
        listed = body.get("sourceObjects")
        if not isinstance(listed, list) or not all(isinstance(one, dict) and "name" in one for one in listed):
            raise invalid("sourceObjects must be a list of objects with names.")
        sources = [_composed(names[0], one) for one in listed]
        fields = writable(body.get("destination") or {})
        target = Target(names[0], names[1], fields, Preconditions.from_query(call.query))
        return self._engine.objects.compose(target, sources).resource(call.base)

    def copy(self, call: Call, body: Resource, names: list[str]) -> Resource:
        target = Target(names[2], names[3], {}, Preconditions.from_query(call.query))
        return self._engine.objects.copy(_copied(call, names), target, body or None).resource(call.base)

    def rewrite(self, call: Call, body: Resource, names: list[str]) -> Resource:
        target = Target(names[2], names[3], {}, Preconditions.from_query(call.query))
        token, per_call = call.query.get("rewriteToken", ""), call.number("maxBytesRewrittenPerCall")
        result = self._engine.objects.rewrite(_copied(call, names), target, body or None, token, per_call)
        if "resource" in result:
            result["resource"] = result["resource"].resource(call.base)
        return result


ROUTES: list[tuple[str, str, str, Handler]] = [
    ("POST", "b", "storage.buckets.insert", JsonApi.create_bucket),
    ("GET", "b", "storage.buckets.list", JsonApi.list_buckets),
    ("GET", "b/*", "storage.buckets.get", JsonApi.get_bucket),
    ("PATCH", "b/*", "storage.buckets.patch", JsonApi.patch_bucket),
    ("DELETE", "b/*", "storage.buckets.delete", JsonApi.delete_bucket),
    ("POST", "b/*/notificationConfigs", "storage.notifications.insert", JsonApi.create_notification),
    ("GET", "b/*/notificationConfigs", "storage.notifications.list", JsonApi.list_notifications),
    ("GET", "b/*/notificationConfigs/*", "storage.notifications.get", JsonApi.get_notification),
    ("DELETE", "b/*/notificationConfigs/*", "storage.notifications.delete", JsonApi.delete_notification),
    ("GET", "b/*/o", "storage.objects.list", JsonApi.list_objects),
    ("GET", "b/*/o/*", "storage.objects.get", JsonApi.get_object),
    ("PATCH", "b/*/o/*", "storage.objects.patch", JsonApi.patch_object),
    ("PUT", "b/*/o/*", "storage.objects.update", JsonApi.update_object),
    ("DELETE", "b/*/o/*", "storage.objects.delete", JsonApi.delete_object),
    ("POST", "b/*/o/*/compose", "storage.objects.compose", JsonApi.compose),
    ("POST", "b/*/o/*/copyTo/b/*/o/*", "storage.objects.copy", JsonApi.copy),
    ("POST", "b/*/o/*/rewriteTo/b/*/o/*", "storage.objects.rewrite", JsonApi.rewrite),
]


def source(call: Call, names: list[str]) -> Source:
    """The object a call reads or changes."""
    check_name(names[1])
    return Source(names[0], names[1], call.number("generation"), Preconditions.from_query(call.query))


def _copied(call: Call, names: list[str]) -> Source:
    conditions = Preconditions.from_query(call.query, "ifSource")
    return Source(names[0], names[1], call.number("sourceGeneration"), conditions)


def _composed(bucket: str, listed: Resource) -> Source:
    conditions = listed.get("objectPreconditions")
    wanted = conditions.get("ifGenerationMatch") if isinstance(conditions, dict) else None
    matching = Preconditions(generation_match=number(wanted, "ifGenerationMatch"))
    return Source(bucket, str(listed["name"]), number(listed.get("generation"), "generation"), matching)


def _matched(pattern: str, segments: list[str]) -> list[str] | None:
    parts = pattern.split("/")
    if len(parts) != len(segments):
        return None
    pairs = list(zip(parts, segments, strict=True))
    if any(part not in ("*", segment) for part, segment in pairs):
        return None
    return [segment for part, segment in pairs if part == "*"]


def _page(kind: str, items: list[Any], token: str | None) -> Resource:
    page: Resource = {"kind": kind, "items": items} if items else {"kind": kind}
    return {**page, "nextPageToken": token} if token else page


def parsed(body: bytes) -> Resource:
    if not body:
        return {}
    try:
        parsed = json.loads(body)
    except ValueError as wrong:
        raise invalid(f"The body is not JSON: {wrong}", "parseError") from wrong
    if not isinstance(parsed, dict):
        raise invalid("The body must be a JSON object.", "parseError")
    return parsed
