"""Executing `correction`: the client's data becomes what the subject says it is (LGPD Art. 18 III).

Whoever holds a copy learns of it by `client.updated`, recipients by `privacy.data_corrected`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from chassis.web.errors import Conflict, InvalidInput
from chassis.web.validation_messages import details_of
from core_api.inputs import changes
from core_api.modules.clients.schemas import ClientUpdate
from core_api.modules.clients.service import ClientService
from core_api.modules.privacy.execution import PrivacyRequest, RequestType, Started
from core_api.modules.privacy.service import content_of
from shared_schemas.actor import Actor
from shared_schemas.events import PrivacyDataCorrected


class NothingToCorrect(Conflict):
    """The request says what is wrong in words only, or not at all."""

    code = "CORRECTION_WITHOUT_VALUES"
    message = "O pedido não diz os valores corretos. Registre-os antes de executar a correção."


class CorrectionExecutor:
    """Changes the client as a PATCH would; blocked data is corrected, too."""

    types = frozenset({RequestType.CORRECTION})

    async def start(self, session: AsyncSession, actor: Actor, request: PrivacyRequest) -> Started:
        """All in the caller's transaction. NothingToCorrect, InvalidInput, ClientNotFound."""
        content = await content_of(session, request)
        if not content.corrections:
            raise NothingToCorrect
        values = _checked(content.corrections)
        service = ClientService(session, actor)
        client = await service.clients.get_for_update(request.client_id)
        changed = await service.changed(client, values, corrects=True)
        await service.write_changes([(client, changed)])
        if changed:
            event = PrivacyDataCorrected.by(
                actor,
                client_id=client.id,
                privacy_request_id=request.id,
                changed=sorted(changed),
            )
            outbox.add(session, event)
        receipt = {"changed": sorted(changed), "client_version": client.version}
        return Started(done=True, receipt=receipt)


def _checked(corrections: Mapping[str, Any]) -> dict[str, Any]:
    """Held to the rules every change of a client is held to."""
    try:
        return changes(ClientUpdate.model_validate(dict(corrections)))
    except ValidationError as error:
        raise InvalidInput(details=details_of(error.errors(include_url=False))) from None
