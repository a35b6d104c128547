from functions.api.usage import handlers
from functions.api.usage.schemas import (
    BreakdownAnswer,
    CurrentAnswer,
    DetailAnswer,
    DetailsQuery,
    HistoryAnswer,
    HistoryQuery,
    LimitsAnswer,
    MetricTypeAnswer,
    SpanQuery,
)
from shared.http.routes import Scope, get, post

ROUTES = [
    get("/usage", handlers.current, scope=Scope.READ, answer=CurrentAnswer),
    get("/usage/history", handlers.history, query=HistoryQuery, scope=Scope.READ, answer=HistoryAnswer),
    get("/usage/details", handlers.details, query=DetailsQuery, scope=Scope.READ, answer=list[DetailAnswer]),
    get("/usage/breakdown", handlers.breakdown, query=SpanQuery, scope=Scope.READ, answer=BreakdownAnswer),
    get("/usage/metric-types", handlers.metric_types, scope=Scope.PUBLIC, answer=list[MetricTypeAnswer]),
    get("/rate-limit/status", handlers.limits, scope=Scope.ANY, answer=LimitsAnswer),
    post("/rate-limit/refresh", handlers.refresh_limits, scope=Scope.ANY, idempotent=False, answer=LimitsAnswer),
]
