"""Reading a URL that a user named, strictly: what two parsers could read differently is refused."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.egress.addresses import Address, is_loopback, is_public

MAX_CHARS = 2048
_VISIBLE = re.compile(r"^[\x21-\x7e]+$")
_LABEL = re.compile(r"^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$")
_NUMBER = re.compile(r"^(0x[0-9a-f]*|[0-9]+)$")
_INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa", "localdomain")


class Refused(Exception):
    """We do not go there. The text says why, in words for the user who named the place; it never tells what was resolved."""


@dataclass(frozen=True)
class Target:
    """Where a URL leads: `host` as it stands in certificates and the Host header, `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None  # where the host is written as one

    @property
    def netloc(self) -> str:
        """For the Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if isinstance(self.address, ipaddress.IPv6Address) else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS = {"https": 443, "http": 80}


def read(url: str, *, loopback: bool = False) -> Target:
    """Raises `Refused` for anything but a plain https address on a public host.

    With `loopback` this machine's own addresses may be named too, and those over http.
    """
    if len(url) > MAX_CHARS:
        raise Refused(f"a URL has at most {MAX_CHARS} characters")
    if not _VISIBLE.match(url) or "\\" in url:
        raise Refused("a URL is written in visible ASCII characters, without spaces and backslashes; write other hosts as xn--…")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("this is no URL") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not url[len(scheme) :].startswith("://"):
        raise Refused("a URL begins with https://")
    if "@" in parts.netloc:
        raise Refused("a URL carries no user name or password")
    if "#" in url:
        raise Refused("a URL carries no fragment (#…)")
    host, address = _host(parts.netloc, parts.hostname or "")
    inside = host == "localhost" or (address is not None and is_loopback(address))
    if address is not None and not is_public(address) and not (loopback and inside):
        raise Refused("the host is not a public address")
    if address is None and _is_inside(host) and not (loopback and inside):
        raise Refused("the host is not a public name")
    if scheme == "http" and not (loopback and inside):
        raise Refused("a URL begins with https://")
    if port == 0:
        raise Refused("this is no port")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme, host, port or _PORTS[scheme], path, address)


def _host(netloc: str, host: str) -> tuple[str, Address | None]:
    """The host in lower case, and the address it is, if it is one."""
    if netloc.startswith("["):
        try:
            if "%" in host or not re.fullmatch(r"\[[0-9A-Fa-f:.]+\](:[0-9]*)?", netloc):
                raise ValueError
            six = ipaddress.IPv6Address(host)
        except ValueError:
            raise Refused("this is no IPv6 address") from None
        return str(six), six
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise Refused("this is no host name")
    if not _NUMBER.match(labels[-1]):
        return host, None
    # Resolvers take 2130706433, 0x7f.1 and 0177.0.0.1 for addresses: only the plain form of one is taken.
    try:
        four = ipaddress.IPv4Address(host)
    except ValueError:
        raise Refused("write an IPv4 address as four decimal numbers") from None
    return str(four), four


def _is_inside(host: str) -> bool:
    return "." not in host or any(host == name or host.endswith(f".{name}") for name in _INSIDE)
