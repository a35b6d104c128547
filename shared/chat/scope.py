"""Where a turn may look. It is settled once, when the turn is created; nothing a model says can widen it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.domain.chat import PLAYGROUND_NAME, ChatTurn
from shared.domain.errors import invalid
from shared.domain.media import Video
from shared.store.indexes import Indexes
from shared.store.runs import Runs

if TYPE_CHECKING:
    from shared.search.found import Found

MOST_INDEXES = 100
_PLAYGROUND = ""


class OutOfScope(Exception):
    """What was asked for is not in the turn's scope; says so in words for whoever asked."""


@dataclass(frozen=True)
class ChatScope:
    """`owner` is the tenant the media belong to; in `index_ids` "" is the playground; no `run_ids` means all runs."""

    owner: str
    index_ids: Sequence[str]
    run_ids: Sequence[str] = ()

    @classmethod
    def of(cls, turn: ChatTurn) -> "ChatScope":
        return cls(turn.owner, tuple(turn.index_ids), tuple(turn.run_ids))

    def narrowed(self, index_ids: Sequence[str] | None, run_ids: Sequence[str] | None) -> "ChatScope":
        """A part of it. Raises `OutOfScope` for an id that is not in it."""
        indexes, runs = self.index_ids, self.run_ids
        if index_ids:
            indexes = [_PLAYGROUND if one == PLAYGROUND_NAME else one for one in dict.fromkeys(index_ids)]
            for one in indexes:
                if one not in self.index_ids:
                    raise OutOfScope(f"index {one[:60]!r} is not in the scope of this conversation")
        if run_ids:
            runs = list(dict.fromkeys(run_ids))
            for one in runs:
                if self.run_ids and one not in self.run_ids:
                    raise OutOfScope(f"prompt run {one[:60]!r} is not in the scope of this conversation")
        return ChatScope(self.owner, indexes, runs)

    def has(self, video: Video) -> bool:
        return video.tenant == self.owner and video.index_id in self.index_ids

    def admits(self, found: "Found") -> bool:
        """The last look at everything that leaves a tool, whatever the search behind it was asked."""
        run_id = found.row.run_id
        return self.has(found.video) and found.run.tenant == self.owner and (not self.run_ids or run_id in self.run_ids)

    def on_the_wire(self) -> dict[str, Any]:
        return {"index_ids": [one or PLAYGROUND_NAME for one in self.index_ids], "prompt_run_ids": list(self.run_ids)}


def settle(tenant: str, index_ids: Sequence[str], run_ids: Sequence[str], indexes: Indexes, runs: Runs) -> ChatScope:
    """What a caller asked for, checked: unknown ids and other tenants' are 404s. Nothing asked for means all of the caller's."""
    asked = list(dict.fromkeys(index_ids))
    owners = {tenant if one == PLAYGROUND_NAME else indexes.get(tenant, one).tenant for one in asked}
    if len(owners) > 1:
        raise invalid("scope.index_ids", "ask about your own indexes and shared ones in separate turns")
    owner = owners.pop() if owners else tenant
    wanted = list(dict.fromkeys(run_ids))
    known = {run.run_id: run for run in runs.get_many(owner, wanted)} if wanted else {}
    for one in wanted:
        if one not in known:
            runs.get(owner, one)
    if asked:
        places = [_PLAYGROUND if one == PLAYGROUND_NAME else one for one in asked]
    elif wanted:
        places = list(dict.fromkeys(place for run in known.values() for place in run.index_ids))
    else:
        places = [one.index_id for one in indexes.all(tenant, include_defaults=False)[:MOST_INDEXES]] + [_PLAYGROUND]
    return ChatScope(owner, tuple(places), tuple(wanted))
