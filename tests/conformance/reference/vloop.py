# SPDX-License-Identifier: MIT
"""An asyncio loop with a virtual clock: one loop 'second' is one millisecond of the program, and time only moves, to the
earliest deadline, when nothing is ready.  Tasks and timers are those of deviations.py."""
import heapq
from asyncio import base_events
import deviations

MAX_PASSES = 200_000


class Limit(SystemExit):      # leaves run_forever() even when raised inside a task
    """The program does not end."""


class _Selector:
    def __init__(self, loop):
        self.loop = loop

    def select(self, timeout=None):
        loop = self.loop
        loop.passes += 1
        if loop.passes > MAX_PASSES:
            raise Limit
        if timeout is None:                     # nothing is ready and no timer is armed
            loop.on_stall()
        elif timeout > 0:
            loop.now = loop._scheduled[0]._when
        return ()


class VirtualLoop(base_events.BaseEventLoop):
    def __init__(self):
        super().__init__()
        self.now = 0.0                          # whole milliseconds, exact in a float
        self.passes = 0
        self.timers_made = 0
        self.on_stall = self.stop
        self._clock_resolution = 1e-9
        self._selector = _Selector(self)
        self.set_task_factory(lambda loop, coro, **kw: deviations.Task(coro, loop=loop, **kw))

    def time(self):
        return self.now

    def call_at(self, when, callback, *args, context=None):
        self._check_closed()
        t = deviations.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._scheduled, t)
        t._scheduled = True
        return t

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.now + delay, callback, *args, context=context)

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass
