"""The notices an incident asks for, as drafts in Portuguese, with what each resolution requires.

To the ANPD: Res. CD/ANPD 15/2024, art. 6 § 2; to the subjects: art. 9. What the register does not
say yet is named, not invented.
"""

from dataclasses import dataclass
from typing import Final

from core_api.modules.incidents.models import Audience, Breach, Incident, Sensitivity
from core_api.modules.incidents.schemas import Draft, DraftSection
from core_api.modules.officers.service import Responsible, officer_line
from core_api.privacy_wording import joined, moment

BREACHES: Final = {
    Breach.CONFIDENTIALITY: "perda de confidencialidade (acesso ou divulgação indevida)",
    Breach.INTEGRITY: "perda de integridade (alteração indevida)",
    Breach.AVAILABILITY: "perda de disponibilidade (perda de acesso ou destruição)",
    Breach.AUTHENTICITY: "perda de autenticidade",
}
_INVOLVES: Final = {
    Sensitivity.SENSITIVE: "dados pessoais sensíveis",
    Sensitivity.CHILDREN_OR_ELDERLY: "dados de crianças, de adolescentes ou de idosos",
    Sensitivity.FINANCIAL: "dados financeiros",
    Sensitivity.AUTHENTICATION: "dados de autenticação em sistemas",
    Sensitivity.SECRECY: "dados protegidos por sigilo legal, judicial ou profissional",
    Sensitivity.LARGE_SCALE: "dados em larga escala",
}
_UNSAID: Final = "[a informar]"
_ANPD_TITLE: Final = "Comunicação de incidente de segurança à ANPD"
_SUBJECTS_TITLE: Final = "Aviso sobre um incidente com seus dados pessoais"


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing that is required, and what the register says of it."""

    requirement: str
    title: str
    text: str
    optional: bool = False


def draft(audience: Audience, incident: Incident, responsible: Responsible, *, late: bool) -> Draft:
    """What there is to be said today; `late`: the reasons of the delay belong to it."""
    if audience is Audience.ANPD:
        title, items = _ANPD_TITLE, _to_anpd(incident, responsible, late=late)
    else:
        title, items = _SUBJECTS_TITLE, _to_subjects(incident, responsible, late=late)
    sections = [
        DraftSection(requirement=item.requirement, title=item.title, text=item.text or _UNSAID)
        for item in items
    ]
    return Draft(
        audience=audience,
        title=title,
        sections=sections,
        missing=[item.title for item in items if not item.text and not item.optional],
        text="\n\n".join([title, *(f"{section.title}\n{section.text}" for section in sections)]),
    )


def _to_anpd(incident: Incident, responsible: Responsible, *, late: bool) -> list[_Item]:
    of = "Art. 6º, § 2º, {}".format
    return [
        _Item(of("I"), "Natureza e categoria dos dados pessoais afetados", _data(incident)),
        _Item(of("II"), "Número de titulares afetados", _affected(incident)),
        _Item(
            of("III"),
            "Medidas técnicas e de segurança, antes e depois do incidente",
            _measures(incident, responsible),
        ),
        _Item(of("IV"), "Riscos e possíveis impactos aos titulares", incident.risks or ""),
        *_delay(of("V"), incident, late=late),
        _Item(
            of("VI"),
            "Medidas para reverter ou mitigar os efeitos",
            incident.mitigation or "",
        ),
        _Item(of("VII"), "Datas da ocorrência e do conhecimento", _dates(incident)),
        _Item(of("VIII"), "Encarregado ou representante do controlador", _officer(responsible)),
        _Item(of("IX"), "Identificação do controlador", _controller(responsible)),
        _Item(of("X"), "Identificação do operador", incident.operator or "Não se aplica"),
        _Item(of("XI"), "Descrição do incidente e causa raiz", _story(incident)),
        _Item(
            of("XII"),
            "Total de titulares das atividades de tratamento afetadas",
            _number(incident.subjects_in_activities),
        ),
    ]


def _to_subjects(incident: Incident, responsible: Responsible, *, late: bool) -> list[_Item]:
    of = "Art. 9º, {}".format
    return [
        _Item(of("caput"), "O que aconteceu", incident.description),
        _Item(of("I"), "Que dados seus foram afetados", _data(incident)),
        _Item(of("II"), "Como protegemos os dados", _measures(incident, responsible)),
        _Item(of("III"), "Que riscos isso pode trazer para você", incident.risks or ""),
        *_delay(of("IV"), incident, late=late),
        _Item(of("V"), "O que fizemos e vamos fazer", incident.mitigation or ""),
        _Item(of("VI"), "Quando soubemos", moment(incident.known_at)),
        _Item(of("VII"), "Com quem falar", responsible.contact),
    ]


def _delay(requirement: str, incident: Incident, *, late: bool) -> list[_Item]:
    if not late:
        return []
    return [_Item(requirement, "Motivos da demora", incident.delay_reason or "")]


def _data(incident: Incident) -> str:
    if not incident.data_categories:
        return ""
    breaches = joined([BREACHES[Breach(each)] for each in incident.breaches])
    parts = [f"Categorias: {joined(incident.data_categories)}.", f"Natureza: {breaches}."]
    if incident.involves:
        involved = joined([_INVOLVES[Sensitivity(each)] for each in incident.involves])
        parts.append(f"Envolve {involved}.")
    return " ".join(parts)


def _affected(incident: Incident) -> str:
    if incident.subjects_affected is None:
        return ""
    people = "titular" if incident.subjects_affected == 1 else "titulares"
    parts = [f"{incident.subjects_affected} {people}"]
    if incident.minors_affected is not None:
        parts.append(f"entre eles {incident.minors_affected} crianças ou adolescentes")
    if incident.elderly_affected is not None:
        parts.append(f"{incident.elderly_affected} idosos")
    who = f" ({joined(incident.subject_categories)})" if incident.subject_categories else ""
    return ", ".join(parts) + who + "."


def _measures(incident: Incident, responsible: Responsible) -> str:
    before = incident.measures_before
    if before is None and responsible.profile is not None:
        before = responsible.profile.security_measures
    if before is None or incident.measures_after is None:
        return ""
    return f"Antes: {before}\nDepois: {incident.measures_after}"


def _dates(incident: Incident) -> str:
    happened = moment(incident.occurred_at, unknown="não foi possível determinar")
    return f"Ocorrência: {happened}. Conhecimento: {moment(incident.known_at)}."


def _officer(responsible: Responsible) -> str:
    if responsible.officers:
        return "; ".join(officer_line(officer) for officer in responsible.officers)
    return responsible.contact


def _controller(responsible: Responsible) -> str:
    if not responsible.controller:
        return ""
    small = " Agente de tratamento de pequeno porte." if responsible.is_small_agent else ""
    return f"{responsible.controller}.{small}"


def _story(incident: Incident) -> str:
    cause = incident.root_cause or "ainda não identificada"
    return f"{incident.description}\nCausa raiz: {cause}."


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
