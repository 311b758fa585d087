"""What can go wrong with budgets and with using them up."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from ai_svc.modules.usage.days import BRASILIA
from chassis.web.errors import Conflict, DomainError, NotFound, TooManyRequests


class BudgetExceeded(TooManyRequests):
    """The organization's or the user's budget has no room for the call until it is renewed."""

    code: ClassVar[str] = "BUDGET_EXCEEDED"
    message = (
        "O limite de {limit} já não comporta este pedido. "
        "Ele é renovado em {renewed_at} (horário de Brasília)."
    )

    def __init__(self, *, limit: str, free_at: datetime) -> None:
        """`limit`, e.g. `200.000 tokens por dia da organização`."""
        moment = free_at.astimezone(BRASILIA).strftime("%d/%m/%Y às %H:%M")
        DomainError.__init__(self, limit=limit, renewed_at=moment)
        self.free_at = free_at
        self.retry_after = max(free_at - datetime.now(UTC), timedelta(seconds=1))


class BudgetNotFound(NotFound):
    """No such budget in the caller's organization."""

    code = "BUDGET_NOT_FOUND"
    message = "Orçamento não encontrado. Confira o identificador."


class BudgetTaken(Conflict):
    """Everybody has one budget at most."""

    code = "BUDGET_TAKEN"
    message = "Já existe um orçamento para este destinatário. Altere o que existe."
