"""Periodic work runs once per period across all workers."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from chassis_messaging_factories import running, until
from redis.asyncio import Redis

from chassis.messaging import leases, schedule
from chassis.messaging.schedule import PeriodicTask, Schedule, TaskFailed

pytestmark = pytest.mark.committed


class Sweep:
    def __init__(self) -> None:
        self.runs = 0
        self.broken = False

    async def run(self) -> None:
        self.runs += 1
        await asyncio.sleep(0)
        if self.broken:
            raise RuntimeError

    def task(self, every: timedelta = timedelta(days=365)) -> PeriodicTask:
        return PeriodicTask("sweep", every, self.run)


async def test_a_task_runs_once_across_many_workers(redis: Redis) -> None:
    sweep = Sweep()
    workers = [Schedule(redis, [sweep.task()]) for _ in range(10)]
    ran = await asyncio.gather(*(worker.run_due() for worker in workers))
    ran += await asyncio.gather(*(worker.run_due() for worker in workers))
    assert (sweep.runs, sorted(map(len, ran))) == (1, [0] * 19 + [1])


async def test_a_worker_that_comes_a_moment_late_does_not_run_it_again(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep()

    async def late(*args: Any) -> Any:
        monkeypatch.undo()  # another worker does it between the first look and the lease
        await Schedule(redis, [sweep.task()]).run_due()
        return await leases.try_lease(*args)

    monkeypatch.setattr(schedule, "try_lease", late)
    assert await Schedule(redis, [sweep.task()]).run_due() == []
    assert sweep.runs == 1


async def test_a_task_runs_again_in_the_next_period(redis: Redis) -> None:
    done_before: list[Any] = []

    async def note() -> None:
        done_before.append(await redis.get("schedule:done:sweep"))

    async def has_run_thrice() -> bool:
        return len(done_before) >= 3

    task = PeriodicTask("sweep", timedelta(milliseconds=50), note)
    async with running(Schedule(redis, [task]).run()):
        await until(has_run_thrice)
    first, *periods = done_before
    assert first is None
    assert sorted(set(map(int, periods))) == list(map(int, periods)), "one run in each"


async def test_a_task_that_failed_is_still_due(redis: Redis) -> None:
    sweep = Sweep()
    sweep.broken = True
    schedule = Schedule(redis, [sweep.task()])
    with pytest.raises(TaskFailed):
        await schedule.run_due()
    sweep.broken = False
    assert await schedule.run_due() == ["sweep"]


async def test_a_failing_task_does_not_keep_others_from_running(redis: Redis) -> None:
    broken, healthy = Sweep(), Sweep()
    broken.broken = True
    tasks = [broken.task(), PeriodicTask("other", timedelta(days=365), healthy.run)]

    async def has_run() -> bool:
        return healthy.runs == 1 and broken.runs == 1

    async def is_noted() -> bool:
        return bool(await redis.exists("schedule:done:other"))

    async with running(Schedule(redis, tasks).run()):
        await until(has_run)
        await until(is_noted)
    assert (broken.runs, healthy.runs) == (1, 1)
    assert not await redis.exists("schedule:done:sweep")


async def test_a_task_whose_worker_was_killed_is_still_due(redis: Redis) -> None:
    sweep = Sweep()
    await redis.set("lock:schedule:sweep", "a worker that is gone")
    assert await Schedule(redis, [sweep.task()]).run_due() == []
    await redis.delete("lock:schedule:sweep")  # expires by itself within 15 s
    assert await Schedule(redis, [sweep.task()]).run_due() == ["sweep"]
