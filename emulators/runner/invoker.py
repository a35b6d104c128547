"""Who may call a stage: whoever carries a token that the issuer made for it, as the platform checks before a private function."""

import time

import jwt
from jwt import PyJWKClient, PyJWKClientConnectionError

from emulators.runner.site import ACCOUNT, ISSUER, function_url

_MOST_KNOWN = 256  # of tokens: each function has one at a time


class CannotCheck(Exception):
    """The issuer's keys could not be read; the caller may try again."""


class Invokers:
    def __init__(self, jwks_url: str) -> None:
        self._keys = PyJWKClient(jwks_url, cache_keys=True, lifespan=600, timeout=5)
        self._known: dict[tuple[str, str], float] = {}  # token and function → when it expires

    def may_call(self, authorization: str, function: str) -> bool:
        """Whether the bearer token is the stages' own account's, and made for this function. Raises `CannotCheck`."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            return False
        if self.knows(authorization, function):
            return True
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims = jwt.decode(token, key.key, ["RS256"], audience=function_url(function), issuer=ISSUER, leeway=30)
        except PyJWKClientConnectionError as error:
            raise CannotCheck(str(error)) from error
        except jwt.PyJWTError:
            return False
        if claims.get("email") != ACCOUNT:
            return False
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[token, function] = float(claims["exp"])
        return True

    def knows(self, authorization: str, function: str) -> bool:
        """Whether the token was found good before and still is: the same one comes with every message of some minutes."""
        return self._known.get((authorization.partition(" ")[2], function), 0.0) > time.time()
