"""Who executes which requests of data subjects. A context that can do one adds a line."""

from typing import Final

from core_api.modules.privacy.execution import Executor
from core_api.modules.privacy.revoking import RevocationExecutor

EXECUTORS: Final[tuple[Executor, ...]] = (RevocationExecutor(),)
"""At most one for each type: a test looks."""
