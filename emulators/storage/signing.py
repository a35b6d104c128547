"""V4 signed URLs: whether one was signed by a known account for exactly this request, and is still good.

The canonical form is Google's published one: method, path, sorted query, signed headers, payload hash.
"""

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from emulators.clock import Clock

from .errors import StorageError, denied

Signers = Callable[[str], str | None]
ALGORITHM = "GOOG4-RSA-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
MAX_EXPIRES_S = 604_800
SKEW_S = 900


@dataclass(frozen=True)
class Presented:
    """A request as it arrived: path still encoded, query decoded, header names in lower case."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class _Claim:
    """What the query says about its own signature."""

    email: str
    scope: str
    timestamp: str
    signed_at: float
    expires: int
    signed_headers: list[str]
    signature: bytes


class Signatures:
    """Verifies requests. `signers(email)` answers the account's public key in PEM, or `None` if unknown."""

    def __init__(self, signers: Signers, clock: Clock) -> None:
        self._signers = signers
        self._clock = clock

    def verify(self, request: Presented) -> None:
        """Raises unless the signature stands; what a caller may do then is exactly what was signed."""
        parameters = {name.lower(): value for name, value in request.query}
        if "x-goog-signature" not in parameters:
            raise denied("Anonymous callers have no access here; the request needs a V4 signature.")
        claim = _read(parameters)
        self._check_time(claim)
        _check_headers(request, claim)
        canonical = _canonical_request(request, claim)
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signed = "\n".join((ALGORITHM, claim.timestamp, claim.scope, digest))
        pem = self._signers(claim.email)
        if pem is None or not _stands(pem, claim.signature, signed.encode()):
            message = "The signature does not match the one computed for this request."
            raise StorageError(403, "forbidden", message, "SignatureDoesNotMatch", canonical)

    def _check_time(self, claim: _Claim) -> None:
        now = self._clock()
        if now > claim.signed_at + claim.expires:
            ended = datetime.fromtimestamp(claim.signed_at + claim.expires, UTC).isoformat()
            raise StorageError(400, "invalid", "Invalid argument.", "ExpiredToken", f"The URL expired at {ended}")
        if claim.signed_at > now + SKEW_S:
            details = "The URL's date lies in the future."
            raise StorageError(403, "forbidden", "Access denied.", "RequestTimeTooSkewed", details)


def _read(parameters: Mapping[str, str]) -> _Claim:
    if parameters.get("x-goog-algorithm") != ALGORITHM:
        raise _malformed("X-Goog-Algorithm", f"only {ALGORITHM} is accepted")
    email, *scope = parameters.get("x-goog-credential", "").rsplit("/", 4)
    timestamp = parameters.get("x-goog-date", "")
    signed_at = _timestamp(timestamp)
    if len(scope) != 4 or scope[2:] != ["storage", "goog4_request"] or scope[0] != timestamp[:8]:
        raise _malformed("X-Goog-Credential", "it must read account/date/location/storage/goog4_request")
    try:
        expires = int(parameters.get("x-goog-expires", ""))
    except ValueError as wrong:
        raise _malformed("X-Goog-Expires", "it must be a number of seconds") from wrong
    if not 0 < expires <= MAX_EXPIRES_S:
        raise _malformed("X-Goog-Expires", f"it must lie between 1 and {MAX_EXPIRES_S}")
    try:
        signature = bytes.fromhex(parameters["x-goog-signature"])
    except ValueError as wrong:
        raise _malformed("X-Goog-Signature", "it must be hexadecimal") from wrong
    signed_headers = parameters.get("x-goog-signedheaders", "").split(";")
    return _Claim(email, "/".join(scope), timestamp, signed_at, expires, signed_headers, signature)


def _timestamp(text: str) -> float:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as wrong:
        raise _malformed("X-Goog-Date", "it must read YYYYMMDDTHHMMSSZ") from wrong


def _check_headers(request: Presented, claim: _Claim) -> None:
    """`host` and every header of the service's own must be signed, and what is signed must have been sent."""
    if "host" not in claim.signed_headers:
        raise _malformed("host", "it must be signed")
    for name in claim.signed_headers:
        if name not in request.headers:
            raise _malformed(name, "it was signed but not sent")
    for name in request.headers:
        if name.startswith(("x-goog-", "x-amz-")) and name not in claim.signed_headers:
            raise _malformed(name, "it was sent but not signed")


def _canonical_request(request: Presented, claim: _Claim) -> str:
    query = sorted(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in request.query if name.lower() != "x-goog-signature"
    )
    headers = [f"{name}:{' '.join(request.headers[name].split())}" for name in claim.signed_headers]
    return "\n".join(
        (
            request.method,
            quote(unquote(request.path), safe="/~"),
            "&".join(query),
            *headers,
            "",
            ";".join(claim.signed_headers),
            request.headers.get("x-goog-content-sha256", UNSIGNED),
        )
    )


def _stands(pem: str, signature: bytes, signed: bytes) -> bool:
    try:
        _public_key(pem).verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@functools.lru_cache(maxsize=64)
def _public_key(pem: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("a signer's key must be an RSA public key")
    return key


def _malformed(parameter: str, details: str) -> StorageError:
    message = f"The request has a malformed header or parameter: {parameter}."
    return StorageError(400, "invalid", message, "MalformedSecurityHeader", details)
