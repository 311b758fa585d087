"""What other contexts may ask of copies of a person's data: whoever erases that person, and the
upkeep."""

from core_api.modules.subject_data.forgetting import (
    count_copies,
    forget_copies,
    object_keys,
    sweep_objects,
)

__all__ = ["count_copies", "forget_copies", "object_keys", "sweep_objects"]
