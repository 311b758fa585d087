"""What can go wrong with a proposal."""

from chassis.web.errors import Conflict, Gone, NotFound


class ProposalNotFound(NotFound):
    """No such proposal to the caller: absent, or shown to somebody else."""

    code = "PROPOSAL_NOT_FOUND"
    message = "Proposta não encontrada. Confira o identificador."


class ProposalExpired(Gone):
    """Nobody decided in time."""

    code = "PROPOSAL_EXPIRED"
    message = "A proposta venceu sem ser confirmada. Peça de novo à assistente."


class ProposalDeclined(Conflict):
    """It was declined before."""

    code = "PROPOSAL_DECLINED"
    message = "A proposta já foi recusada. Peça de novo à assistente se mudou de ideia."


class ProposalSettled(Conflict):
    """It is being executed, or was: it cannot be declined any more."""

    code = "PROPOSAL_SETTLED"
    message = "A proposta já foi confirmada e não pode mais ser recusada."


class ProposalBusy(Conflict):
    """It is being executed this very moment."""

    code = "PROPOSAL_BUSY"
    message = "A proposta está sendo executada agora. Aguarde alguns segundos e consulte de novo."
