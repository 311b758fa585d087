"""What can go wrong with an answer that was given."""

from chassis.web.errors import Conflict, NotFound


class AnswerNotFound(NotFound):
    """No such answer in the caller's organization, or somebody else's."""

    code = "ANSWER_NOT_FOUND"
    message = "Resposta não encontrada. Confira o identificador."


class AlreadyCurated(Conflict):
    """A curated answer was made of it before."""

    code = "ANSWER_ALREADY_CURATED"
    message = "Esta pergunta já tem uma resposta curada. Edite o documento que foi criado."


class NothingToCurate(Conflict):
    """Neither the request nor a person's feedback says what the right answer is."""

    code = "ANSWER_NOT_CORRECTED"
    message = "Ninguém corrigiu esta resposta ainda. Envie o texto certo no campo answer."


class AboutAClient(Conflict):
    """The question was about one client: an answer for everybody would hold personal data."""

    code = "ANSWER_ABOUT_A_CLIENT"
    message = (
        "A pergunta trata de um cliente e não pode virar resposta para todos. "
        "Envie um documento do próprio cliente."
    )


class SourcesNotForAll(Conflict):
    """What the answer quotes is not for everybody: neither can its words be."""

    code = "ANSWER_SOURCES_RESTRICTED"
    message = (
        "A resposta cita documentos de acesso restrito. "
        "Envie o texto certo como documento, com as permissões que ele deve ter."
    )
