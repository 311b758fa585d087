"""Fetching: what may be asked for, what may be connected to, and how much may come back."""

import gzip
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from ipaddress import ip_address

import pytest
from knowledge_factories import Web

from knowledge.addresses import AddressPolicy, is_public
from knowledge.failures import (
    DocumentRefused,
    DocumentTooLarge,
    TooManyRedirects,
    UnsupportedType,
    UrlNotFound,
    UrlRefused,
    UrlUnavailable,
)
from knowledge.fetching import UrlFetcher
from knowledge.parsing.sniffing import Format

NOT_PUBLIC = (
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1"),
    *("192.0.0.8", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "2002:7f00:1::"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b:1::a00:1"),
)
PUBLIC = ("8.8.8.8", "200.160.2.3", "2001:12ff:0:4::6", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_a_private_network_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/"),
        *("http://0177.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[fe80::1]/"),
        *("http://169.254.169.254/latest/meta-data/", "http://localhost/", "http://localhost./"),
        *("http://LOCALHOST:8000/", "http://api.localhost/", "http://printer.local/"),
        *("http://metadata.google.internal/", "http://core-api:8000/internal/v1/x"),
        *("file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "javascript:1"),
        *("http://user:senha@example.org/", "http://example.org:22/"),
        *("http:///x", "http://", "//example.org", "example.org", "http://exa mple.org/", "", "x"),
        "http://example.org/" + "a" * 2000,
        *("http://xn--/", "http://xn--a.com/", "http://a..br/", "http://example.org:99999/"),
        *("http://" + "a" * 64 + ".br/", "http://" + "a." * 130 + "br/"),
    ],
)
def test_what_is_plainly_not_public_is_refused_without_asking_the_network(url: str) -> None:
    with pytest.raises(UrlRefused):
        AddressPolicy().check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.gov.br/lgpd?a=1#b",
        "http://example.org:8080/",
        "http://8.8.8.8/",
        "https://ação.br/",
    ],
)
def test_an_address_of_the_web_is_accepted(url: str) -> None:
    assert AddressPolicy().check_url(url).host


def test_a_named_network_is_all_an_operator_opens() -> None:
    policy = AddressPolicy(["10.20.0.0/16"])
    assert policy.permits(ip_address("10.20.3.4"))
    assert not policy.permits(ip_address("10.21.0.1"))
    assert not policy.permits(ip_address("::ffff:10.20.3.4"))


@pytest.fixture
async def fetcher(web: Web) -> AsyncIterator[UrlFetcher]:
    """Allowed to reach the test's web server, and the Internet."""
    fetch = UrlFetcher(
        AddressPolicy(["127.0.0.2/32"]),
        max_bytes=100_000,
        timeout=timedelta(seconds=5),
        resolver=web.resolve,
    )
    yield fetch
    await fetch.close()


async def body_of(fetcher: UrlFetcher, url: str) -> bytes:
    async with fetcher.open(url) as page:
        return b"".join([part async for part in page.body])


async def refusal_of(fetcher: UrlFetcher, url: str) -> type[DocumentRefused]:
    with pytest.raises(DocumentRefused) as refusal:
        await body_of(fetcher, url)
    return type(refusal.value)


async def test_a_page_comes_with_its_name_in_the_host_header(fetcher: UrlFetcher, web: Web) -> None:
    url = web.put("/p", "olá".encode("latin-1"), content_type="text/html; charset=ISO-8859-1")
    async with fetcher.open(url) as page:
        assert (page.media_type, page.charset) == ("text/html", "iso-8859-1")
        assert b"".join([part async for part in page.body]) == "olá".encode("latin-1")
    assert f"host: pagina.example:{web.port}" in web.requests[-1].lower()


@pytest.mark.parametrize(
    "location",
    [
        *("http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:8000/", "http://10.0.0.1/"),
        *(
            "//localhost/",
            "http://[::ffff:7f00:1]/",
            "file:///etc/passwd",
            "http://interno.example/",
        ),
    ],
)
async def test_a_redirect_to_a_private_address_is_refused(
    fetcher: UrlFetcher, web: Web, location: str
) -> None:
    web.addresses["interno.example"] = ["192.168.0.10"]
    url = web.put("/desvio", status="301 Moved", location=location)
    assert await refusal_of(fetcher, url) is UrlRefused


