"""Where core-api holds personal data: every column of its schema, every field of its models."""

from typing import Final

from core_api.personal_data.columns import COLUMNS
from core_api.personal_data.fields import EVERYWHERE, WITHIN
from shared_schemas.personal_data import PersonalData

PERSONAL_DATA: Final = PersonalData(columns=COLUMNS, everywhere=EVERYWHERE, within=WITHIN)
"""Composed with those of the other services by a test, which looks for what is in none."""
