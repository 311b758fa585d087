"""What other contexts may ask of erasing: whether somebody is held, and executing a request."""

from core_api.modules.erasure.exceptions import AlreadyErased, ErasureUnderWay, LegalHoldStands
from core_api.modules.erasure.holding import (
    is_held,
    one_at_a_time,
    require_no_erasure,
    require_no_hold,
)
from core_api.modules.erasure.models import Mode
from core_api.modules.erasure.starting import ErasureExecutor, begin

__all__ = [
    "AlreadyErased",
    "ErasureExecutor",
    "ErasureUnderWay",
    "LegalHoldStands",
    "Mode",
    "begin",
    "is_held",
    "one_at_a_time",
    "require_no_erasure",
    "require_no_hold",
]
