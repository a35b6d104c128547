"""Charging a request to the budgets of its key and its tenant, and saying in headers what is left of them."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from google.api_core import exceptions as google_errors

from shared import logging
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.limits import Category, Limit, Plan, RatePlan, budget_id, parse_plan
from shared.limits.budgets import HOUR, MINUTE, Budget, Window
from shared.store.documents import Store

_PLAN_KEPT = timedelta(minutes=5)
_PLAN_READ_AGAIN = timedelta(seconds=10)  # a refresh of the owner's reads no more often
_MOST = 20_000  # budgets and plans kept; the longest unused go
_NAMES = {MINUTE: "minute", HOUR: "hour"}


@dataclass(frozen=True)
class Charged:
    """`headers` go with the answer, whatever it is; `refused` is to be raised."""

    headers: dict[str, str]
    refused: ApiError | None = None


class Limits:
    """`standard` holds for every tenant for which the operator has written no plan."""

    def __init__(self, store: Store, standard: Plan) -> None:
        self._store = store
        self._standard = standard
        self._budgets: OrderedDict[str, Budget] = OrderedDict()
        self._plans: OrderedDict[str, tuple[Plan, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def charge(self, tenant: str, key_id: str | None, category: Category) -> Charged:
        """One request. The key pays first: what it may not spend is not taken from its tenant."""
        plan = self._plan(tenant)
        payers = [(self._budget(tenant, key_id, category), plan.of_key(category))] if key_id else []
        payers.append((self._budget(tenant, "", category), plan.of_tenant(category)))
        paid: list[Budget] = []
        for budget, limit in payers:
            over = budget.spend(limit, self._store)
            if over is not None:
                for one in paid:
                    one.give_back()
                return self._refused(category, over, limit, by_key=bool(key_id) and not paid)
            paid.append(budget)
        tightest = min(paid, key=lambda budget: budget.tightest.remaining)
        limit = payers[paid.index(tightest)][1]
        return Charged(self._headers(category, tightest.tightest, limit))

    def status(self, tenant: str, key_id: str | None) -> tuple[Plan, dict[str, dict[str, int]]]:
        """The plan, and by category what this caller has used and may still use: of its key's budget, or its tenant's
        where that has less left."""
        plan, now = self._plan(tenant), self._store.clock().timestamp()
        said = {}
        for category in Category:
            payers = [(self._budget(tenant, "", category), plan.of_tenant(category))]
            if key_id:
                payers.append((self._budget(tenant, key_id, category), plan.of_key(category)))
            for budget, limit in payers:
                budget.look(limit, self._store)
            minute = min((budget.minute for budget, _ in payers), key=lambda window: window.remaining)
            hour = min((budget.hour for budget, _ in payers), key=lambda window: window.remaining)
            said[category.value] = {
                **_told("minute", minute),
                **_told("hour", hour),
                "reset_at": int(now) + (hour if not hour.remaining else minute).resets_in(now),
            }
        return plan, said

    def refresh(self, tenant: str) -> None:
        """Reads the tenant's plan anew."""
        with self._lock:
            kept = self._plans.get(tenant)
            if kept is not None and kept[1] - self._store.clock() < _PLAN_KEPT - _PLAN_READ_AGAIN:
                del self._plans[tenant]

    def _plan(self, tenant: str) -> Plan:
        now = self._store.clock()
        with self._lock:
            kept = self._plans.get(tenant)
        if kept is not None and kept[1] > now:
            return kept[0]
        plan, until = self._read(tenant, kept[0] if kept else self._standard)
        with self._lock:
            self._plans[tenant] = (plan, until)
            while len(self._plans) > _MOST:
                self._plans.popitem(last=False)
        return plan

    def _read(self, tenant: str, otherwise: Plan) -> tuple[Plan, datetime]:
        """The plan, and until when it need not be read again."""
        now = self._store.clock()
        try:
            written = self._store.get(RatePlan, tenant, RatePlan.kind)
            plan = parse_plan(written.limits, written.plan_id, self._standard) if written else self._standard
            return plan, now + _PLAN_KEPT
        except ValueError as error:
            logging.error("rate plan not understood", tenant=tenant, reason=str(error))
        except (google_errors.GoogleAPICallError, ConnectionError) as error:
            logging.warning("rate plan not read", tenant=tenant, reason=type(error).__name__)
        return otherwise, now + _PLAN_READ_AGAIN

    def _budget(self, tenant: str, subject: str | None, category: Category) -> Budget:
        name = budget_id(tenant, subject or "", category)
        with self._lock:
            budget = self._budgets.get(name)
            if budget is None:
                budget = self._budgets[name] = Budget(name, tenant, category)
                while len(self._budgets) > _MOST:
                    self._budgets.popitem(last=False)
            else:
                self._budgets.move_to_end(name)
            return budget

    def _refused(self, category: Category, over: Window, limit: Limit, *, by_key: bool) -> Charged:
        seconds = over.resets_in(self._store.clock().timestamp())
        details: dict[str, Any] = {
            "category": category.value,
            "limited": "key" if by_key else "tenant",
            "limit": over.limit,
            "window_seconds": over.seconds,
            "retry_after_seconds": seconds,
        }
        message = f"more than {over.limit} {category.value} requests in this {_NAMES[over.seconds]}; go on in {seconds} s"
        error = ApiError(ErrorCode.RATE_LIMITED, message, details=details, retry_after=seconds)
        return Charged(self._headers(category, over, limit, remaining=0), error)

    def _headers(self, category: Category, window: Window, limit: Limit, remaining: int | None = None) -> dict[str, str]:
        """The draft's structured fields, and the older names that many clients read."""
        now = self._store.clock().timestamp()
        left, seconds = window.remaining if remaining is None else remaining, window.resets_in(now)
        return {
            "RateLimit-Policy": f'"{category}-minute";q={limit.minute};w={MINUTE}, "{category}-hour";q={limit.hour};w={HOUR}',
            "RateLimit": f'"{category}-{_NAMES[window.seconds]}";r={left};t={seconds}',
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(int(now) + seconds),
        }


def _told(name: str, window: Window) -> dict[str, int]:
    used = min(window.used, window.limit)
    return {f"{name}_used": used, f"{name}_limit": window.limit, f"{name}_remaining": window.remaining}
