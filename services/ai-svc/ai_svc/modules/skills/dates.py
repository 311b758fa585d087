"""What day it is, in Brasília."""

from typing import Final
from zoneinfo import ZoneInfo

from ai_svc.modules.skills.skill import Arguments, Skill, SkillContext, SkillResult
from chassis.data.columns import utc_now

BRASILIA: Final = ZoneInfo("America/Sao_Paulo")
_WEEKDAYS: Final = (
    "segunda-feira",
    "terça-feira",
    "quarta-feira",
    "quinta-feira",
    "sexta-feira",
    "sábado",
    "domingo",
)


class CurrentDateArguments(Arguments):
    """Nothing is asked."""


async def current_date(_: SkillContext, __: CurrentDateArguments) -> SkillResult:
    """Date, time and weekday."""
    now = utc_now().astimezone(BRASILIA)
    weekday = _WEEKDAYS[now.weekday()]
    return SkillResult(
        ok=True,
        data={
            "date": now.date().isoformat(),
            "time": f"{now:%H:%M}",
            "weekday": weekday,
            "time_zone": BRASILIA.key,
        },
        told=f"Agora em Brasília: {weekday}, {now:%d/%m/%Y}, {now:%H:%M}.",
    )


CURRENT_DATE: Final = Skill(
    name="current_date",
    label="Vendo a data",
    description="Diz a data, a hora e o dia da semana de agora, no horário de Brasília.",
    arguments=CurrentDateArguments,
    permissions=frozenset(),
    run=current_date,
)
