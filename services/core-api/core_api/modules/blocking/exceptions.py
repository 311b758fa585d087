"""What can go wrong with blocks."""

from chassis.web.errors import Conflict, NotFound


class BlockNotFound(NotFound):
    """No such block in the actor's organization."""

    code = "PROCESSING_BLOCK_NOT_FOUND"
    message = "Bloqueio não encontrado. Confira o identificador."


class BlockStands(Conflict):
    """The same is blocked already."""

    code = "PROCESSING_BLOCK_STANDS"
    message = "Já existe um bloqueio em vigor para este cliente e esta finalidade."


class BlockLifted(Conflict):
    """Somebody lifted it before."""

    code = "PROCESSING_BLOCK_LIFTED"
    message = "Este bloqueio já foi retirado."


class OppositionNeedsOtherBasis(Conflict):
    """One opposes what is done without consent; consent is revoked (LGPD Art. 18 § 2)."""

    code = "OPPOSITION_NEEDS_OTHER_BASIS"
    message = "Esta finalidade se apoia em consentimento: registre a revogação em vez da oposição."
