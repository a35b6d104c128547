"""A published client whose methods are called plainly, be it the blocking or the asynchronous one; what came of each is noted."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from videovector import AsyncVideoVector, VideoVector


class Watched:
    """`outcomes` by method: "answered", once the answer was read into the client's own type, or the name of what was raised."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop, outcomes: dict[str, list[str]]) -> None:
        self._client, self._loop = client, loop
        self.outcomes = outcomes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._noting(name, found) if callable(found) else _Resource(self, name, found)

    def methods(self) -> list[str]:
        """What there is to be called, as the client itself says."""
        resources = {name: one for name, one in vars(self._client).items() if type(one).__name__.endswith("Resource")}
        own = [name for name in ("authenticate",) if hasattr(self._client, name)]
        return sorted([*own, *(f"{name}.{one}" for name, resource in resources.items() for one in _public(resource))])

    def has(self, name: str) -> bool:
        return name in self.methods()

    def _noting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            try:
                answer = self.plainly(function(*arguments, **named))
            except Exception as error:
                self.outcomes.setdefault(name, []).append(type(error).__name__)
                raise
            self.outcomes.setdefault(name, []).append("answered")
            return answer

        return call

    def plainly(self, answer: Any) -> Any:
        """A coroutine's result, an iterator's items as a list, a page that may be walked either way."""
        if inspect.isawaitable(answer):
            return self.plainly(self._loop.run_until_complete(_awaited(answer)))
        if inspect.isasyncgen(answer):
            return self._loop.run_until_complete(_listed(answer))
        if inspect.isgenerator(answer):
            return list(answer)
        return _Page(self, answer) if hasattr(answer, "auto_paging_iter") else answer


class _Resource:
    def __init__(self, watched: Watched, name: str, resource: Any) -> None:
        self._watched, self._name, self._resource = watched, name, resource

    def __getattr__(self, method: str) -> Any:
        return self._watched._noting(f"{self._name}.{method}", getattr(self._resource, method))


class _Page:
    def __init__(self, watched: Watched, page: Any) -> None:
        self._watched, self._page = watched, page

    def auto_paging_iter(self) -> list[Any]:
        return self._watched.plainly(self._page.auto_paging_iter())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._page, name)


@contextmanager
def opened(asynchronous: bool, outcomes: dict[str, list[str]], **settings: Any) -> Iterator[Watched]:
    """A client of the kind asked for, closed at the end as its makers close it."""
    loop = asyncio.new_event_loop()
    client = AsyncVideoVector(**settings) if asynchronous else VideoVector(**settings)
    try:
        yield Watched(client, loop, outcomes)
    finally:
        closing = client.close()
        if inspect.isawaitable(closing):
            loop.run_until_complete(closing)
        loop.close()


def _public(resource: Any) -> list[str]:
    return [name for name, _ in inspect.getmembers(type(resource), inspect.isfunction) if not name.startswith("_")]


async def _awaited(answer: Any) -> Any:
    return await answer


async def _listed(items: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in items]
