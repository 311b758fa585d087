"""Where things are in this checkout: devstack is always installed editable, so its place tells."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
STATE: Final = ROOT / ".cogep"
SERVICES: Final = ROOT / "services"
# The services that own a schema, in the order their migrations run.
MIGRATED: Final = ("core-api", "ai-svc")
