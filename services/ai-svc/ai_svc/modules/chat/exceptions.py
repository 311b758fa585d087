"""What can go wrong with a conversation."""

from typing import Final

from chassis.web.errors import Conflict, Forbidden, NotFound, Unavailable

RUNNING: Final = "uq_conversation_messages_running"
"""The constraint behind ConversationBusy."""


class ConversationNotFound(NotFound):
    """No such conversation in the caller's organization, or somebody else's private one."""

    code = "CONVERSATION_NOT_FOUND"
    message = "Conversa não encontrada. Confira o identificador."


class MessageNotFound(NotFound):
    """No such message in the conversation."""

    code = "CONVERSATION_MESSAGE_NOT_FOUND"
    message = "Mensagem não encontrada nesta conversa. Confira o identificador."


class ConversationReadOnly(Forbidden):
    """Shared with the caller, who may read it; only its owner writes."""

    code = "CONVERSATION_READ_ONLY"
    message = "Esta conversa foi compartilhada para leitura. Só quem a criou pode alterá-la."


class ConversationBusy(Conflict):
    """An answer is being written in it."""

    code = "CONVERSATION_BUSY"
    message = (
        "A assistente ainda está respondendo nesta conversa. Aguarde o fim da resposta ou "
        "interrompa-a."
    )


class ConversationFull(Conflict):
    """It has as many messages as one may have."""

    code = "CONVERSATION_FULL"
    message = "Esta conversa chegou ao limite de {limit} mensagens. Comece outra."


class NotAnAnswer(Conflict):
    """What was asked for is possible with a finished answer of the assistant only."""

    code = "CONVERSATION_MESSAGE_NOT_AN_ANSWER"
    message = "Só é possível fazer isso com uma resposta concluída da assistente."


class TooManyRuns(Unavailable):
    """This process writes as many answers as it can."""

    code = "CHAT_OVERLOADED"
    message = "Há respostas demais em andamento. Tente de novo em instantes."
