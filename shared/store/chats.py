"""Chat sessions of a tenant and the turns in them."""

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.chat import ChatSession, ChatTurn
from shared.domain.errors import ApiError, ErrorCode
from shared.store.documents import Store


class Chats:
    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, tenant: str, session_id: str) -> ChatSession:
        """Raises SESSION_NOT_FOUND."""
        session = self._store.get(ChatSession, tenant, session_id)
        if session is None or session.deleted_at is not None:
            raise ApiError(ErrorCode.SESSION_NOT_FOUND, "there is no such chat session")
        return session

    def newest(self, tenant: str, *, limit: int) -> list[ChatSession]:
        query = self._store.collection(ChatSession, tenant).where(filter=FieldFilter("deleted_at", "==", None))
        return list(self._store.stream(ChatSession, query.order_by("created_at", direction="DESCENDING").limit(limit)))

    def turn(self, session: ChatSession, turn_id: str) -> ChatTurn:
        """Raises TURN_NOT_FOUND."""
        turn = self._store.get(ChatTurn, session.tenant, session.session_id, turn_id)
        if turn is None:
            raise ApiError(ErrorCode.TURN_NOT_FOUND, "there is no such turn in this chat session")
        return turn

    def turns(self, session: ChatSession, *, limit: int) -> list[ChatTurn]:
        """The newest, oldest of them first."""
        query = self._store.collection(ChatTurn, session.tenant, session.session_id)
        newest = query.order_by("created_at", direction="DESCENDING").limit(limit)
        return list(reversed(list(self._store.stream(ChatTurn, newest))))
