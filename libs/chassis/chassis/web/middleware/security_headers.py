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
# Swagger UI brings its script and style from a CDN and starts with an inline script.
_DOCS_POLICY: Final = (
    b"default-src 'none'; connect-src 'self'; img-src 'self' data: https://fastapi.tiangolo.com; "
    b"script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    b"style-src 'unsafe-inline' https://cdn.jsdelivr.net; frame-ancestors 'none'"
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


def security_headers(*, https: bool) -> Headers:
    """For every answer. HSTS only where the outside world comes over TLS."""
    return [*_API, _HSTS] if https else list(_API)


def docs_headers(*, https: bool) -> Headers:
    """For the page that shows the API to people."""
    return [
        (name, _DOCS_POLICY if name == b"content-security-policy" else value)
        for name, value in security_headers(https=https)
    ]
