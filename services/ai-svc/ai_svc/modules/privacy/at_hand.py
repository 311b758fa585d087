"""After the rows: what was at hand of them in Redis, deleted and looked for again."""

from typing import Final

import sqlalchemy as sa

from ai_svc.modules.memory import short_term
from ai_svc.modules.privacy.exceptions import StillThere
from ai_svc.modules.privacy.models import ErasureKey
from ai_svc.modules.privacy.work import Work

_AT_ONCE: Final = 500


async def erase_keys(work: Work) -> None:
    """Conversations and the events of runs; what is proven to be gone is crossed out. Raises
    StillThere, and what Redis raises when it is down.

    Of a database that was restored and serves nobody yet nothing is at hand: it has no Redis.
    """
    mine = (
        ErasureKey.organization_id == work.organization_id,
        ErasureKey.erasure_id == work.job.id,
    )
    while True:
        async with work.fenced() as session:
            some = sa.select(ErasureKey.key).where(*mine).order_by(ErasureKey.key)
            keys = (await session.scalars(some.limit(_AT_ONCE))).all()
        if keys and work.redis is not None:
            await short_term.forget(work.redis, keys)
            if await work.redis.exists(*keys):
                raise StillThere
        async with work.fenced() as session:
            await session.execute(sa.delete(ErasureKey).where(*mine, ErasureKey.key.in_(keys)))
        if len(keys) < _AT_ONCE:
            return
        await work.show("at_hand", 9)
