"""What can go wrong with joining clients and separating them again."""

from chassis.web.errors import Conflict, InvalidInput, NotFound


class MergeNotFound(NotFound):
    """No such merge in the actor's organization."""

    code = "CLIENT_MERGE_NOT_FOUND"
    message = "União não encontrada. Confira o identificador."


class KindsDiffer(Conflict):
    """A person cannot go into a company, nor the other way round."""

    code = "CLIENT_KINDS_DIFFER"
    message = "Uma pessoa e uma empresa não podem ser unidas. Corrija o tipo de uma delas antes."


class MergeAlreadyUndone(Conflict):
    """The two are two again."""

    code = "CLIENT_MERGE_UNDONE"
    message = "Esta união já foi desfeita."


class MergeTooOld(Conflict):
    """The time in which it could be undone is over."""

    code = "CLIENT_MERGE_TOO_OLD"
    message = "Esta união só podia ser desfeita até {reversible_until}."


class MergeSealed(Conflict):
    """The client's data was erased, and with it what there was before."""

    code = "CLIENT_MERGE_SEALED"
    message = "Os dados anteriores à união foram eliminados. Ela não pode mais ser desfeita."


class SurvivorMerged(Conflict):
    """The surviving client went into another one since: that comes first."""

    code = "CLIENT_SURVIVOR_MERGED"
    message = "O cliente foi unido depois ao cliente {merged_into_id}. Desfaça antes essa união."


class UndoConflicts(Conflict):
    """Fields were changed since. Say for each whether to restore or to keep it."""

    code = "CLIENT_MERGE_UNDO_CONFLICTS"
    message = "Há campos alterados depois da união. Escolha para cada um: restaurar ou manter."


def with_itself() -> InvalidInput:
    """A client and the same client."""
    return InvalidInput.on("body.other_id", "Escolha dois clientes diferentes.")
