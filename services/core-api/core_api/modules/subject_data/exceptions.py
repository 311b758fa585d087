"""What can go wrong with answers to data subjects and their files."""

from chassis.web.errors import Conflict, NotFound, Unauthenticated


class AnswerNotFound(NotFound):
    """Nothing was said to this request."""

    code = "SUBJECT_DATA_ANSWER_NOT_FOUND"
    message = "Este pedido ainda não tem resposta. Confira se ele já foi executado."


class AnswerGone(Conflict):
    """The client's key is gone: nobody can open the answer any more."""

    code = "SUBJECT_DATA_ANSWER_GONE"
    message = "Os dados desta pessoa foram excluídos, e a resposta com eles."


class NothingToMake(Conflict):
    """The answer is complete, or was stopped."""

    code = "SUBJECT_DATA_NOTHING_TO_MAKE"
    message = "Não há cópia a fazer: a resposta a este pedido já terminou."


class FileNotFound(NotFound):
    """No such file of this request, or its time is over."""

    code = "SUBJECT_DATA_FILE_NOT_FOUND"
    message = "Arquivo não encontrado ou vencido. Abra um novo pedido se ele ainda for necessário."


class DownloadLinkInvalid(Unauthenticated):
    """Forged, expired, used too often, of a file that is gone: all answered alike."""

    code = "SUBJECT_DATA_LINK_INVALID"
    message = "Este link venceu ou não é válido. Peça um novo link a quem atendeu você."
