"""What of incidents refers to a client."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.incidents.models import IncidentSubject

# Whose data it was on that day; kept for five years, as an id.
INCIDENT_ROWS: Final = (StayingRows(name="incident_subjects", model=IncidentSubject),)
