"""Who executes which requests of data subjects. A context that can do one adds a line."""

from typing import Final

from core_api.modules.anonymisation.executor import AnonymisationExecutor
from core_api.modules.blocking.executor import BlockingExecutor
from core_api.modules.clients.correcting import CorrectionExecutor
from core_api.modules.erasure.service import ErasureExecutor
from core_api.modules.privacy.execution import Executor
from core_api.modules.privacy.revoking import RevocationExecutor
from core_api.modules.subject_data.executors import SubjectDataExecutor

EXECUTORS: Final[tuple[Executor, ...]] = (
    RevocationExecutor(),
    BlockingExecutor(),
    CorrectionExecutor(),
    AnonymisationExecutor(),
    SubjectDataExecutor(),
    ErasureExecutor(),
)
"""At most one for each type: a test looks."""
