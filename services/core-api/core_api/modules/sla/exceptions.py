"""What can go wrong with calendars and policies."""

from chassis.web.errors import Conflict, InvalidInput, NotFound


class SlaCalendarNotFound(NotFound):
    """No such calendar in the actor's organization."""

    code = "SLA_CALENDAR_NOT_FOUND"
    message = "Calendário não encontrado. Confira o identificador."


class SlaPolicyNotFound(NotFound):
    """No such policy in the actor's organization."""

    code = "SLA_POLICY_NOT_FOUND"
    message = "Política de atendimento não encontrada. Confira o identificador."


class SlaCalendarNameTaken(Conflict):
    """Another calendar of the organization has this name."""

    code = "SLA_CALENDAR_NAME_TAKEN"
    message = "Já existe um calendário com este nome. Escolha outro."


class SlaPolicyNameTaken(Conflict):
    """Another policy of the organization has this name."""

    code = "SLA_POLICY_NAME_TAKEN"
    message = "Já existe uma política de atendimento com este nome. Escolha outro."


class SlaDefaultTaken(Conflict):
    """The organization has a default policy already; there is exactly one."""

    code = "SLA_DEFAULT_TAKEN"
    message = "Já existe uma política padrão. Altere a que existe ou retire dela a marca de padrão."


class SlaCalendarInUse(Conflict):
    """Policies count on this calendar."""

    code = "SLA_CALENDAR_IN_USE"
    message = (
        "O calendário é usado por uma política de atendimento. Troque o calendário dela antes."
    )


class SlaCalendarUnknown(InvalidInput):
    """A policy names a calendar that the organization does not have."""

    code = "SLA_CALENDAR_UNKNOWN"
    message = "Calendário não encontrado nesta organização. Escolha um da lista de calendários."


class SlaOrderIncomplete(InvalidInput):
    """The new order does not name every policy once; the default has no place in it."""

    code = "SLA_ORDER_INCOMPLETE"
    message = "Informe cada política exatamente uma vez, sem a política padrão."
