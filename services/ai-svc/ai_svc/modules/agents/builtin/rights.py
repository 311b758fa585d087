"""The rights of a data subject, in plain words: said of the law, where no document says it."""

import re
from typing import Final

from knowledge.lexical import fold

_TO: Final = r"\w* .{0,25}"
# The kinds of request, in the words people use; the first that fits. Patterns are folded.
_KINDS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            "consent_consequences",
            r"consequencia|se eu nao (?:der|consentir)|recus\w+ .{0,20}consent",
        ),
        (
            "revocation",
            r"revog|(?:retir|cancel|remov|tir)\w* .{0,25}(?:consent|autoriza)|nao autorizo mais",
        ),
        ("portability", r"portabil|levar (?:os |meus )?dados|transferir .{0,20}dados"),
        ("anonymization", r"anonim"),
        ("blocking", r"bloque|suspend\w+ .{0,20}(?:uso|tratamento)|esconder"),
        (
            "erasure",
            r"elimin|exclu|exlu|apag|esquec|delet|remov|sumir|tirem|tirar .{0,15}(?:base|cadastro)",
        ),
        ("correction", r"corr[ei]|retific|atualiz\w+ .{0,20}dados"),
        ("opposition", r"opo(?:r|nho|sicao|sto)|(?:parem|parar|pare) de"),
        ("sharing", r"compartilh|terceir|com quem|repass|vend\w+ .{0,20}dados|parceir"),
        ("confirmation", r"confirm\w+|existencia de tratamento"),
        ("access", r"acess|copia|declaracao|quais dados|que dados|tudo (?:o )?que"),
    )
)
EXPLAINED: Final = {
    "access": (
        "O titular pode pedir acesso aos seus dados: a resposta simplificada sai na hora e a "
        "declaração completa, em até 15 dias (LGPD, arts. 18, II, e 19)."
    ),
    "confirmation": (
        "O titular pode pedir a confirmação de que os seus dados são tratados (LGPD, art. 18, I)."
    ),
    "correction": (
        "O titular pode pedir a correção de dados incompletos, inexatos ou desatualizados (LGPD, "
        "art. 18, III)."
    ),
    "anonymization": (
        "O titular pode pedir a anonimização de dados desnecessários, excessivos ou tratados em "
        "desacordo com a lei (LGPD, art. 18, IV)."
    ),
    "blocking": (
        "O titular pode pedir o bloqueio de dados desnecessários, excessivos ou tratados em "
        "desacordo com a lei (LGPD, art. 18, IV)."
    ),
    "erasure": (
        "O titular pode pedir a eliminação dos seus dados; fica só o que a lei manda ou permite "
        "guardar (LGPD, arts. 16 e 18, IV e VI)."
    ),
    "portability": (
        "O titular pode pedir a portabilidade dos seus dados a outro fornecedor (LGPD, art. 18, V)."
    ),
    "sharing": (
        "O titular pode saber com quem os seus dados foram compartilhados (LGPD, art. 18, VII)."
    ),
    "consent_consequences": (
        "O titular pode saber que é possível não consentir e o que acontece então (LGPD, art. 18, "
        "VIII)."
    ),
    "revocation": (
        "O titular pode revogar o consentimento a qualquer momento, de graça e com a mesma "
        "facilidade com que o deu (LGPD, arts. 8º, § 5º, e 18, IX)."
    ),
    "opposition": (
        "O titular pode opor-se a um tratamento feito sem consentimento, se a lei não for cumprida "
        "(LGPD, art. 18, § 2º)."
    ),
}
"""Working digest of the law; see the notice in the prompt: it informs, it is no legal advice."""
ALL: Final = (
    "A LGPD (art. 18) garante ao titular: confirmação do tratamento, acesso, correção, "
    "anonimização, bloqueio ou eliminação, portabilidade, informação sobre compartilhamento, "
    "informação sobre não consentir, revogação do consentimento e oposição."
)
FREE: Final = "O pedido é gratuito e não precisa de motivo."
OWN: Final = frozenset({*EXPLAINED.values(), ALL, FREE})
_ABOUT_RIGHTS: Final = re.compile(r"direito|lgpd|lgdp|titular|lei geral")


def kind_of(text: str) -> str | None:
    """Which right a message is about."""
    folded = fold(text)
    return next((kind for kind, pattern in _KINDS if pattern.search(folded)), None)


def explanation(text: str) -> str | None:
    """What the law says about it, or None."""
    kind = kind_of(text)
    if kind is not None:
        return f"{EXPLAINED[kind]} {FREE}"
    return f"{ALL} {FREE}" if _ABOUT_RIGHTS.search(fold(text)) else None
