"""One mail on the wire: who it is from, over which connection, and what a server may do to it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mail_server import MailServer, mail_server
from pydantic import ValidationError

from shared_schemas.ids import new_id
from worker_svc import mail
from worker_svc.mail import Letter, NotSent, Postman
from worker_svc.settings import SmtpSettings

FROM = "lgpd@assist.example.org"


def letter(**changes: str | None) -> Letter:
    given = {
        "to": "julia@example.com",
        "subject": "Seu pedido: exclusão",
        "text": "Olá, Júlia.\n.\nAté logo.",
        "sender_name": "Prefeitura de São José, Aurora",
        "reply_to": "encarregado@aurora.example",
    }
    return Letter(id=new_id(), **(given | changes))  # type: ignore[arg-type]  # strings all of them


def settings_for(server: MailServer, **given: object) -> SmtpSettings:
    usual = {"host": "127.0.0.1", "port": server.port, "sender": FROM, "security": "none"}
    return SmtpSettings.model_validate(usual | given)


async def send(
    server: MailServer, letter: Letter, tls: ssl.SSLContext | None = None, **given: object
) -> str:
    """By a postman of its own, who has gone home afterwards."""
    async with aclosing(Postman(settings_for(server, **given), tls)) as postman:
        return await postman.send(letter)


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


def servers_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def believing(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


async def test_a_mail_arrives_as_it_was_written(server: MailServer) -> None:
    given = letter()

    message_id = await send(server, given)

    (mail,) = server.received
    assert message_id == mail.message["Message-ID"] == f"<{given.id}@assist.example.org>"
    assert mail.message["From"].addresses[0].display_name == given.sender_name
    assert mail.message["From"].addresses[0].addr_spec == FROM
    assert mail.message["Subject"] == given.subject
    assert mail.message["Reply-To"] == given.reply_to
    assert mail.text == f"{given.text}\n"
    assert mail.raw.isascii()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x00", "\u2028", "\x85"])
async def test_nothing_written_becomes_a_header(server: MailServer, end: str) -> None:
    hostile = f"Aviso{end}Bcc: eve@example.com{end}{end}Corpo falso"

    await send(server, letter(subject=hostile, sender_name=hostile))

    (mail,) = server.received
    assert mail.message["Bcc"] is None
    assert mail.recipients == ["julia@example.com"]
    assert mail.message["Subject"] == "Aviso Bcc: eve@example.com Corpo falso"
    assert mail.text.startswith("Olá, Júlia.")


@pytest.mark.parametrize(
    "to",
    [
        "julia@example.com\r\nRCPT TO:<eve@example.com>",
        "julia@example.com, eve@example.com",
        "julia@example.com>",
        "sem arroba",
        "",
    ],
)
async def test_an_address_that_is_none_reaches_nobody(server: MailServer, to: str) -> None:
    with pytest.raises(NotSent) as refused:
        await send(server, letter(to=to))

    assert (refused.value.code, refused.value.retry) == ("BAD_ADDRESS", False)
    assert server.received == []


@pytest.mark.parametrize(("security", "from_the_start"), [("starttls", False), ("tls", True)])
async def test_it_goes_encrypted_and_logs_in_only_then(
    certificate: Path, security: str, from_the_start: bool
) -> None:
    async with mail_server(servers_side(certificate), from_the_start=from_the_start) as server:
        given = {"security": security, "username": "cogep", "password": "segredo"}
        await send(server, letter(), believing(certificate), **given)

        assert len(server.received) == len(server.logins) == 1


@pytest.mark.parametrize(("security", "from_the_start"), [("starttls", False), ("tls", True)])
async def test_a_server_nobody_vouches_for_gets_nothing(
    certificate: Path, security: str, from_the_start: bool
) -> None:
    async with mail_server(servers_side(certificate), from_the_start=from_the_start) as server:
        with pytest.raises(NotSent) as refused:
            await send(server, letter(), security=security, timeout=5)

        assert refused.value.retry
        assert refused.value.code == "MAIL_SERVER_UNTRUSTED"
        assert server.received == []


async def test_a_server_without_encryption_gets_nothing(server: MailServer) -> None:
    with pytest.raises(NotSent) as refused:
        await send(server, letter(), security="starttls")

    assert (refused.value.code, refused.value.retry) == ("MAIL_SERVER_UNTRUSTED", True)
    assert server.received == []


async def test_a_wrong_password_is_not_the_mails_fault(certificate: Path) -> None:
    async with mail_server(servers_side(certificate)) as server:
        server.says["AUTH"] = ["535 5.7.8 no"] * 5
        given = {"security": "starttls", "username": "cogep", "password": "errado"}
        with pytest.raises(NotSent) as refused:
            await send(server, letter(), believing(certificate), **given)

    assert (refused.value.code, refused.value.retry) == ("MAIL_SERVER_LOGIN", True)


async def test_a_server_that_hangs_up_once_it_has_the_mail_has_it(server: MailServer) -> None:
    server.drops_after = "DATA"

    await send(server, letter())

    assert len(server.received) == 1


async def test_nobody_waits_for_a_server_that_says_no_goodbye(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.hangs_at = "QUIT"
    monkeypatch.setattr(mail, "_PARTING_SECONDS", 3600.0)
    mails = Postman(settings_for(server))

    async with asyncio.timeout(10):
        await mails.send(letter())
    leaving = asyncio.create_task(mails.aclose())
    await asyncio.wait([leaving], timeout=0)
    assert not leaving.done()  # the connection is there until the end of the service

    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_the_way_to_a_slow_server_has_an_end(server: MailServer) -> None:
    server.hangs_at = "MAIL"

    with pytest.raises(NotSent) as refused:
        await send(server, letter(), timeout=0.1)

    assert (refused.value.code, refused.value.retry) == ("MAIL_SERVER_UNREACHABLE", True)


@pytest.mark.parametrize(
    ("given", "port"),
    [({}, 587), ({"security": "tls"}, 465), ({"security": "none"}, 25), ({"port": 2525}, 2525)],
)
def test_the_port_follows_from_the_security(given: dict[str, object], port: int) -> None:
    assert SmtpSettings.model_validate(given).port == port


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"host": "mail"}, "SMTP_FROM"),
        ({"host": "mail", "sender": "a@b.example\r\nx: y"}, "SMTP_FROM"),
        ({"host": "mail", "sender": FROM, "username": "x"}, "SMTP_PASSWORD"),
        (
            {
                "host": "mail",
                "sender": FROM,
                "security": "none",
                "username": "x",
                "password": "segredo-de-teste",
            },
            "without encryption",
        ),
    ],
)
def test_half_a_configuration_is_refused_without_its_secret(
    given: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint) as refused:
        SmtpSettings.model_validate(given)

    assert all("segredo" not in each["msg"] for each in refused.value.errors())
