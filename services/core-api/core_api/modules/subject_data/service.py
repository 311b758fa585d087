"""What other contexts may ask of copies of a person's data: the upkeep."""

from core_api.modules.subject_data.forgetting import sweep_objects

__all__ = ["sweep_objects"]
