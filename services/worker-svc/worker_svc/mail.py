"""One mail to one mail server: building it so that nothing in it can be taken for a header, sending
it, and saying in plain words why it did not go out."""

import asyncio
import contextlib
import ssl
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from typing import Final
from uuid import UUID

import aiosmtplib
import structlog

from worker_svc.settings import SmtpSecurity, SmtpSettings

_log = structlog.get_logger(__name__)

_LONGEST: Final = 200
_PARTING_SECONDS: Final = 2.0
_KEPT: Final = frozenset("\n\t")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent. Its id makes the `Message-ID`: a repeated attempt is recognised by it."""

    id: UUID
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    sender_name: str
    reply_to: str | None


class NotSent(Exception):
    """The mail did not go out; `message` is for people, in Brazilian Portuguese.

    What the server said is not in it: that may repeat the address.
    """

    def __init__(self, code: str, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retry = retry


class Postman:
    """Hands mails to the configured server, each on a connection of its own. To be closed."""

    def __init__(self, settings: SmtpSettings, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: whom to believe; by default the authorities of the system."""
        if settings.host is None or settings.sender is None:
            raise ValueError("no mail server is configured")
        self._settings = settings
        self._host, self._from = settings.host, settings.sender
        self._tls = tls
        self._parting: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Waits until the last connections have ended, which takes two seconds at the most."""
        await asyncio.gather(*self._parting, return_exceptions=True)

    def message_id(self, delivery_id: UUID) -> str:
        """The same for every attempt (RFC 5322, 3.6.4)."""
        return f"<{delivery_id}@{self._from.rpartition('@')[2]}>"

    async def send(self, letter: Letter) -> str:
        """The `Message-ID` of what the server took over, as soon as it says so. NotSent."""
        message, server = self._composed(letter), self._server()
        try:
            async with asyncio.timeout(self._settings.timeout.total_seconds()):
                await server.connect()
                await server.send_message(message, sender=self._from, recipients=[letter.to])
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            server.close()
            refusal = _understood(error)
            # Neither the address nor the server's words: those repeat it.
            _log.warning(
                "mail_not_sent",
                delivery_id=str(letter.id),
                code=refusal.code,
                error=type(error).__name__,
                status=_status(error),
            )
            raise refusal from None
        except BaseException:
            server.close()
            raise
        self._leave(server)
        return self.message_id(letter.id)

    def _leave(self, server: aiosmtplib.SMTP) -> None:
        """It has the mail: nobody waits for what it still says, and nothing that happens to the
        caller from here on makes the mail one that was not sent."""
        parting = asyncio.create_task(_part(server))
        self._parting.add(parting)
        parting.add_done_callback(self._parting.discard)

    def _server(self) -> aiosmtplib.SMTP:
        given = self._settings
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=given.port,
            username=given.username,
            password=None if given.password is None else given.password.get_secret_value(),
            local_hostname=self._from.rpartition("@")[2],
            timeout=given.timeout.total_seconds(),
            use_tls=given.security is SmtpSecurity.TLS,
            start_tls=given.security is SmtpSecurity.STARTTLS,
            tls_context=self._tls if given.security is not SmtpSecurity.NONE else None,
        )

    def _composed(self, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=WIRE)
        message["From"] = Address(_one_line(letter.sender_name), addr_spec=self._from)
        try:
            message["To"] = Address(addr_spec=letter.to)
            if letter.reply_to is not None:
                message["Reply-To"] = Address(addr_spec=letter.reply_to)
        except (ValueError, IndexError, MessageError) as error:
            raise _BAD_ADDRESS from error
        message["Subject"] = _one_line(letter.subject)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = self.message_id(letter.id)
        # Nobody's holiday notice is to be answered to (RFC 3834, 5).
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = "pt-BR"
        message.set_content(_printable(letter.text), cte="quoted-printable")
        return message


_BAD_ADDRESS: Final = NotSent(
    "BAD_ADDRESS", "O endereço de e-mail cadastrado não pode ser usado. Corrija-o.", retry=False
)


async def _part(server: aiosmtplib.SMTP) -> None:
    try:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await server.quit(timeout=_PARTING_SECONDS)
    finally:
        server.close()


def _understood(error: Exception) -> NotSent:
    """What a server or the way to it did, in words that help."""
    status = _status(error)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return NotSent(
            "MAIL_SERVER_LOGIN",
            "O servidor de e-mail não aceitou o acesso do sistema. Avise quem o administra.",
            retry=True,
        )
    if isinstance(error, aiosmtplib.SMTPSenderRefused) and not _for_now(status):
        return NotSent(
            "SENDER_REFUSED",
            "O servidor de e-mail não aceita o remetente configurado. Avise quem o administra.",
            retry=False,
        )
    if status is not None and not isinstance(error, aiosmtplib.SMTPConnectError):
        return _answered(error, status)
    if isinstance(error, ValueError) and not isinstance(error, ssl.SSLError):
        return _BAD_ADDRESS
    if isinstance(error, ssl.SSLError | aiosmtplib.SMTPNotSupported) or _is_untrusted(error):
        return NotSent(
            "MAIL_SERVER_UNTRUSTED",
            "A conexão cifrada com o servidor de e-mail falhou. Avise quem o administra.",
            retry=True,
        )
    return NotSent(
        "MAIL_SERVER_UNREACHABLE",
        "O servidor de e-mail não respondeu. Uma nova tentativa será feita.",
        retry=True,
    )


def _answered(error: Exception, status: int) -> NotSent:
    if _for_now(status):
        return NotSent(
            "MAIL_SERVER_BUSY",
            "O servidor de e-mail pediu para tentar mais tarde. Uma nova tentativa será feita.",
            retry=True,
        )
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return NotSent(
            "ADDRESS_REFUSED",
            "O servidor de e-mail recusou o endereço do destinatário. Confira o cadastro.",
            retry=False,
        )
    return NotSent("MAIL_REFUSED", "O servidor de e-mail recusou a mensagem.", retry=False)


def _status(error: Exception) -> int | None:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return error.recipients[0].code
    return error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None


def _for_now(status: int | None) -> bool:
    return status is not None and not 500 <= status < 600


def _is_untrusted(error: Exception) -> bool:
    # The library's own error: the server does not offer STARTTLS.
    return isinstance(error.__cause__, ssl.SSLError) or type(error) is aiosmtplib.SMTPException


def _one_line(text: str) -> str:
    """For a header: no line breaks, nothing invisible, not endless."""
    plain = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    return " ".join(plain.split())[:_LONGEST]


def _printable(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in lines if char in _KEPT or unicodedata.category(char)[0] != "C")
