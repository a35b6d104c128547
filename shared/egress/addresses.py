"""Which addresses are public: global unicast by the registries of IANA, less everything that leads back inside.

An own rule, since `ipaddress.is_global` takes multicast, NAT64, 6to4 and others for global, and some of them wrap an inner
address. What is not known to be public is not.
"""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

_NOT_PUBLIC_V4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, in which some clouds keep their metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own services, behind an address that looks public
        "169.254.0.0/16",  # link-local: metadata servers
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
    )
]
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, with Teredo and ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: wraps any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]
_LOOPBACK_V4 = ipaddress.IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = ipaddress.IPv6Address("::1")

Address = IPv4Address | IPv6Address


def is_public(address: Address) -> bool:
    """Whether a stranger may send us there."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id is not None or address not in _GLOBAL_UNICAST_V6:
        return False
    # Site-local NAT64 prefixes and others carve an inner IPv4 address out of global space only by local agreement: unknowable.
    return not any(address in network for network in _NOT_PUBLIC_V6)


def is_loopback(address: Address) -> bool:
    """This machine itself, by its plain names: no address that wraps another one counts."""
    return address in _LOOPBACK_V4 if isinstance(address, IPv4Address) else address == _LOOPBACK_V6
