"""Where worker-svc holds personal data: it has no tables, and no model of its own carries any."""

from typing import Final

from shared_schemas.personal_data import NONE, PersonalData, fields_of

PERSONAL_DATA: Final = PersonalData(
    everywhere=fields_of((NONE, "import_id storage_key encoding delimiter code"))
)
"""Composed with those of the other services by a test, which looks for what is in none."""
