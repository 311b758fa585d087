"""What people call what tickets hold, within a sentence."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core_api.modules.tickets.moves import Move, TicketStatus

STATUS_NAMES: Final[Mapping[TicketStatus, str]] = MappingProxyType(
    {
        TicketStatus.NEW: "novo",
        TicketStatus.OPEN: "aberto",
        TicketStatus.PENDING: "pendente",
        TicketStatus.ON_HOLD: "em espera",
        TicketStatus.RESOLVED: "resolvido",
        TicketStatus.CLOSED: "fechado",
    }
)
MOVE_NAMES: Final[Mapping[Move, str]] = MappingProxyType(
    {
        Move.ASSIGN: "atribuir",
        Move.UNASSIGN: "deixar sem responsável",
        Move.PEND: "aguardar o cliente",
        Move.HOLD: "pôr em espera",
        Move.RESOLVE: "resolver",
        Move.CLOSE: "fechar",
        Move.REOPEN: "reabrir",
        Move.REPLY: "responder",
        Move.DRAFT: "guardar rascunho",
        Move.NOTE: "anotar",
        Move.CLIENT_MESSAGE: "registrar mensagem do cliente",
        Move.MERGE: "mesclar em outro chamado",
        Move.ABSORB: "receber outro chamado",
        Move.SPLIT: "dividir",
    }
)
