"""What can go wrong with incidents."""

from chassis.web.errors import Conflict, InvalidInput, NotFound


class IncidentNotFound(NotFound):
    """No such incident in the actor's organization."""

    code = "INCIDENT_NOT_FOUND"
    message = "Incidente não encontrado. Confira o identificador."


class IncidentClosed(Conflict):
    """Nothing of it changes any more."""

    code = "INCIDENT_CLOSED"
    message = "Este incidente está encerrado e não muda mais."


class IncidentNotDone(Conflict):
    """It has not been assessed, or notices are still to be given."""

    code = "INCIDENT_NOT_DONE"
    message = "Ainda não é possível encerrar: {open}."


class IncidentNoticeNotFound(NotFound):
    """No such notice of this incident."""

    code = "INCIDENT_NOTICE_NOT_FOUND"
    message = "Comunicação do incidente não encontrada. Confira o identificador."


class NoticeIncomplete(Conflict):
    """The resolution asks for more than is known."""

    code = "INCIDENT_NOTICE_INCOMPLETE"
    message = "A comunicação ainda não tem todo o conteúdo exigido: {missing}."


class NoticeNotNeeded(Conflict):
    """It was assessed as not relevant; who sees it otherwise assesses it again."""

    code = "INCIDENT_NOTICE_NOT_NEEDED"
    message = "Este incidente foi avaliado como sem risco relevante. Reavalie-o antes de comunicar."


class DelayUnexplained(InvalidInput):
    """A notice after its time says why (Res. CD/ANPD 15/2024, art. 6 § 2 V, art. 9 IV)."""

    code = "INCIDENT_DELAY_UNEXPLAINED"
    message = "O prazo já passou: registre antes os motivos da demora."


class NoticeMisdirected(InvalidInput):
    """No such notice to this audience, or not by this way."""

    code = "INCIDENT_NOTICE_MISDIRECTED"
    message = "Este tipo de comunicação não cabe a este destinatário ou meio."
