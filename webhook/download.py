"""Downloads from the platforms' media hosts and from nowhere else, within limits of time and size; called by media.

Plain `http.client` on our own socket: the connection must go to the very address that was checked, or a second DNS
answer could lead into the city's network.
"""

import contextlib
import functools
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

import certifi

from core.config import Config, is_loopback

# Zalo: photos, voice and files on zdn.vn (often plain http), older media on zadn.vn. Facebook: fbcdn.net, fbsbx.com.
HTTPS_HOSTS = re.compile(r"(?:[a-z0-9_-]+\.)+(?:zdn\.vn|zadn\.vn|fbcdn\.net|fbsbx\.com)")
HTTP_HOSTS = re.compile(r"(?:[a-z0-9_-]+\.)+zdn\.vn")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 3
MAX_ADDRESSES = 3
CHUNK = 65536  # bytes
HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", "User-Agent": "TiepDan/1.0"}


class DownloadError(Exception):
    """Nothing was fetched; `code` is short and names no address, `retry` says whether another try may help."""

    def __init__(self, code: str, *, retry: bool) -> None:
        super().__init__(code)
        self.code = code
        self.retry = retry


@dataclass(frozen=True)
class Limits:
    """Seconds to connect, to wait for more bytes, and for everything; bytes of a body."""

    connect: float = 5.0
    read: float = 10.0
    whole: float = 30.0
    size: int = 25 * 1024 * 1024


@dataclass(frozen=True)
class Target:
    """An allowed address, taken apart; `local` when it is the simulator on this machine."""

    scheme: str
    host: str
    port: int
    path: str
    local: bool

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.local else host


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host by the system's resolver."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class HostRule:
    """Which hosts may be asked: those of the platforms, and the simulator's (host, port) when there is one."""

    simulators: frozenset[tuple[str, int]] = frozenset()
    resolve: Callable[[str, int], Sequence[str]] = resolve

    def target(self, url: str) -> Target:
        """The address if it is allowed; DownloadError otherwise, before anything is asked of any network."""
        try:
            parts = urlsplit(url)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        except ValueError:
            raise DownloadError("bad_address", retry=False) from None
        host = parts.hostname or ""
        local = parts.scheme == "http" and (host, port) in self.simulators
        named = "@" not in parts.netloc and (
            (parts.scheme == "https" and port == 443 and HTTPS_HOSTS.fullmatch(host) is not None)
            or (parts.scheme == "http" and port == 80 and HTTP_HOSTS.fullmatch(host) is not None)
        )
        if not local and not named:
            raise DownloadError("host_not_allowed", retry=False)
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
        query = f"?{quote(parts.query, safe="/?%:@!$&'()*+,;=~")}" if parts.query else ""
        return Target(parts.scheme, host, port, path + query, local)

    def addresses(self, target: Target) -> Sequence[str]:
        """Where to connect, every one of them checked: public for a platform, this machine for the simulator."""
        try:
            found = self.resolve(target.host, target.port)
        except (OSError, UnicodeError):
            raise DownloadError("dns", retry=True) from None
        allowed = _is_this_machine if target.local else _is_public
        if not found or not all(allowed(address) for address in found):
            raise DownloadError("address_not_public", retry=True)
        return found[:MAX_ADDRESSES]


def host_rule(config: Config) -> HostRule:
    """The platforms' hosts; with them the simulator's own address while no real platform is configured."""
    urls = [channel.api_url for channel in (config.zalo, config.messenger) if channel is not None]
    if not config.simulated:
        return HostRule()
    parts = [urlsplit(url) for url in urls if is_loopback(url)]
    return HostRule(frozenset((part.hostname or "", part.port or 80) for part in parts))


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = inner or ip
    return ip.is_global and not ip.is_multicast


def _is_this_machine(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def download(url: str, rule: HostRule, limits: Limits) -> bytes:
    """The body behind an address; follows few redirects, each checked like the first. Raises DownloadError."""
    deadline = time.monotonic() + limits.whole
    for _ in range(MAX_REDIRECTS + 1):
        target = rule.target(url)
        answer = _get(target, rule.addresses(target), limits, deadline)
        if isinstance(answer, bytes):
            return answer
        try:
            url = urljoin(url, answer)
        except ValueError:
            raise DownloadError("bad_address", retry=False) from None
    raise DownloadError("too_many_redirects", retry=False)


def _get(target: Target, addresses: Sequence[str], limits: Limits, deadline: float) -> bytes | str:
    """The body, or the address of a redirect."""
    try:
        with contextlib.closing(_connect(target, addresses, limits, deadline)) as sock, _cut_at(deadline, sock):
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            answer = _ask(sock, target, limits)
    # `from None`: the original may quote the address.
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(_code(error, deadline), retry=True) from None
    if time.monotonic() >= deadline:  # a body without a length looks complete when it was cut
        raise DownloadError("timeout", retry=True)
    return answer


def _code(error: Exception, deadline: float) -> str:
    if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
        return "timeout"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "connection" if isinstance(error, OSError) else "broken_answer"


def _connect(target: Target, addresses: Sequence[str], limits: Limits, deadline: float) -> socket.socket:
    """A socket to the first address that answers; with https not yet shaken hands."""
    problem: OSError = TimeoutError()
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            sock = socket.create_connection((address, target.port), timeout=min(limits.connect, left))
        except OSError as error:
            problem = error
            continue
        sock.settimeout(limits.read)
        if target.scheme == "http":
            return sock
        return _tls().wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)
    raise problem


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


@contextlib.contextmanager
def _cut_at(deadline: float, sock: socket.socket) -> Iterator[None]:
    """Cut the line at the deadline: a server that sends a byte now and then never meets the read timeout."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(max(deadline - time.monotonic(), 0), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _ask(sock: socket.socket, target: Target, limits: Limits) -> bytes | str:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = sock
    with contextlib.closing(connection):
        connection.request("GET", target.path, headers={**HEADERS, "Host": target.netloc})
        with connection.getresponse() as response:
            location = response.getheader("Location")
            if response.status in REDIRECTS and location:
                return location
            if response.status != 200:
                raise DownloadError(f"http_{response.status}", retry=True)
            if response.getheader("Content-Encoding", "identity") != "identity":
                raise DownloadError("encoded", retry=True)
            return _body(response, limits)


def _body(response: http.client.HTTPResponse, limits: Limits) -> bytes:
    body = bytearray()
    if (response.length or 0) > limits.size:
        raise DownloadError("too_big", retry=False)
    while chunk := response.read1(CHUNK):
        body += chunk
        if len(body) > limits.size:
            raise DownloadError("too_big", retry=False)
    if response.length:
        raise DownloadError("cut_short", retry=True)
    if not body:
        raise DownloadError("empty", retry=True)
    return bytes(body)
