"""Headers that tell a browser to trust an API's answer with as little as possible."""

from typing import Final

Headers = list[tuple[bytes, bytes]]

# An answer of the API is data: it loads nothing and is framed by nobody.
_API: Final[Headers] = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


def security_headers(*, https: bool) -> Headers:
    """For every answer. HSTS only where the outside world comes over TLS."""
    return [*_API, _HSTS] if https else list(_API)


def page_headers(policy: bytes, *, https: bool) -> Headers:
    """For a page with a Content-Security-Policy of its own."""
    return [
        (name, policy if name == b"content-security-policy" else value)
        for name, value in security_headers(https=https)
    ]
