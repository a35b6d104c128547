"""How much a tenant and each of its keys may ask for: limits by category of endpoint, over a minute and over an hour."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from shared.domain.documents import Document

_LIMIT = re.compile(r"^([0-9]{1,9})/([0-9]{1,9})$")
_KEY_PERCENT = "key_percent"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Category(StrEnum):
    """What an endpoint costs us decides which budget pays for a call of it."""

    SEARCH = "search"
    READ = "read"
    WRITE = "write"
    UPLOAD = "upload"
    PROCESSING = "processing"  # what makes models work: runs, retries, drafts
    CHAT = "chat"


@dataclass(frozen=True)
class Limit:
    """Requests in a minute and in an hour; both windows begin with the clock's, for everybody alike."""

    minute: int
    hour: int


@dataclass(frozen=True)
class Plan:
    """`key_percent` of a tenant's limit is the limit of each of its keys, so that one script cannot starve the others."""

    plan_id: str
    limits: Mapping[Category, Limit]
    key_percent: int = 100

    def of_tenant(self, category: Category) -> Limit:
        return self.limits[category]

    def of_key(self, category: Category) -> Limit:
        whole = self.limits[category]
        return Limit(max(1, whole.minute * self.key_percent // 100), max(1, whole.hour * self.key_percent // 100))


STANDARD = Plan(
    "standard",
    {
        Category.SEARCH: Limit(3_000, 60_000),
        Category.READ: Limit(6_000, 120_000),
        Category.WRITE: Limit(3_000, 60_000),
        Category.UPLOAD: Limit(600, 12_000),
        Category.PROCESSING: Limit(600, 12_000),
        Category.CHAT: Limit(300, 6_000),
    },
)


def parse_plan(text: str, plan_id: str, otherwise: Plan) -> Plan:
    """`search=600/20000 read=1200/40000 key_percent=50`: requests per minute and hour; what is not named stays as it was.

    Raises ValueError in words for whoever wrote it.
    """
    limits, percent = dict(otherwise.limits), otherwise.key_percent
    for part in text.split():
        name, _, value = part.partition("=")
        if name == _KEY_PERCENT:
            if not (value.isdecimal() and 1 <= int(value) <= 100):
                raise ValueError(f"{part}: {_KEY_PERCENT} is a number from 1 to 100")
            percent = int(value)
            continue
        match = _LIMIT.match(value)
        if name not in {*Category} or match is None or not int(match[1]) or not int(match[2]):
            raise ValueError(f"{part}: expected CATEGORY=PER_MINUTE/PER_HOUR, with a category of {', '.join(Category)}")
        limits[Category(name)] = Limit(int(match[1]), int(match[2]))
    return replace(otherwise, plan_id=plan_id, limits=limits, key_percent=percent)


@dataclass(kw_only=True)
class RateBudget(Document):
    """What is leased of one budget, by all instances together, in the minute and the hour that are named by their number."""

    PATH: ClassVar[str] = "rate/{budget_id}"

    budget_id: str
    tenant: str
    category: str
    minute: int = 0  # minutes since 1970
    minute_used: int = 0
    hour: int = 0
    hour_used: int = 0
    expires_at: datetime | None = None


@dataclass(kw_only=True)
class RatePlan(Document):
    """Written by the operator for a tenant with limits of its own; `limits` as `parse_plan` reads it."""

    PATH: ClassVar[str] = "tenants/{tenant}/plans/{kind}"

    tenant: str
    kind: str = "rate_limits"
    plan_id: str = "custom"
    limits: str = ""
    created_at: datetime = _LONG_AGO
    updated_at: datetime = _LONG_AGO


def budget_id(tenant: str, subject: str, category: Category) -> str:
    """`subject` is a key's id, or nothing for the tenant as a whole."""
    text = "".join(f"{len(part)}:{part}" for part in (tenant, subject, category))
    return "budget_" + hashlib.sha256(text.encode()).hexdigest()[:40]
