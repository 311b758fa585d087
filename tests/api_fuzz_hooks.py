"""What Schemathesis has to be told of our requests."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def parts_of_uploads(_context: Any, value: Any) -> bytes:
    """The next bytes of a file, as they are."""
    return value if isinstance(value, bytes) else str(value).encode()
