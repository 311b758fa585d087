"""CPF and CNPJ at rest: sealed for the client's row, found by a blind index."""

from typing import Any, Final
from uuid import UUID

from chassis.security.sealing import Place, Vault
from core_api.changes import Change, Changes
from core_api.modules.clients.models import Client

_FIELD: Final = "clients.document"


def place_of(organization_id: UUID, client_id: UUID) -> Place:
    """Where a client's document is sealed: in another row it does not open."""
    return Place(organization_id, client_id, _FIELD)


def index_of(vault: Vault, organization_id: UUID, number: str) -> bytes:
    """What equal numbers of one organization have in common; `number` is normalised."""
    return vault.blind_index(organization_id, _FIELD, number)


def sealed(vault: Vault, organization_id: UUID, client_id: UUID, number: str | None) -> Any:
    """The columns that hold the number."""
    if number is None:
        return {"document_sealed": None, "document_index": None}
    place = place_of(organization_id, client_id)
    return {
        "document_sealed": vault.seal(number.encode(), place),
        "document_index": index_of(vault, organization_id, number),
    }


def opened(vault: Vault, client: Any) -> str | None:
    """The normalised number of a Client or a row with `organization_id`, `id`,
    `document_sealed`."""
    if client.document_sealed is None:
        return None
    place = place_of(client.organization_id, client.id)
    return vault.unseal(client.document_sealed, place).decode()


def change_document(vault: Vault, client: Client, number: str | None) -> Changes:
    """Gives the client another number. The change names it `document`, in the clear: seal it."""
    old = opened(vault, client)
    if old == number:
        return Changes()
    for column, value in sealed(vault, client.organization_id, client.id, number).items():
        setattr(client, column, value)
    return Changes(document=Change(old, number))
