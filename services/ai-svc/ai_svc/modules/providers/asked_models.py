"""A provider's model as one request asks it: in time, repeated only where that is safe, and never
going on where it broke off."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final, Self, TypeVar

import httpx2
from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponseStreamEvent
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext

from ai_svc.modules.providers import estimates
from ai_svc.modules.providers.attempts import Attempt, Errand, attempted
from ai_svc.modules.providers.connecting import Provider, responses_noted
from ai_svc.modules.providers.failures import Failure, ProviderFailed

T = TypeVar("T")

_REPEATS: Final = 2
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
"""Seconds. Who asks for more patience is passed over for the next one."""
_WORTH_IT: Final = 1.0
"""Seconds that have to be left after a pause."""


class AskedModel(WrapperModel):
    """One provider, asked by one request of a chain."""

    def __init__(self, provider: Provider, errand: Errand) -> None:
        super().__init__(provider.model)
        self._asked = provider
        self._errand = errand

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """The whole answer. Raises NotAsked, ProviderFailed, BudgetExceeded."""
        size = estimates.input_tokens(messages, model_request_parameters)
        settings, most = self._limited(model_settings)

        async def once() -> ModelResponse:
            async with attempted(self._asked, self._errand, size, most) as attempt:
                attempt.begins()
                try:
                    async with asyncio.timeout_at(self._errand.clock.call()):
                        response = await self.wrapped.request(
                            messages, settings, model_request_parameters
                        )
                except Exception as error:  # noqa: BLE001 - told apart by `failed`
                    raise attempt.fails(error) from None
                attempt.response = response
                if not response.parts:
                    raise attempt.fails(self._unusable())
            return response

        return await self._repeated(once)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """A stream whose first event is there. What fails after it fails for good."""
        size = estimates.input_tokens(messages, model_request_parameters)
        settings, most = self._limited(model_settings)
        async with AsyncExitStack() as outer:

            async def once() -> StreamedResponse:
                async with AsyncExitStack() as stack:
                    attempt = await stack.enter_async_context(
                        attempted(self._asked, self._errand, size, most)
                    )
                    opening = self.wrapped.request_stream(
                        messages, settings, model_request_parameters, run_context
                    )
                    stream = await self._opened(stack, opening, attempt)
                    outer.push_async_exit(stack.pop_all())
                return stream

            yield await self._repeated(once)

    async def _opened(
        self,
        stack: AsyncExitStack,
        opening: AbstractAsyncContextManager[StreamedResponse],
        attempt: Attempt,
    ) -> StreamedResponse:
        clock = self._errand.clock
        ends_at = clock.call()
        attempt.begins()
        try:
            with responses_noted() as responses:
                stack.push_async_callback(_hang_up, responses)
                async with asyncio.timeout_at(clock.first_token()):
                    stream = await stack.enter_async_context(opening)
                    attempt.stream = stream
                    events = _WatchedEvents(stream, attempt, ends_at)
                    await events.begin()
        except Exception as error:  # noqa: BLE001 - told apart by `failed`
            raise attempt.fails(error) from None
        # What `StreamedResponse.__aiter__` hands out; the library's own fallback does the same.
        stream._event_iterator = events  # noqa: SLF001 - there is no public way
        return stream

    def _limited(self, given: ModelSettings | None) -> tuple[ModelSettings, int]:
        """The settings with the most that may be written, which is what is set aside."""
        settings = given.copy() if given else ModelSettings()
        most = self._errand.clock.settings.max_output_tokens
        settings["max_tokens"] = most = min(settings.get("max_tokens", most), most)
        return settings, most

    async def _repeated(self, once: Callable[[], Awaitable[T]]) -> T:
        for repeat in range(_REPEATS):
            try:
                return await once()
            except ProviderFailed as failure:
                pause = self._pause(failure, repeat)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        return await once()

    def _pause(self, failure: ProviderFailed, repeat: int) -> float | None:
        """Before the same provider is asked again; None: it is not."""
        if not failure.may_repeat:
            return None
        wanted = failure.retry_after
        pause = _FIRST_PAUSE * 2**repeat if wanted is None else wanted
        fits = pause <= _LONGEST_PAUSE and pause + _WORTH_IT <= self._errand.clock.left
        return pause if fits else None

    def _unusable(self) -> ProviderFailed:
        return ProviderFailed(self._asked.backend.model, Failure.UNUSABLE)


async def _hang_up(responses: Sequence[httpx2.Response]) -> None:
    for response in responses:
        await response.aclose()


class _WatchedEvents:
    """The events of a stream, in time, to an end that the provider has declared."""

    def __init__(self, stream: StreamedResponse, attempt: Attempt, ends_at: float) -> None:
        self._stream = stream
        self._events: AsyncIterator[ModelResponseStreamEvent] = aiter(stream)
        self._attempt = attempt
        self._ends_at = ends_at
        self._first: ModelResponseStreamEvent | None = None

    async def begin(self) -> None:
        """Waits for the first event. A stream without any is no answer."""
        try:
            self._first = await anext(self._events)
        except StopAsyncIteration:
            raise self._broken(Failure.UNUSABLE) from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ModelResponseStreamEvent:
        first, self._first = self._first, None
        if first is not None:
            return first
        if self._attempt.failure is not None:
            raise self._attempt.failure
        try:
            async with asyncio.timeout_at(self._ends_at):
                return await anext(self._events)
        except StopAsyncIteration:
            if self._stream.finish_reason is None and not self._stream.cancelled:
                raise self._attempt.fails(self._broken(Failure.BROKEN)) from None
            self._attempt.response = self._stream.get()
            raise
        except Exception as error:  # noqa: BLE001 - told apart by `failed`
            raise self._attempt.fails(error) from None

    def _broken(self, failure: Failure) -> ProviderFailed:
        return ProviderFailed(self._stream.model_name, failure)
