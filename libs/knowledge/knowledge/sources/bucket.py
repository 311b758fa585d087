"""Objects under a prefix of somebody's bucket, read with their own credentials and no others."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import obstore
from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from knowledge.addresses import AddressPolicy
from knowledge.failures import (
    BucketMissing,
    BucketRefused,
    BucketUnavailable,
    DocumentTooLarge,
    UrlRefused,
)
from knowledge.fetching import Resolver
from knowledge.sources.checked_proxy import CheckedProxy
from knowledge.sources.credentials import Credentials
from knowledge.sources.entries import Entry, Listing

_TIMEOUT: Final = timedelta(seconds=60)
_CONNECT_TIMEOUT: Final = timedelta(seconds=10)
_RETRY: Final[Any] = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}
_PAGE: Final = 1000
_STATUS: Final = re.compile(r"status code: (\d{3})")
_REFUSED: Final = frozenset({"400", "401", "403"})


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """Where the objects are. `endpoint` is the service's own address."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    path_style: bool

    @classmethod
    def of(cls, address: str, options: dict[str, Any]) -> "BucketAddress":
        """From a source's `s3://bucket/prefix` and its options."""
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        region = str(options.get("region") or "us-east-1")
        return cls(
            bucket=bucket,
            prefix=prefix,
            endpoint=str(options.get("endpoint") or f"https://s3.{region}.amazonaws.com"),
            region=region,
            path_style=bool(options.get("path_style", True)),
        )


class Bucket:
    """One bucket, open."""

    def __init__(self, store: S3Store, address: BucketAddress, proxy: CheckedProxy) -> None:
        self._store = store
        self._address = address
        self._proxy = proxy

    async def list(self, *, most: int) -> Listing:
        """The objects under the prefix, with their ETags. Raises DocumentRefused."""
        found: list[Entry] = []
        try:
            pages = obstore.list(self._store, self._address.prefix or None, chunk_size=_PAGE)
            async for page in pages:
                for listed in page:
                    if listed["size"] == 0:
                        continue  # what some programs put in the place of folders
                    if len(found) >= most:
                        return Listing(tuple(found), is_whole=False)
                    found.append(Entry(listed["path"], _mark(listed)))
        except (BaseError, OSError) as error:
            raise self._refusal(error) from error
        return Listing(tuple(found))

    async def read(self, key: str, *, max_bytes: int) -> AsyncIterator[bytes]:
        """The bytes as they arrive. Raises DocumentRefused."""
        try:
            found = await obstore.get_async(self._store, key)
            if found.meta["size"] > max_bytes:
                raise DocumentTooLarge.over(max_bytes)
            async for part in found.stream():
                yield bytes(part)
        except (BaseError, OSError) as error:
            raise self._refusal(error) from error

    def _refusal(self, error: BaseException) -> Exception:
        if self._proxy.refused:
            return UrlRefused()
        # Listing says every refusal with one class: the status stands in its words.
        said = _STATUS.search(str(error))
        status = said[1] if said else ""
        if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in _REFUSED:
            return BucketRefused()
        if isinstance(error, NotFoundError | FileNotFoundError) or status == "404":
            return BucketMissing()
        return BucketUnavailable()


@asynccontextmanager
async def open_bucket(
    address: BucketAddress,
    credentials: Credentials | None,
    policy: AddressPolicy,
    resolver: Resolver,
) -> AsyncIterator[Bucket]:
    """Everything is said outright: what is left out the library would take from this process's own
    environment, or ask the machine it runs on."""
    endpoint = policy.check_url(address.endpoint)
    async with CheckedProxy(policy, resolver).running() as proxy:
        identity: dict[str, Any] = (
            {"skip_signature": True}
            if credentials is None
            else {"credential_provider": _Provider(credentials), "skip_signature": False}
        )
        store = S3Store(
            address.bucket,
            endpoint=str(endpoint).rstrip("/"),
            region=address.region,
            virtual_hosted_style_request=not address.path_style,
            client_options={
                "proxy_url": proxy.url,
                "allow_http": endpoint.scheme == "http",
                "timeout": _TIMEOUT,
                "connect_timeout": _CONNECT_TIMEOUT,
            },
            retry_config=_RETRY,
            **identity,
        )
        yield Bucket(store, address, proxy)


class _Provider:
    """The credentials, whole: no token of another identity beside them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self) -> Any:
        """As obstore asks."""
        return {
            "access_key_id": self._credentials.access_key_id,
            "secret_access_key": self._credentials.secret_access_key,
            "token": None,
            "expires_at": None,
        }


def _mark(listed: Any) -> str:
    return str(listed["e_tag"] or f"{listed['size']}:{listed['last_modified'].isoformat()}")[:200]
