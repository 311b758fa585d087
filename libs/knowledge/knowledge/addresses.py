"""Which addresses may be fetched: those of the public Internet, and nothing of our own network."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final

import httpx

from knowledge.failures import UrlRefused

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL: Final = 2_000
_WEB_PORTS: Final = frozenset({80, 443})
_UNPRIVILEGED_PORTS: Final = range(1024, 65536)
_LONGEST_NAME: Final = 253
_LONGEST_LABEL: Final = 63
_NOT_PUBLIC_NAMES: Final = re.compile(
    r"localhost|.*\.(?:localhost|local|internal|intranet|lan|home|corp|home\.arpa)|[^.]+"
)

# IANA's special-purpose registries. `is_global` differs between Python releases and misses the
# translated forms, so both must agree.
_REFUSED: Final[tuple[IpNetwork, ...]] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
        "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip


def is_public(address: IpAddress) -> bool:
    """Whether the address is one of the public Internet, also as IPv4 within IPv6."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    refused = any(address in network for network in _REFUSED if network.version == address.version)
    return address.is_global and not address.is_multicast and not refused


class AddressPolicy:
    """Which addresses may be connected to: the public ones, and networks the operator has named."""

    def __init__(self, allowed_networks: Iterable[str] = ()) -> None:
        self._allowed = tuple(ipaddress.ip_network(network) for network in allowed_networks)

    def permits(self, address: IpAddress) -> bool:
        """A named network opens itself only, never what is mapped or tunnelled into it."""
        named = any(
            address in network for network in self._allowed if network.version == address.version
        )
        return named or is_public(address)

    def check_url(self, url: str) -> httpx.URL:
        """What can be known of an address without asking the network. Raises UrlRefused."""
        try:
            parsed = httpx.URL(url.strip())
            host = parsed.host  # of a name in Punycode it is decoded only now
        except (httpx.InvalidURL, UnicodeError) as error:
            raise UrlRefused from error
        port = parsed.port
        sound = (
            len(url) <= MAX_URL
            and not re.search(r"[\s\x00-\x1f]", url.strip())
            and parsed.scheme in ("http", "https")
            and _can_be_resolved(parsed.raw_host)
            and not parsed.userinfo
            and (port is None or port in _WEB_PORTS or port in _UNPRIVILEGED_PORTS)
            and self._host_may_be_public(host)
        )
        if not sound:
            raise UrlRefused
        return parsed

    def _host_may_be_public(self, host: str) -> bool:
        literal = _literal_address(host)
        if literal is not None:
            return self.permits(literal)
        return not _NOT_PUBLIC_NAMES.fullmatch(host.rstrip(".").lower())


def _can_be_resolved(host: bytes) -> bool:
    """A name as RFC 1035 §2.3.4 allows it: others end in a UnicodeError, not in no address."""
    labels = host.removesuffix(b".").split(b".")
    return len(host) <= _LONGEST_NAME and all(0 < len(each) <= _LONGEST_LABEL for each in labels)


def _literal_address(host: str) -> IpAddress | None:
    """An address written as one, also in the forms of inet_aton: 127.1, 0x7f000001, 2130706433."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
