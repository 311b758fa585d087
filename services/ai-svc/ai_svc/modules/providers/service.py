"""The Brain: one model for whoever asks, whichever provider answers.

    model = await brain.model(call, last=built_in)
    result = await agent.run(question, model=model)
    model.answered[-1].provider

Providers are asked in the organization's order. The next one is asked only while nobody has said a
word; last of all the built-in model, which is free, here, and always allowed.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext

from ai_svc.modules.providers import metrics
from ai_svc.modules.providers.asked_models import AskedModel
from ai_svc.modules.providers.attempts import Errand
from ai_svc.modules.providers.calls import (
    Answered,
    Call,
    Candidate,
    Carries,
    CarriesNothing,
    Kept,
    Use,
)
from ai_svc.modules.providers.clock import Clock
from ai_svc.modules.providers.connecting import Provider
from ai_svc.modules.providers.policies import Policies, Policy
from ai_svc.modules.usage.prices import shipped_prices
from ai_svc.provider_settings import ProviderSettings
from chassis.data.database import Database
from shared_schemas.ids import OrganizationId

__all__ = [
    "Answered",
    "Brain",
    "Call",
    "Candidate",
    "Carries",
    "CarriesNothing",
    "Chain",
    "Kept",
    "Use",
]

BUILT_IN: Final = "builtin"


class Brain:
    """Every provider this process may ask."""

    def __init__(
        self, database: Database, settings: ProviderSettings, providers: Sequence[Provider]
    ) -> None:
        self.providers = providers
        self.settings = settings
        self.database = database
        self.ending: set[asyncio.Task[None]] = set()

    async def model(self, call: Call, last: Model) -> "Chain":
        """What answers the call. `last` is the built-in model.

        Asking it raises BudgetExceeded when the organization's or the user's budget is used up, and
        pydantic_ai's ModelAPIError when a stream breaks after its first token.
        """
        asked = await self.candidates(call.organization_id)
        by_name = {provider.name: provider for provider in self.providers}
        return Chain(self, call, [by_name[each.provider] for each in asked], last)

    async def candidates(self, organization_id: OrganizationId) -> Sequence[Candidate]:
        """Whom the organization asks by now, best first; the built-in model is not counted."""
        if not self.providers:
            return ()
        async with self.database.transaction(organization_id, read_only=True) as session:
            row = await Policies(session, organization_id).find()
        backends = [provider.backend for provider in self.providers]
        policy = Policy.of(row, backends)
        return [
            Candidate(backend.name, backend.model, policy.shows_personal_data(backend))
            for backend in policy.in_order(backends)
        ]

    async def has_provider(self, organization_id: OrganizationId) -> bool:
        """Whether the organization has any model to ask but the built-in one."""
        return bool(await self.candidates(organization_id))

    async def close(self) -> None:
        """Waits for what is being settled."""
        await asyncio.gather(*self.ending, return_exceptions=True)


class Chain(FallbackModel):
    """The models of one call, asked as one. A run may make many requests of it."""

    def __init__(
        self, brain: Brain, call: Call, providers: Sequence[Provider], last: Model
    ) -> None:
        super().__init__(*(provider.model for provider in providers), last)
        self.call = call
        self._brain = brain
        self._providers = providers
        self._last = last
        self._answered: list[Answered] = []

    @property
    def answered(self) -> Sequence[Answered]:
        """Who answered each request so far, in their order."""
        return tuple(self._answered)

    @property
    def kept_by_policy(self) -> bool:
        """Whether some request stayed here because of whose data it held: the answer says so."""
        return any(answered.kept is Kept.POLICY for answered in self._answered)

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Raises BudgetExceeded; what the built-in model raises, when that fails too."""
        settings, clock = self._timed(model_settings)
        models = self._of_one_request(clock)
        return await models.request(messages, settings, model_request_parameters)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Like `request`. A stream that breaks raises ProviderFailed where it is read."""
        settings, clock = self._timed(model_settings)
        models = self._of_one_request(clock)
        async with models.request_stream(
            messages, settings, model_request_parameters, run_context
        ) as stream:
            yield stream

    def _timed(self, given: ModelSettings | None) -> tuple[ModelSettings, Clock]:
        """Times are kept here, over all providers; the library would give each its own."""
        settings = given.copy() if given else ModelSettings()
        at_most = settings.pop("request_timeout", None)
        settings.pop("first_event_timeout", None)
        return settings, Clock.started(self._brain.settings, at_most)

    def _of_one_request(self, clock: Clock) -> FallbackModel:
        errand = Errand(
            database=self._brain.database,
            call=self.call,
            backends=[provider.backend for provider in self._brain.providers],
            clock=clock,
            answered=self._answered.append,
            ending=self._brain.ending,
        )
        asked = [AskedModel(provider, errand) for provider in self._providers]
        return FallbackModel(*asked, _LastModel(self._last, errand))


class _LastModel(WrapperModel):
    """The built-in model, which notes that and why it was asked."""

    def __init__(self, wrapped: Model, errand: Errand) -> None:
        super().__init__(wrapped)
        self._errand = errand

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        response = await self.wrapped.request(messages, model_settings, model_request_parameters)
        self._note()
        return response

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        async with self.wrapped.request_stream(
            messages, model_settings, model_request_parameters, run_context
        ) as stream:
            self._note()
            yield stream

    def _note(self) -> None:
        errand = self._errand
        kept = Kept.NO_PROVIDER
        if errand.passed_over or errand.failures:
            kept = Kept.POLICY if errand.was_kept_for_its_content else Kept.UNAVAILABLE
        metrics.KEPT.labels(kept).inc()
        errand.answered(
            Answered(
                provider=BUILT_IN,
                model=self.wrapped.model_name,
                input_tokens=0,
                output_tokens=0,
                cost_micros=0,
                currency=shipped_prices().currency,
                kept=kept,
            )
        )
