"""Chat sessions and the turns in them, as they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from functions.api.chat.schemas import ListQuery, SessionBody, Views
from shared.chat.following import Follower
from shared.chat.views import media_of, session_view, turn_view
from shared.domain.chat import ChatSession, ChatTurn
from shared.http.call import Call
from shared.messaging.messages import RunTurn
from shared.messaging.queues import Queues
from shared.store.chats import Chats
from shared.store.deletions import Deletions, deletion_view
from shared.store.documents import Store
from shared.store.indexes import Indexes
from shared.store.runs import Runs
from shared.store.videos import Videos


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    chats: Chats
    indexes: Indexes
    runs: Runs
    videos: Videos
    deletions: Deletions
    follower: Follower


def create(call: Call[SessionBody], deps: Deps) -> dict[str, Any]:
    """Create a chat session"""
    now = deps.store.clock()
    session = ChatSession(
        created_at=now,
        updated_at=now,
        tenant=call.tenant,
        session_id=call.new_id("session"),
        user_id=call.caller.user_id,
        title=call.body.title,
    )
    return session_view(deps.store.create_once(session))


def list_all(call: Call[None], deps: Deps) -> Views:
    """List chat sessions, newest first"""
    query: ListQuery = call.query
    return [session_view(one) for one in deps.chats.newest(call.tenant, limit=query.limit)]


def retrieve(call: Call[None], deps: Deps, session_id: str) -> dict[str, Any]:
    """Retrieve a chat session with its turns, oldest first"""
    query: ListQuery = call.query
    session = deps.chats.get(call.tenant, session_id)
    return {**session_view(session), "turns": shown(deps.chats.turns(session, limit=query.limit), deps)}


def list_turns(call: Call[None], deps: Deps, session_id: str) -> Views:
    """List the newest turns of a chat session, oldest first"""
    query: ListQuery = call.query
    return shown(deps.chats.turns(deps.chats.get(call.tenant, session_id), limit=query.limit), deps)


def retrieve_turn(call: Call[None], deps: Deps, session_id: str, turn_id: str) -> dict[str, Any]:
    """Retrieve one turn of a chat session"""
    session = deps.chats.get(call.tenant, session_id)
    [view] = shown([deps.chats.turn(session, turn_id)], deps)
    return view


def cancel_turn(call: Call[None], deps: Deps, session_id: str, turn_id: str) -> dict[str, Any]:
    """Stop a turn; one that has ended stays as it is"""
    session = deps.chats.get(call.tenant, session_id)
    turn = deps.chats.turn(session, turn_id)
    if turn.wake_at is not None:
        batch = deps.store.batch()
        batch.raw_update(session, {f"stops.{turn_id}": deps.store.clock()})
        batch.commit()
        deps.queues.send(RunTurn(tenant=turn.tenant, session_id=session_id, turn_id=turn_id), slot="stop")
    [view] = shown([turn], deps)
    return view


def delete(call: Call[None], deps: Deps, session_id: str) -> dict[str, Any]:
    """Delete a chat session with its turns; a repeated call tells how far that is"""
    deletion = deps.deletions.find(call.tenant, "session", session_id)
    if deletion is None:
        deletion = deps.deletions.start(deps.chats.get(call.tenant, session_id))
    return deletion_view(deletion)


def shown(turns: Sequence[ChatTurn], deps: Deps) -> Views:
    """Turns without the results of media that were deleted since."""
    by_owner: dict[str, set[str]] = {}
    for turn in turns:
        by_owner.setdefault(turn.owner, set()).update(media_of(turn))
    gone = set()
    for owner, video_ids in by_owner.items():
        living = {video.video_id for video in deps.videos.get_many(owner, sorted(video_ids))} if video_ids else set()
        gone |= video_ids - living
    return [turn_view(turn, gone) for turn in turns]
