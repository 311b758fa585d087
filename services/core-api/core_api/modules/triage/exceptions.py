"""What can go wrong with a proposal."""

from chassis.web.errors import Conflict, NotFound


class TriageNotFound(NotFound):
    """The assistant has proposed nothing for the ticket, or it was erased."""

    code = "TRIAGE_NOT_FOUND"
    message = "Não há sugestão da assistente para este chamado."


class TriageSettled(Conflict):
    """Somebody has decided it already."""

    code = "TRIAGE_SETTLED"
    message = "Esta sugestão já foi decidida. Atualize os dados."


class NotProposed(Conflict):
    """The proposal says nothing about that."""

    code = "TRIAGE_FIELD_NOT_PROPOSED"
    message = "A sugestão não traz este campo: {field}."
