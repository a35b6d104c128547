"""Prompts of a tenant, and the shared default ones that everybody reads."""

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.prompts import Prompt
from shared.domain.runs import Run
from shared.domain.sharing import SHARED_TENANT
from shared.store.documents import Store

MAX_LISTED = 1_000


class Prompts:
    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, tenant: str, prompt_id: str) -> Prompt | None:
        return self._store.get(Prompt, tenant, prompt_id) or self._store.get(Prompt, SHARED_TENANT, prompt_id)

    def get(self, tenant: str, prompt_id: str) -> Prompt:
        """The tenant's own or a default one, active or not. Raises PROMPT_NOT_FOUND."""
        prompt = self.find(tenant, prompt_id)
        if prompt is None:
            raise ApiError(ErrorCode.PROMPT_NOT_FOUND, "there is no such prompt")
        return prompt

    def own(self, tenant: str, prompt_id: str) -> Prompt:
        """One the tenant may change: a default one is refused with READ_ONLY_DEFAULT."""
        prompt = self.get(tenant, prompt_id)
        if prompt.tenant != tenant:
            raise ApiError(ErrorCode.READ_ONLY_DEFAULT, "default prompts cannot be changed")
        return prompt

    def all(self, tenant: str, *, include_defaults: bool) -> list[Prompt]:
        """Active or not, newest first, the defaults behind the tenant's own; at most 1,000 of each."""
        found = self._of(tenant)
        return found + self._of(SHARED_TENANT) if include_defaults else found

    def _of(self, tenant: str) -> list[Prompt]:
        query = self._store.collection(Prompt, tenant).order_by("created_at", direction="DESCENDING").limit(MAX_LISTED)
        return list(self._store.stream(Prompt, query))

    def is_in_use(self, tenant: str, prompt_id: str) -> bool:
        """Whether a run of the tenant was made with it."""
        query = self._store.collection(Run, tenant).where(filter=FieldFilter("prompt_id", "==", prompt_id))
        return self._store.first(Run, query) is not None

    def run_count(self, tenant: str, prompt_id: str) -> int:
        query = self._store.collection(Run, tenant).where(filter=FieldFilter("prompt_id", "==", prompt_id))
        return int(query.count().get()[0][0].value)
