"""Why a provider was not asked, or gave no answer.

They carry no word of what was sent or received: providers' own errors may quote the prompt.
"""

from enum import StrEnum

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelTimeoutError,
    ModelUnavailableError,
    UserError,
)


class Failure(StrEnum):
    """What went wrong with a request that was made."""

    REFUSED = "refused"  # an error status: nothing was written, nothing is charged
    REJECTED = "rejected"  # the same, and the request itself is to blame
    UNREACHABLE = "unreachable"  # it never left
    TIMEOUT = "timeout"
    BROKEN = "broken"  # the connection, or the stream, ended before the answer did
    UNUSABLE = "unusable"  # not what the protocol says, or nothing at all


class NotAskedBecause(StrEnum):
    """What speaks against asking a provider now."""

    CIRCUIT = "circuit"  # it keeps failing
    TIME = "time"  # there is none left
    NOT_CHOSEN = "not_chosen"  # the organization has taken it out of its order
    COUNTRY = "country"
    PERSONAL_DATA = "personal_data"
    TRANSFER = "transfer"  # no purpose in force, or no entry of the register, bears it


class NotAsked(ModelAPIError):
    """The provider was not sent anything."""

    def __init__(self, model_name: str, because: NotAskedBecause) -> None:
        super().__init__(model_name, f"not asked: {because}")
        self.because = because


class ProviderFailed(ModelAPIError):
    """The provider was asked, and there is no answer, or not all of it."""

    def __init__(
        self,
        model_name: str,
        failure: Failure,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(model_name, f"the provider failed: {failure}", retry_after=retry_after)
        self.failure = failure
        self.status = status
        self.may_repeat = failure is Failure.UNREACHABLE

    @property
    def is_its_fault(self) -> bool:
        """Whether the next request is likely to fail as well."""
        return self.failure is not Failure.REJECTED

    @property
    def is_free(self) -> bool:
        """Whether nothing can have been charged."""
        return self.failure in (Failure.REFUSED, Failure.REJECTED, Failure.UNREACHABLE)


def failed(model_name: str, error: Exception) -> ProviderFailed:
    """What one of the adapters raised, in our words. Raises what is our own mistake."""
    match error:
        case ProviderFailed():
            return error
        case UserError():
            raise error
        case ModelConnectionError(phase="pool" | "connect"):
            return ProviderFailed(model_name, Failure.UNREACHABLE)
        case TimeoutError() | ModelRequestTimeout() | ModelTimeoutError():
            return ProviderFailed(model_name, Failure.TIMEOUT)
        case ModelConnectionError():
            return ProviderFailed(model_name, Failure.BROKEN)
        case ModelAPIError(in_stream=True):
            return ProviderFailed(model_name, Failure.BROKEN)
        case ModelHTTPError():
            return _refused(model_name, error)
        case _:
            return ProviderFailed(model_name, Failure.UNUSABLE)


def _refused(model_name: str, error: ModelHTTPError) -> ProviderFailed:
    misconfigured = isinstance(error, ModelAuthenticationError | ModelNotFoundError)
    rejected = isinstance(error, ModelRequestRejectedError) and not misconfigured
    refusal = ProviderFailed(
        model_name,
        Failure.REJECTED if rejected else Failure.REFUSED,
        status=error.status_code,
        retry_after=error.retry_after,
    )
    busy = isinstance(error, ModelRateLimitError | ModelUnavailableError)
    refusal.may_repeat = busy and error.retry_after is not None
    return refusal
