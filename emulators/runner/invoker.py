"""Who may call a stage: whoever carries a token that the issuer made for it, as the platform checks before a private function."""

import jwt
from jwt import PyJWKClient, PyJWKClientConnectionError

from emulators.runner.site import ACCOUNT, ISSUER, function_url


class CannotCheck(Exception):
    """The issuer's keys could not be read; the caller may try again."""


class Invokers:
    def __init__(self, jwks_url: str) -> None:
        self._keys = PyJWKClient(jwks_url, cache_keys=True, lifespan=600, timeout=5)

    def may_call(self, authorization: str, function: str) -> bool:
        """Whether the bearer token is the stages' own account's, and made for this function. Raises `CannotCheck`."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            return False
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims = jwt.decode(token, key.key, ["RS256"], audience=function_url(function), issuer=ISSUER, leeway=30)
        except PyJWKClientConnectionError as error:
            raise CannotCheck(str(error)) from error
        except jwt.PyJWTError:
            return False
        return claims.get("email") == ACCOUNT
