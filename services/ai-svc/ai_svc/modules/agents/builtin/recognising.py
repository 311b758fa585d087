"""What a message names: numbers of tickets, people, documents of identity, addresses, wishes."""

import re
from typing import Final

from knowledge.lexical import fold

TICKET_WORDS: Final = (
    r"(?:chama?dos?|tic?kets?|tikets?|atendime?n?tos?|protocolos?|ocorr[eê]ncias?"
    r"|solicita[cç](?:[aã]o|[oõ]es)|demandas?|casos?|os)"
)
_GAP: Final = r"\s{0,3}"  # bounded: two that meet would share out a long one in every way
_TICKET: Final = re.compile(
    rf"(?:#{_GAP}|\b{TICKET_WORDS}{_GAP}(?:de{_GAP})?(?:n[ºo°.]{{0,2}}{_GAP}|n[uú]mero{_GAP}"
    rf"|num\.?{_GAP})?#?{_GAP})"
    r"(\d{1,9})\b(?![./-]\d)",
    re.IGNORECASE,
)
_PERSON_ID: Final = re.compile(r"(?<!\d)\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?!\d)")
_COMPANY_ID: Final = re.compile(r"\b[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/?[0-9A-Z]{4}-?\d{2}\b")
_MAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE: Final = re.compile(r"(?<!\d)\(?\d{2}\)?[\s.-]?9?\d{4}[\s.-]?\d{4}(?!\d)")
_CODE: Final = re.compile(r"\b[A-Z]{1,4}-\d{1,8}\b")
_WORD: Final = re.compile(r"[^\W_][\w'’.-]*")
_JOINS: Final = frozenset({"da", "de", "do", "das", "dos", "e", "&"})
_BACK: Final = re.compile(
    r"\b(?:el[ea]s?|del[ea]s?|ess[ea]s?|dess[ea]s?|ness[ea]s?|est[ea]s?|dest[ea]s?|isso|disso|mesm[oa]"
    r"|aquel[ea])\b",
    re.IGNORECASE,
)
# Words of a request about somebody that are nobody's name; folded.
_REQUEST: Final = """
a aberto abertos abra abre abrir acesso acha achar ache acho ai algem alguem algum alguma altere
amanha anonimizacao anonimize anotar anote ao aos apague apresente aquela aquele aqui aquilo
arruma as atendimento atendimentos atualize autorizacao autorizou avise bairro base bloqueie busca
buscar busque cadastrada cadastradas cadastrado cadastrados cadastro categoria celular chama
chamada chamado chamados chamo cidade classifique cliente clientes cnpj codigo com como completa
completo confira confirme consentimento consentiu consta consulta consulte consumidor contato
contatos conte correcao corrija cpf crie da dado dados dar das data de deixe dela dele desde dia
diga direito direitos dizer do documento domingo dona dono dos duplicidade e ela elabore elas ele
eles eliminacao em email empresa empresas encaminhe encontra encontre encontrem endereco equipe
escreva essa esse esta estado estao este etiqueta etiquetas eu exclua exclusao exiba existe
existem explique externo faca fale favor faz fazer feita feito ficha fila foi fone gere gostaria
ha hoje id identifique informacoes informe informem isso ja joga la lgpd liga ligou listar liste
localiza localize mail manda mandar marketing marque me meu meus mim minha monte mora mostra
mostre mude na nas nascimento no nome nos nossa nosso novo numero o obrigada obrigado oi ola onde
ontem os ou para passa peca pedido perfil pesquisa pesquise pessoa pf pfv pode podemos poderia por
porque portabilidade posso pra precisamos preciso prepare prioridade procura procurar procure puxa
quais qual quando quantas quanto quantos quarta que quem queria quero quinta rascunho razao redija
registre registro relacao responda resposta resuma resumo revogue sabado saber se segunda sem
senhor senhora seu seus sexta sistema so sobre sobrenome social solicitacao solicite solicito sr
sra sua sugira telefone telefones tem temos terca ticket tickets time titular todas todos traga
transfira triagem um uma urgente urgentes usa vamos veja ver verifique verifiquem vigente voce vou
whatsapp zap
"""
_NOT_A_NAME: Final = frozenset(_REQUEST.split())
_OFTEN: Final = 5
"""Words of a name, at most."""


def ticket_number(text: str) -> int | None:
    """The number of the ticket it names first."""
    found = _TICKET.search(text)
    return int(found.group(1)) if found else None


def refers_back(text: str) -> bool:
    """It speaks of what was spoken of before: "dela", "esse chamado"."""
    return _BACK.search(text) is not None


def person_named(text: str) -> str | None:
    """What a client may be found by: an exact identifier, else the most likely name."""
    for pattern in (_MAIL, _PERSON_ID, _COMPANY_ID, _PHONE, _CODE):
        if found := pattern.search(text):
            return found.group().strip()
    return _capitalised(text) or None


def lower_case_name(text: str) -> str | None:
    """Who writes without capitals: what is left when the words of the request are taken away."""
    left = [word for word in _WORD.findall(text) if _may_be_name(word)]
    return " ".join(left[:_OFTEN]) or None if len(left) <= _OFTEN else None


def content_words(text: str) -> int:
    """How many words say something."""
    return sum(_may_be_name(word) for word in _WORD.findall(text))


def _capitalised(text: str) -> str:
    """The longest run of words in capitals, joined by "da", "e" and the like. A sentence begins
    with a capital, whoever it speaks of: one word there is no name."""
    best: list[str] = []
    run: list[str] = []
    begins, run_begins = True, False
    for word in [*re.findall(r"[^\s,;:()\"“”]+", text), ""]:
        bare = word.strip(".'’!?")
        if bare[:1].isupper() and _may_be_name(bare):
            run_begins = run_begins if run else begins
            run.append(bare)
        elif run and fold(bare) in _JOINS:
            run.append(bare)
        else:
            best = _longer(best, _without_joins(run), least=2 if run_begins else 1)
            run = []
        begins = word.endswith((".", "!", "?"))
        if begins:
            best = _longer(best, _without_joins(run), least=2 if run_begins else 1)
            run = []
    return " ".join(best)


def _longer(best: list[str], run: list[str], *, least: int) -> list[str]:
    return run if len(run) >= least and len(run) > len(best) else best


def _without_joins(run: list[str]) -> list[str]:
    while run and fold(run[-1]) in _JOINS:
        run = run[:-1]
    return run


def _may_be_name(word: str) -> bool:
    bare = fold(word.strip(".'’-"))
    return len(bare) > 1 and not bare.isdigit() and bare not in _NOT_A_NAME
