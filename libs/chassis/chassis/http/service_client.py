"""The one way to call another of our services: pooled, timed out, retried where it is safe, and
given up in time."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
import structlog
from opentelemetry import propagate
from pydantic import SecretStr
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from chassis.http.circuit_breaker import CircuitBreaker, CircuitOpen
from chassis.observability.metrics import SERVICE_CALLS
from chassis.web.errors import Unavailable

log = structlog.get_logger(__name__)

_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_LIMITS: Final = httpx.Limits(max_connections=50, max_keepalive_connections=20)
_ATTEMPTS: Final = 3
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# The request has not left: repeating it is safe whatever it asks for.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _ServerFault(Exception):
    """The target answered 5xx."""

    def __init__(self, status: int) -> None:
        super().__init__(f"answered {status}")


class ServiceClient:
    """Calls one service. Use it as a context manager, or close it."""

    def __init__(
        self,
        *,
        target: str,
        base_url: str,
        source: str,
        key: SecretStr,
        breaker: CircuitBreaker | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        first_pause_seconds: float = 0.1,
    ) -> None:
        self._target = target
        self._breaker = breaker or CircuitBreaker(target)
        self._first_pause = first_pause_seconds
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=_TIMEOUT,
            limits=_LIMITS,
            transport=transport,
            follow_redirects=False,
            headers={"x-source-service": source, "x-internal-key": key.get_secret_value()},
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        request_id: str,
        token: str | None = None,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        idempotency_key: str | None = None,
        if_match: int | None = None,
        reason: str | None = None,
        timeout_seconds: float | None = None,
    ) -> httpx.Response:
        """The answer when it is below 500, `Unavailable` otherwise.

        `request_id` is the correlation id of what causes the call; `token` the access token of the
        person behind it, whom the target authenticates again; `if_match` the version a change is
        based on; `reason` why, for the audit log. Transport errors are retried when the method, or
        an `idempotency_key`, makes that safe, or when nothing was sent.
        """
        headers = {"x-request-id": request_id}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        if if_match is not None:
            headers["if-match"] = f'"{if_match}"'
        if reason is not None:
            headers["x-change-reason"] = quote(reason)
        propagate.inject(headers)
        request = self._http.build_request(
            method,
            path,
            json=json,
            params=params,
            headers=headers,
            timeout=_TIMEOUT
            if timeout_seconds is None
            else httpx.Timeout(timeout_seconds, connect=5.0),
        )
        safe = method.upper() in _IDEMPOTENT or idempotency_key is not None
        return await self._send_with_retries(request, safe=safe)

    async def close(self) -> None:
        """Closes the pooled connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _send_with_retries(self, request: httpx.Request, *, safe: bool) -> httpx.Response:
        def may_repeat(error: BaseException) -> bool:
            return isinstance(error, httpx.TransportError if safe else _NOT_SENT)

        retrying = AsyncRetrying(
            retry=retry_if_exception(may_repeat),
            stop=stop_after_attempt(_ATTEMPTS),
            # The first one by its place: its name is another from tenacity 9.2 on.
            wait=wait_exponential_jitter(self._first_pause, max=2.0, jitter=self._first_pause),
            reraise=True,
        )
        try:
            response: httpx.Response = await retrying(self._send, request)
        except CircuitOpen as refusal:
            SERVICE_CALLS.labels(self._target, "refused").inc()
            raise Unavailable(retry_after=refusal.retry_after) from None
        except (httpx.TransportError, _ServerFault) as error:
            SERVICE_CALLS.labels(self._target, "failed").inc()
            log.warning("service_call_failed", target=self._target, error=repr(error)[:200])
            raise Unavailable from error
        SERVICE_CALLS.labels(self._target, "answered").inc()
        return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        async with self._breaker.attempt():
            response = await self._http.send(request)
            if response.status_code >= 500:
                raise _ServerFault(response.status_code)
            return response
