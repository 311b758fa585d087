"""What the assistant says of itself, in fixed words: nothing of it needs a source."""

from typing import Final

from ai_svc.modules.rag import answering

NOT_FOUND: Final = answering.NOT_FOUND
KEPT_HERE: Final = answering.KEPT_HERE
HELLO: Final = (
    "Olá! Respondo perguntas com base nos documentos da organização, consulto chamados e clientes, "
    "e explico os direitos da LGPD. Como posso ajudar?"
)
WELCOME: Final = "De nada! Se precisar de mais alguma coisa, é só perguntar."
PROPOSED: Final = "Preparei a proposta abaixo: nada muda até que você a confirme."
NOTED: Final = (
    "Vou me lembrar disso. Se for sobre um cliente, só enquanto os dados dele puderem ser usados. "
    "O que lembro está em suas memórias, onde você vê, corrige e apaga."
)
WHICH_TICKET: Final = "De qual chamado se trata? Diga o número dele."
WHICH_CLIENT: Final = "De qual cliente se trata? Diga o nome, o e-mail, o telefone ou o documento."
WHICH_OF_THEM: Final = "Encontrei mais de um cliente; diga qual deles:"
WHAT_FOR: Final = "Sobre o que é o chamado? Descreva o problema em uma ou duas frases."
NO_TICKETS: Final = "Não encontrei chamados assim."
NO_CLIENTS: Final = "Não encontrei nenhum cliente assim no cadastro."
TICKETS: Final = "Chamados encontrados:"
CLIENTS: Final = "Clientes encontrados:"
SAID_LAST: Final = "Últimas mensagens:"
DECISIONS: Final = "Decisões do cliente sobre o uso dos dados:"
NO_DECISIONS: Final = "Não há decisão de consentimento registrada para este cliente."
FROM_DOCUMENTS: Final = "Nos documentos da organização:"
CANNOT: Final = "Não consegui fazer isso agora."
FORBIDDEN: Final = "Você não tem permissão para isto."
DRAFTED: Final = "Este é o texto proposto:"
TRIAGE_BY_PERSON: Final = (
    "Diga a prioridade, a categoria ou a equipe que o chamado deve ter e eu preparo a proposta."
)
TOO_LONG: Final = "A resposta passou do tempo ou do tamanho permitido e foi interrompida aqui."
WRITTEN_BY_PERSON: Final = (
    "Não achei nos documentos um texto que sirva de resposta; escreva o que deve ser dito e eu "
    "preparo o rascunho."
)

OWN: Final = frozenset(
    value for name, value in dict(globals()).items() if name.isupper() and isinstance(value, str)
)
