"""One request to one provider, paid for exactly once however it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio
import structlog
from opentelemetry import trace
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import StreamedResponse

from ai_svc.modules.providers import estimates, metrics
from ai_svc.modules.providers.calls import Answered, Call
from ai_svc.modules.providers.clock import Clock
from ai_svc.modules.providers.connecting import Provider
from ai_svc.modules.providers.failures import NotAsked, NotAskedBecause, ProviderFailed, failed
from ai_svc.modules.providers.policies import objection
from ai_svc.modules.usage import service as usage
from ai_svc.provider_settings import Backend
from chassis.data.database import Database
from chassis.http.circuit_breaker import CircuitBreaker, CircuitOpen, CircuitState

log = structlog.get_logger(__name__)

_TRACER: Final = trace.get_tracer("ai_svc.providers")
_FOR_ITS_CONTENT: Final = frozenset({NotAskedBecause.PERSONAL_DATA, NotAskedBecause.TRANSFER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What all attempts of one request have in common."""

    database: Database
    call: Call
    backends: Sequence[Backend]
    clock: Clock
    answered: Callable[[Answered], None]
    ending: set[asyncio.Task[None]]
    """What is being settled: kept by the Brain, so that it outlives who asked."""
    passed_over: list[NotAskedBecause] = field(default_factory=list)
    failures: list[ProviderFailed] = field(default_factory=list)

    @property
    def was_kept_for_its_content(self) -> bool:
        """Whether nobody was asked because of whose data it is."""
        return (
            bool(self.passed_over)
            and not self.failures
            and _FOR_ITS_CONTENT.issuperset(self.passed_over)
        )


class Attempt:
    """What is known of one request to a provider while it goes on, and what it has taken."""

    def __init__(self, provider: Provider, reservation: usage.Reservation) -> None:
        self.reservation = reservation
        self.failure: ProviderFailed | None = None
        self.stream: StreamedResponse | None = None
        self.response: ModelResponse | None = None
        self._provider = provider
        self._was_sent = False

    def begins(self) -> None:
        """From now on it may have cost something."""
        self._was_sent = True

    def fails(self, error: Exception) -> ProviderFailed:
        """What to raise for it."""
        self.failure = failure = failed(self._provider.backend.model, error)
        log.warning(
            "provider_failed",
            provider=self._provider.name,
            failure=failure.failure,
            status=failure.status,
        )
        return failure

    @property
    def result(self) -> str:
        """For metrics and spans."""
        if self.failure is not None:
            return self.failure.failure
        return "answered" if self.response is not None else "abandoned"

    @property
    def spent(self) -> tuple[int, int] | None:
        """Tokens in and out, as the provider says or else as they are reckoned; None: nothing.

        Who was asked for a whole answer and gave none may have written all of it: that counts in
        full. A stream is hung up on, which ends the writing.
        """
        if not self._was_sent or (self.failure is not None and self.failure.is_free):
            return None
        known = self.response or (self.stream.get() if self.stream is not None else None)
        set_aside = self.reservation
        if known is None:
            return set_aside.input_tokens, set_aside.output_tokens
        said = known.usage
        is_told = self.response is not None and said.output_tokens > 0
        written = said.output_tokens if is_told else estimates.output_tokens(known)
        return said.input_tokens or set_aside.input_tokens, max(said.output_tokens, written)


@asynccontextmanager
async def attempted(
    provider: Provider, errand: Errand, input_tokens: int, max_output_tokens: int
) -> AsyncIterator[Attempt]:
    """Around one request: allowed, set aside for, counted by the breaker, and settled or released.

    Raises NotAsked, and BudgetExceeded: then nothing was sent.
    """
    await _check(provider, errand)
    call = errand.call
    reservation = await usage.reserve(
        errand.database,
        organization_id=call.organization_id,
        user_id=call.user_id,
        use=call.use,
        model=provider.backend.model,
        input_tokens=input_tokens,
        max_output_tokens=max_output_tokens,
        run_id=call.run_id,
        request_id=call.request_id,
    )
    attempt = Attempt(provider, reservation)
    span = _TRACER.start_span("model request", attributes={"provider": provider.name})
    try:
        with metrics.SECONDS.labels(provider.name).time():
            async with _counted(provider.breaker, attempt):
                yield attempt
    except CircuitOpen:
        raise passed_over(provider, errand, NotAskedBecause.CIRCUIT) from None
    finally:
        if attempt.failure is not None:
            errand.failures.append(attempt.failure)
        metrics.REQUESTS.labels(provider.name, attempt.result).inc()
        await _ended(errand, provider, attempt, span)


async def _check(provider: Provider, errand: Errand) -> None:
    if errand.clock.left <= 0:
        raise passed_over(provider, errand, NotAskedBecause.TIME)
    if provider.breaker.state is CircuitState.OPEN:
        raise passed_over(provider, errand, NotAskedBecause.CIRCUIT)
    call = errand.call
    async with errand.database.transaction(call.organization_id, read_only=True) as session:
        reason = await objection(
            session, call.organization_id, call.carried, provider.backend, errand.backends
        )
    if reason is not None:
        raise passed_over(provider, errand, reason)


def passed_over(provider: Provider, errand: Errand, because: NotAskedBecause) -> NotAsked:
    """What to raise for it, once it is noted."""
    errand.passed_over.append(because)
    metrics.NOT_ASKED.labels(provider.name, because).inc()
    log.info("provider_not_asked", provider=provider.name, because=because)
    return NotAsked(provider.backend.model, because)


@asynccontextmanager
async def _counted(breaker: CircuitBreaker, attempt: Attempt) -> AsyncIterator[None]:
    """The breaker hears of what is the provider's fault, and of nothing else."""
    others: Exception | None = None
    async with breaker.attempt():
        try:
            yield
        except Exception as error:
            if error is attempt.failure and attempt.failure.is_its_fault:
                raise
            others = error
        else:
            # Whoever read the stream has kept it to himself.
            if attempt.failure is not None and attempt.failure.is_its_fault:
                raise attempt.failure
    if others is not None:
        raise others


async def _ended(errand: Errand, provider: Provider, attempt: Attempt, span: trace.Span) -> None:
    """Also when the asker is gone: the task lives on, whatever is cancelled around it."""
    task = asyncio.create_task(_settled(errand, provider, attempt, span))
    errand.ending.add(task)
    task.add_done_callback(errand.ending.discard)
    with anyio.CancelScope(shield=True):
        await asyncio.shield(task)


async def _settled(errand: Errand, provider: Provider, attempt: Attempt, span: trace.Span) -> None:
    reservation, spent = attempt.reservation, attempt.spent
    micros, currency = reservation.micros, reservation.price.currency
    try:
        if spent is None:
            await usage.release(errand.database, reservation)
        else:
            charge = await usage.settle(
                errand.database, reservation, input_tokens=spent[0], output_tokens=spent[1]
            )
            micros, currency = charge.micros, charge.currency
    except Exception as error:  # noqa: BLE001 - the answer is there, and none the worse for it
        # It stays set aside in full until it expires.
        log.warning("usage_not_settled", provider=provider.name, error=type(error).__name__)
    given, made = spent or (0, 0)
    span.set_attributes({"result": attempt.result, "input_tokens": given, "output_tokens": made})
    span.end()
    if attempt.response is None or attempt.failure is not None:
        return
    errand.answered(
        Answered(
            provider=provider.name,
            model=provider.backend.model,
            input_tokens=given,
            output_tokens=made,
            cost_micros=micros,
            currency=currency,
            kept=None,
        )
    )
