"""What other contexts may ask of erasing: whether somebody is held, and executing a request."""

from core_api.modules.erasure.exceptions import AlreadyErased, ErasureUnderWay, LegalHoldStands
from core_api.modules.erasure.holding import is_held, one_at_a_time, require_no_hold
from core_api.modules.erasure.starting import ErasureExecutor

__all__ = [
    "AlreadyErased",
    "ErasureExecutor",
    "ErasureUnderWay",
    "LegalHoldStands",
    "is_held",
    "one_at_a_time",
    "require_no_hold",
]
