"""The origin of a request: the client's address, the scheme and the host."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from werkzeug.http import parse_list_header
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# RFC 3986, 3.2.2, and RFC 1123, 2.1; names of containers also have underscores.
HOST = re.compile(
    r"(?P<name>[A-Za-z0-9_.-]{1,254})(:(?P<port>[0-9]{1,5}))?|\[(?P<v6>[0-9A-Fa-f:.]{2,45})\](:(?P<v6port>[0-9]{1,5}))?"
)
LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
# Nearly all requests name the same host.
HOSTS_REMEMBERED = 100
# An address as some proxies write it: with a port, an IPv6 one in brackets.
WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


@lru_cache(HOSTS_REMEMBERED)
def is_host(value: str) -> bool:
    """Whether the value of a `Host` header is valid."""
    found = HOST.fullmatch(value)
    if not found or not 0 < int(found["port"] or found["v6port"] or 80) < 65_536:
        return False
    if found["v6"]:
        return ":" in found["v6"] and plain_address(found["v6"]) is not None
    labels = found["name"].removesuffix(".").split(".")
    return len(found["name"]) < 254 and all(LABEL.fullmatch(label) and is_readable(label) for label in labels)


def is_readable(label: str) -> bool:
    """Whether Python can decode a label; it can't if `xn--` is followed by nothing or nonsense."""
    try:
        label.encode("idna").decode("idna")
    except UnicodeError:
        return False
    return True


def plain_address(value: str) -> str | None:
    """Normalize an IP address, without port and zone, and IPv4 in IPv6 as IPv4; None when it is invalid."""
    found = WITH_PORT.fullmatch(value.strip())
    try:
        address = ip_address((found[1] or found[2] if found else value.strip()).partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def network(address: str) -> str:
    """The unit that one client controls, as limits count it: an IPv4 address, or the /64 of an IPv6 address.

    Anything else is returned unchanged.
    """
    plain = plain_address(address)
    return address if plain is None else str(ip_network((plain, 64), strict=False)) if ":" in plain else plain


def is_local(host: str) -> bool:
    """Whether a host is this machine, or an address of a private network."""
    name = host if host.endswith("]") else re.sub(r":[0-9]+$", "", host)
    address = plain_address(name.strip("[]"))
    return name == "localhost" or (address is not None and ip_address(address).is_private)


class Origin:
    """A WSGI middleware that accepts a valid address and scheme from the given number of proxies.

    Ignores `X-Forwarded-Host`: most proxies pass on whatever the client sent.
    """

    def __init__(self, app: WSGIApplication, proxies: int) -> None:
        self.app = app
        self.proxies = proxies
        self.front = ProxyFix(self.checked, x_for=proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.front(environ, start_response)

    def checked(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Fall back to the connection's own address or scheme where the proxy's is invalid."""
        own = environ["werkzeug.proxy_fix.orig"]
        scheme = self.scheme(environ.get("HTTP_X_FORWARDED_PROTO", ""))
        environ["wsgi.url_scheme"] = scheme if scheme in ("http", "https") else own["wsgi.url_scheme"]
        peer = own["REMOTE_ADDR"] or ""
        address = plain_address(environ.get("REMOTE_ADDR") or "")
        environ["REMOTE_ADDR"] = address or plain_address(peer) or peer
        return self.app(environ, start_response)

    def scheme(self, header: str) -> str:
        """The outermost proxy's entry of `X-Forwarded-Proto`. Of several proxies most write one entry together."""
        entries = parse_list_header(header)[-self.proxies :] if self.proxies else []
        return entries[0].lower() if entries else ""
