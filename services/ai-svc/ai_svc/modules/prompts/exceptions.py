"""What can go wrong with choosing prompts."""

from chassis.web.errors import Conflict, NotFound


class PromptNotFound(NotFound):
    """No such prompt, or no such version of it."""

    code = "PROMPT_NOT_FOUND"
    message = "Prompt ou versão não encontrados. Confira o identificador."


class NothingToRollBack(Conflict):
    """The alias is what it was at the beginning."""

    code = "PROMPT_NOTHING_TO_ROLL_BACK"
    message = "Não há escolha anterior a que voltar neste prompt."
