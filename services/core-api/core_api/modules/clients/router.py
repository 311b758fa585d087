"""Clients over HTTP."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import CursorPage, Limit, PageNumber, Paging
from chassis.web.responses import success
from fastapi import APIRouter, Depends, Query, Response, status
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.pagination import CursorMeta
from shared_schemas.permissions import Permission

from core_api.documentation import raises
from core_api.fields import SearchText, changes
from core_api.modules.clients.contacts import normalise_email
from core_api.modules.clients.exceptions import ClientNotFound, ExternalIdTaken
from core_api.modules.clients.models import ClientKind
from core_api.modules.clients.repository import ORDERS, ClientFilter, Clients
from core_api.modules.clients.schemas import ClientCreate, ClientRead, ClientUpdate
from core_api.modules.clients.search import matching
from core_api.modules.clients.service import ClientService

router = APIRouter(prefix="/clients", tags=["clients"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.CLIENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.CLIENTS_WRITE))]
Deleter = Annotated[Actor, Depends(require(Permission.CLIENTS_DELETE))]

ClientOrder = StrEnum("ClientOrder", {name: name for name in ORDERS})