@pytest.mark.parametrize(
    "location", ["http://[", "http://exemplo.org:porta/", "//a b:x/", "\x01", "http://xn--/"]
)
async def test_a_redirect_to_what_is_no_address_is_refused(
    fetcher: UrlFetcher, web: Web, location: str
) -> None:
    url = web.put("/torto", status="302 Found", location=location)
    assert await refusal_of(fetcher, url) is UrlRefused


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"], []], ids=str)
async def test_a_name_with_a_private_address_is_refused(
    fetcher: UrlFetcher, web: Web, addresses: list[str]
) -> None:
    web.addresses["rebind.example"] = addresses
    assert await refusal_of(fetcher, web.url("/", "rebind.example")) is UrlRefused


async def test_a_name_is_resolved_once_per_connection(web: Web) -> None:
    """What answers publicly to the check cannot answer privately to the connection."""
    asked: list[str] = []

    async def changing(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) <= 2 else ["127.0.0.1"]

    fetcher = UrlFetcher(AddressPolicy(["127.0.0.2/32"]), max_bytes=1000, resolver=changing)
    assert await body_of(fetcher, web.put("/uma-vez", b"ok")) == b"ok"
    assert len(asked) == 2  # for what the site allows, and for the page
    await fetcher.close()


async def test_redirects_end(fetcher: UrlFetcher, web: Web) -> None:
    url = web.put("/volta", status="302 Found", location="/volta")
    assert await refusal_of(fetcher, url) is TooManyRedirects


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        ("404 Not Found", {}, b"", UrlNotFound),
        ("403 Forbidden", {}, b"", UrlNotFound),
        ("500 Oops", {}, b"", UrlUnavailable),
        ("429 Slow down", {}, b"", UrlUnavailable),
        ("200 OK", {"content_type": "video/mp4"}, b"x", UnsupportedType),
        ("200 OK", {"content_encoding": "br"}, b"x", UnsupportedType),
        ("200 OK", {}, b"x" * 100_001, DocumentTooLarge),
        ("200 OK", {"content_encoding": "gzip"}, gzip.compress(b"0" * 5_000_000), DocumentTooLarge),
        ("200 OK", {"content_encoding": "gzip"}, b"no gzip", UrlUnavailable),
    ],
)
async def test_a_bad_answer_has_a_cause(
    fetcher: UrlFetcher,
    web: Web,
    status: str,
    headers: dict[str, str],
    body: bytes,
    expected: type[DocumentRefused],
) -> None:
    assert await refusal_of(fetcher, web.put("/ruim", body, status=status, **headers)) is expected


@pytest.mark.parametrize("form", [*Format, "application/octet-stream", "application/vnd.ms-excel"])
async def test_every_format_there_is_a_parser_for_is_downloaded(
    fetcher: UrlFetcher, web: Web, form: str
) -> None:
    url = web.put("/formato", b"bytes", content_type=f"{form}; charset=binary")
    assert await body_of(fetcher, url) == b"bytes"


async def test_a_packed_page_is_unpacked(fetcher: UrlFetcher, web: Web) -> None:
    url = web.put("/zip", gzip.compress(b"texto" * 100), content_encoding="gzip")
    assert await body_of(fetcher, url) == b"texto" * 100


async def test_a_server_that_does_not_speak_http_is_unavailable(
    fetcher: UrlFetcher, web: Web
) -> None:
    web.pages["/lixo"] = b"SSH-2.0-OpenSSH\r\n\r\n"
    assert await refusal_of(fetcher, web.url("/lixo")) is UrlUnavailable


async def test_a_server_that_is_not_there_is_unavailable(fetcher: UrlFetcher, web: Web) -> None:
    assert await refusal_of(fetcher, "http://pagina.example:1024/") is UrlUnavailable
