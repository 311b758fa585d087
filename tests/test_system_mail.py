"""A message to a data subject goes out: through the gateway, the queue, the worker, over SMTP."""

from typing import Any
from uuid import uuid4

import pytest
from mail_server import MailServer
from planted_person import made, seen
from system_stack import Stack, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

NAME = "Otacília Bragança"
BODY = "O seu pedido foi recebido e será respondido em quinze dias."


async def test_a_message_reaches_the_mail_server(stack: Stack, mailbox: MailServer) -> None:
    address = f"otacilia.{uuid4().hex[:8]}@example.com"
    async with await stack.client("ana") as ana, await stack.client("davi") as davi:
        client = await made(ana, "/clients", {"name": NAME, "email": address})
        asked = {"client_id": client["id"], "type": "access", "channel": "email"}
        path = f"/privacy-requests/{(await made(davi, '/privacy-requests', asked))['id']}/messages"
        message = await made(davi, path, {"channel": "email", "body": BODY})

        async def sent() -> Any:
            (found,) = await seen(davi, path)
            return found["mail"] if found["delivery"] == "sent" else None

        proof = await eventually(sent, seconds=30)

    (mail,) = [each for each in mailbox.received if each.recipients == [address]]
    assert mail.message["Message-ID"] == proof["message_id"]
    assert proof["message_id"].startswith(f"<{message['mail']['id']}@")
    assert BODY in mail.text
    assert f"Olá, {NAME}." in mail.text
