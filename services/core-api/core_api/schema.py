"""All tables of schema `crm` in one metadata: what migrations are compared with."""

from typing import Final

from core_api.modules.audit import models as _audit
from core_api.modules.clients import models as _clients
from core_api.modules.consents import models as _consents
from core_api.modules.organizations import models as _organizations
from core_api.modules.tickets import models as _tickets
from core_api.tables import SCHEMA, Base

METADATA: Final = Base.metadata

__all__ = ["METADATA", "SCHEMA", "_audit", "_clients", "_consents", "_organizations", "_tickets"]
