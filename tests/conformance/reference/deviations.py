# SPDX-License-Identifier: MIT
"""The deliberate differences between weft and asyncio 3.13, on plain asyncio and exact to the loop pass.

Everything else is CPython 3.13's behaviour.  The differences:

  D1  equal deadlines fire in scheduling order              TimerHandle   (CPython: the heap's order)
  D2  a task group aborts its children in creation order    task_group()  (CPython: set order)
  D3  wait() and as_completed() work in argument order      wait(), as_completed()  (CPython: set order)
  D4  cancel() on a task that is done changes nothing       Task          (CPython: Task.cancel() first clears the
                                                            'never retrieved' mark, even when it then returns False)
  D5  run() ends by cancelling tasks until none is left     shut_down()   (CPython: once, in set order)
  D6  gather(return_exceptions=0) outlives what it started  gather()      (CPython: the others are left running)
"""
import asyncio
from asyncio import events


# ---- D1
class TimerHandle(events.TimerHandle):
    __slots__ = ('_seq',)

    def __init__(self, when, callback, args, loop, context=None):
        super().__init__(when, callback, args, loop, context)
        loop.timers_made += 1
        self._seq = loop.timers_made

    def __lt__(self, other):
        return (self._when, self._seq) < (other._when, other._seq)

    __hash__ = events.TimerHandle.__hash__


# ---- D2
class OrderedSet(dict):
    def __init__(self, items=()):
        super().__init__(dict.fromkeys(items))

    def add(self, x):
        self[x] = None

    def discard(self, x):
        self.pop(x, None)

    def remove(self, x):
        del self[x]


def task_group():
    g = asyncio.TaskGroup()
    g._tasks = OrderedSet()
    return g


# ---- D3
async def wait(tasks, timeout, return_when):
    """asyncio.wait() without its set(): callbacks are registered in argument order.  tasks: no duplicates."""
    return await asyncio.tasks._wait(tasks, timeout, return_when, asyncio.get_running_loop())


def as_completed(tasks, timeout):
    """asyncio.as_completed() without its set(): callbacks are registered in argument order, so tasks that are done
    already come first, in that order.  tasks: no duplicates."""
    it = asyncio.as_completed([])
    if not hasattr(it, '_handle_completion'):               # not Python 3.13
        return asyncio.as_completed(tasks, timeout=timeout)
    it._todo = OrderedSet(tasks)
    it._todo_left = len(tasks)
    for t in tasks:
        t.add_done_callback(it._handle_completion)
    if tasks and timeout is not None:
        it._timeout_handle = asyncio.get_running_loop().call_later(timeout, it._handle_timeout)
    return it


# ---- D4
class Task(asyncio.Task):
    def cancel(self, msg=None):
        return False if self.done() else super().cancel(msg)


# ---- D5
def shut_down(loop, unfinished):
    """What run() does when main is done.  unfinished() lists the tasks that are not done, in creation order.

    A round: take the tasks that are not done; if there are none, the end.  cancel() each of them once, in creation
    order.  Run the loop until all of them (not those created meanwhile) are done; the next round follows.

    The loop stops as in asyncio's run_until_complete(gather(*tasks)): if the last of them ends in pass k, its
    done-callback in pass k+1 completes the waiting, which stops the loop at the end of pass k+2.  Waiting like this
    does not count as looking at the tasks' exceptions.
    """
    while tasks := unfinished():
        for t in tasks:
            t.cancel()
        over = loop.create_future()
        left = OrderedSet(tasks)

        def ended(t):
            left.remove(t)
            if not left:
                over.set_result(None)

        for t in tasks:
            t.add_done_callback(ended)
        loop.run_until_complete(over)


# ---- D6
def gather(children, started):
    """gather(return_exceptions=0).  children: the tasks in argument order; started: those this gather has started.

    Terms.  A task given more than once is one child with several places.  A child is STARTED if this gather started
    it, else it is a REF.  A child HAS ENDED when the gather's done-callback for it has run (not yet when the task is
    merely done).  It FAILED if it ended with an exception or cancelled; then its failure is that exception, or
    Cancelled.  The gather is FINISHED when its future is completed; who awaits it resumes in the next pass.

    1. Call.  The arguments are started in argument order, like create_task().  Then the done-callback is registered,
       in argument order, with each child that is not done.  Then it is run directly, in argument order, for each
       child that is done already (only refs can be).  A gather without children is finished, with [].  Awaiting a
       gather that is finished takes no pass.
    2. Done-callback of a child.  In any case the child's exception counts as looked at.  If the gather is finished,
       nothing else happens (only refs get here).  Otherwise the child has now ended; and if it failed, no child
       failed before and the gather is not cancelled (3.), cancel() is called once on each started child whose task
       is not done, in argument order; refs are left alone.  Then 4.
    3. Cancelling (the awaiting task is cancelled while it waits for the gather).  If the gather is finished: False.
       Otherwise cancel() is called on every argument, started or ref, in argument order (on a task given twice:
       twice).  If all these calls returned False (every child's task is done): False.  Otherwise True, and the gather
       is CANCELLED from now on.  All this may happen again, and also after a failure.  As with any future, where it
       is False the awaiting task keeps the request and gets Cancelled when it resumes.
    4. Finishing, by the first of these that applies:
       a. the gather is cancelled: once all children, started and refs, have ended: raise Cancelled, whatever the
          children ended with, before or after the cancel.
       b. a child failed: once all started children have ended: raise the failure of the child that failed first, in
          the order of the done-callbacks.  Refs that have not ended are left running; when they end, 2. applies.
       c. otherwise, once all children have ended: the list of the values, one per argument.

    It follows that a finished gather has no started child still running, and that where nothing fails and nobody
    cancels, results and passes are those of asyncio.gather().
    """
    return _Gather(children, started)


class _Gather(asyncio.Future):
    def __init__(self, children, started):
        super().__init__(loop=asyncio.get_running_loop())
        self._children = children
        self._running = OrderedSet(children)                # have not ended
        self._started = OrderedSet(t for t in children if t in started)
        self._failure = None
        self._cancel_requested = False
        done = [t for t in self._running if t.done()]
        for t in self._running:
            if not t.done():
                t.add_done_callback(self._child_done)
        self._finish_if_over()
        for t in done:
            self._child_done(t)

    def cancel(self, msg=None):
        if self.done():
            return False
        results = [t.cancel(msg) for t in self._children]
        if any(results):
            self._cancel_requested = True
        return any(results)

    def _child_done(self, task):
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self.done():
            return
        self._running.remove(task)
        if failure is not None and self._failure is None:
            self._failure = failure
            if not self._cancel_requested:
                for t in self._started:
                    if not t.done():
                        t.cancel()
        self._finish_if_over()

    def _finish_if_over(self):
        if self._cancel_requested:
            if not self._running:
                self.set_exception(asyncio.CancelledError())
        elif self._failure is not None:
            if not any(t in self._running for t in self._started):
                self.set_exception(self._failure)
        elif not self._running:
            self.set_result([t.result() for t in self._children])
