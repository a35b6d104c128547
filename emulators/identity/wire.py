"""The issuer over HTTP: discovery, keys, the OAuth token endpoint, and users' tokens for this machine only."""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulators.faults import Faults, InjectedFault

from .engine import LIFETIME_S, Engine, Refused

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class UserTokenRequest(BaseModel):
    """Whom to sign for; `expires_in` is in seconds and may lie in the past to make an expired token."""

    model_config = ConfigDict(extra="forbid")

    sub: Annotated[str, Field(min_length=1, max_length=256)]
    email: str | None = None
    tenant: str | None = None
    audience: str | None = None
    expires_in: Annotated[int, Field(ge=-86_400, le=30 * 86_400)] = LIFETIME_S


class Wire:
    """Translates requests for the engine; `audience` is what a user's token is for unless the caller says."""

    def __init__(self, engine: Engine, faults: Faults, audience: str) -> None:
        self._engine = engine
        self._faults = faults
        self._audience = audience

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self.discovery, methods=["GET"]),
            Route("/jwks", self.jwks, methods=["GET"]),
            Route("/token", self.token, methods=["POST"]),
            Route("/users/token", self.user_token, methods=["POST"]),
        ]

    def discovery(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return self._answer(
            "identity.Discovery",
            lambda: {
                "issuer": self._engine.issuer,
                "jwks_uri": f"{base}/jwks",
                "token_endpoint": f"{base}/token",
                "response_types_supported": ["id_token"],
                "grant_types_supported": [JWT_BEARER],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
        )

    def jwks(self, request: Request) -> Response:
        return self._answer("identity.Jwks", self._engine.jwks)

    async def token(self, request: Request) -> Response:
        body = await request.body()

        def exchange() -> dict[str, Any]:
            try:
                form = dict(parse_qsl(body.decode("latin-1"), max_num_fields=16))
            except ValueError as wrong:
                raise Refused("invalid_request", f"the form is not readable: {wrong}") from wrong
            if form.get("grant_type") != JWT_BEARER:
                raise Refused("unsupported_grant_type", f"only {JWT_BEARER} is answered")
            return self._engine.exchange(form.get("assertion", ""), str(request.url))

        return await run_in_threadpool(self._answer, "identity.Token", exchange)

    async def user_token(self, request: Request) -> Response:
        refusal = _not_from_this_machine(request)
        if refusal is not None:
            return refusal
        body = await request.body()
        return await run_in_threadpool(self._answer, "identity.UserToken", lambda: self._mint(body))

    def _mint(self, body: bytes) -> dict[str, Any]:
        try:
            wanted = UserTokenRequest.model_validate_json(body)
        except ValidationError as wrong:
            raise Refused("invalid_request", str(wrong)) from wrong
        claims = {name: value for name in ("email", "tenant") if (value := getattr(wanted, name)) is not None}
        audience = wanted.audience or self._audience
        token = self._engine.user_token(wanted.sub, audience, claims, wanted.expires_in)
        return {"access_token": token, "token_type": "Bearer", "expires_in": wanted.expires_in}

    def _answer(self, operation: str, compute: Callable[[], dict[str, Any]]) -> Response:
        headers = {"Cache-Control": "no-store"}
        try:
            with self._faults.around(operation):
                return JSONResponse(compute(), headers=headers)
        except Refused as refused:
            content = {"error": refused.code, "error_description": refused.description}
            return JSONResponse(content, 400, headers)
        except InjectedFault as fault:
            content = {"error": "temporarily_unavailable", "error_description": str(fault)}
            return JSONResponse(content, fault.status, headers)


def _not_from_this_machine(request: Request) -> Response | None:
    """A refusal, or None. JSON only and a loopback Host: no web page can reach this, not even by DNS rebinding."""
    client = request.client.host if request.client else ""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if client not in LOOPBACK or (request.url.hostname or "") not in LOOPBACK:
        return JSONResponse({"error": "access_denied", "error_description": "for this machine only"}, 403)
    if kind != "application/json":
        return JSONResponse({"error": "invalid_request", "error_description": "send application/json"}, 415)
    return None


def build_app(engine: Engine, faults: Faults, audience: str) -> Starlette:
    return Starlette(routes=Wire(engine, faults, audience).routes())
