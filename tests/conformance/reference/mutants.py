# SPDX-License-Identifier: MIT
"""How much do the programs notice?  Plausible bugs are put, one at a time, into a copy of asyncio's Python sources or of
this tool; a program kills a mutant if its trace differs.  usage: mutants.py N [PROFILE] [part of a mutant's name]"""
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MUTANTS = []


def mutant(name, module, *texts):
    MUTANTS.append((name, module + '.py', list(zip(texts[::2], texts[1::2]))))


mutant('lock: cancelled waiter does not pass the wake-up on', 'asyncio/locks',
       '            if not self._locked:\n                self._wake_up_first()\n            raise',
       '            raise')

mutant('lock: barging (newcomer may take a free lock before the queue)', 'asyncio/locks',
       'if (not self._locked and (self._waiters is None or\n                all(w.cancelled() for w in self._waiters))):',
       'if not self._locked:')

mutant('lock: LIFO wake', 'asyncio/locks',
       'fut = next(iter(self._waiters))',
       'fut = self._waiters[-1]')

mutant('semaphore: permit lost when the woken waiter is cancelled', 'asyncio/locks',
       '                self._value += 1\n            raise',
       '                pass\n            raise')

mutant('semaphore: barging', 'asyncio/locks',
       '        return self._value == 0 or (\n            any(not w.cancelled() for w in (self._waiters or ())))',
       '        return self._value == 0')

mutant('semaphore: only one waiter woken after FIFO hold', 'asyncio/locks',
       '            while self._value > 0:\n                if not self._wake_up_next():\n                    break  # There was no-one to wake up.',
       '            pass')

mutant('bounded semaphore: bound not checked', 'asyncio/locks',
       'if self._value >= self._bound_value:',
       'if False:')

mutant('condition: notified+cancelled waiter swallows the notify (3.11/3.12.1 bug)', 'asyncio/locks',
       '            self._notify(1)\n            raise',
       '            raise')

mutant('condition: lock not re-acquired after a second cancel', 'asyncio/locks',
       '                    except exceptions.CancelledError as e:\n                        err = e\n',
       '                    except exceptions.CancelledError as e:\n                        err = e\n                        break\n')

mutant('condition: notify(n) counts cancelled waiters', 'asyncio/locks',
       '            if not fut.done():\n                idx += 1\n                fut.set_result(False)',
       '            idx += 1\n            if not fut.done():\n                fut.set_result(False)')

mutant('event: set();clear() loses waiters', 'asyncio/locks',
       '            await fut\n            return True\n        finally:\n            self._waiters.remove(fut)\n\n\nclass Condition',
       '            await fut\n        finally:\n            self._waiters.remove(fut)\n        return True if self._value else await self.wait()\n\n\nclass Condition')

mutant('queue: woken getter cancelled does not wake the next', 'asyncio/queues',
       '                    self._wakeup_next(self._getters)\n                raise',
       '                    pass\n                raise')

mutant('queue: woken putter cancelled does not wake the next', 'asyncio/queues',
       '                    self._wakeup_next(self._putters)\n                raise',
       '                    pass\n                raise')

mutant('queue: getters LIFO', 'asyncio/queues',
       'waiter = waiters.popleft()',
       'waiter = waiters.pop()')

mutant('queue: task_done of item not counted at put', 'asyncio/queues',
       '        self._unfinished_tasks += 1\n',
       '')

mutant('gather 1: cancelled outer returns the list', 'asyncio/tasks',
       '            if outer._cancel_requested:',
       '            if False:')

mutant('gather 1: one extra pass for done inputs (3.11 behaviour)', 'asyncio/tasks',
       '            if fut.done():\n                done_futs.append(fut)\n            else:\n                fut.add_done_callback(_done_callback)',
       '            fut.add_done_callback(_done_callback)')

mutant('wait_for(0) starts the coroutine', 'asyncio/tasks',
       '        await _cancel_and_wait(fut)\n',
       '        await __sleep0()\n        await _cancel_and_wait(fut)\n')

mutant('wait: first_completed cancels the rest', 'asyncio/tasks',
       '            pending.add(f)\n',
       '            pending.add(f); f.cancel()\n')

mutant('wait: first_exception counts cancellation as an exception', 'asyncio/tasks',
       'return_when == FIRST_EXCEPTION and (not f.cancelled() and\n                                                f.exception() is not None)',
       'return_when == FIRST_EXCEPTION and (f.cancelled() or\n                                                f.exception() is not None)')

mutant('shield: outer cancel reaches inner', 'asyncio/tasks',
       '        if not inner.done():\n            inner.remove_done_callback(_inner_done_callback)',
       '        if not inner.done():\n            inner.cancel()')

mutant('shield: inner cancelled -> outer never completes', 'asyncio/tasks',
       '        if inner.cancelled():\n            outer.cancel()\n        else:\n            exc = inner.exception()\n            if exc is not None:\n                outer.set_exception(exc)',
       '        if inner.cancelled():\n            pass\n        else:\n            exc = inner.exception()\n            if exc is not None:\n                outer.set_exception(exc)')

mutant('task.cancel: second request ignored', 'asyncio/tasks',
       '        self._num_cancels_requested += 1\n',
       '        if self._num_cancels_requested: return False\n        self._num_cancels_requested += 1\n')

mutant('task.cancel lost when the awaited future is already done', 'asyncio/tasks',
       '        self._must_cancel = True\n        self._cancel_message = msg\n        return True',
       '        if self._fut_waiter is None: self._must_cancel = True\n        self._cancel_message = msg\n        return True')

mutant('task: self-cancel then return is not cancelled', 'asyncio/tasks',
       '            if self._must_cancel:\n                # Task is cancelled right before coro stops.\n                self._must_cancel = False\n                super().cancel(msg=self._cancel_message)\n            else:',
       '            if True:')

mutant('task: uncancel to 0 leaves the pending cancel (3.11/3.12 behaviour)', 'asyncio/tasks',
       '            if self._num_cancels_requested == 0:\n                self._must_cancel = False\n',
       '')

mutant('task: cancel before start runs the body to its first await', 'asyncio/tasks',
       '        if self._must_cancel:\n            if not isinstance(exc',
       "        if self._must_cancel and getattr(self, '_ran', False):\n            if not isinstance(exc",
       '        self._fut_waiter = None\n\n        _enter_task',
       '        self._fut_waiter = None\n        self._ran = True\n\n        _enter_task')

mutant('task: eager start', 'asyncio/tasks',
       '        if eager_start and self._loop.is_running():',
       '        if self._loop.is_running():')

mutant('sleep(0) does not yield', 'asyncio/tasks',
       '    if delay <= 0:\n        await __sleep0()\n',
       '    if delay <= 0:\n')

mutant('sleep: always a timer, even for 0', 'asyncio/tasks',
       '    if delay <= 0:\n        await __sleep0()\n        return result\n',
       '')

mutant('future: callbacks run synchronously', 'asyncio/futures',
       '            self._loop.call_soon(callback, self, context=ctx)\n\n    def cancelled',
       '            ctx.run(callback, self)\n\n    def cancelled')

mutant('future: callbacks LIFO', 'asyncio/futures',
       '        for callback, ctx in callbacks:\n            self._loop.call_soon',
       '        for callback, ctx in reversed(callbacks):\n            self._loop.call_soon')

mutant('timeout: external cancel converted to TimeoutError (count ignored)', 'asyncio/timeouts',
       'if self._task.uncancel() <= self._cancelling and exc_type',
       'if (self._task.uncancel() or True) and exc_type')

mutant('timeout: no uncancel (count leaks)', 'asyncio/timeouts',
       'if self._task.uncancel() <= self._cancelling and exc_type',
       'if self._task.cancelling() <= self._cancelling + 1 and exc_type')

mutant('timeout: compares with 0, not with the count at entry', 'asyncio/timeouts',
       'if self._task.uncancel() <= self._cancelling and exc_type',
       'if self._task.uncancel() <= 0 and exc_type')

mutant('timeout: timer not disarmed at exit', 'asyncio/timeouts',
       '            self._timeout_handler.cancel()\n            self._timeout_handler = None\n\n        if self._state is _State.EXPIRING',
       '            self._timeout_handler = None\n\n        if self._state is _State.EXPIRING',
       '        assert self._state is _State.ENTERED\n        self._task.cancel()',
       '        self._task.cancel()')

mutant('timeout: past deadline cancels at once instead of next iteration', 'asyncio/timeouts',
       'self._timeout_handler = loop.call_soon(self._on_timeout)',
       'self._timeout_handler = None; self._on_timeout()')

mutant('timeout: any error on expiry becomes TimeoutError', 'asyncio/timeouts',
       '                if issubclass(exc_type, exceptions.CancelledError):',
       '                if True:')

mutant('group: siblings not cancelled on child error', 'asyncio/taskgroups',
       '            self._abort()\n            self._parent_cancel_requested = True',
       '            self._parent_cancel_requested = True')

mutant('group: parent body not cancelled on child error', 'asyncio/taskgroups',
       '            self._parent_cancel_requested = True\n            self._parent_task.cancel()',
       '            pass')

mutant('group: no uncancel (count leaks)', 'asyncio/taskgroups',
       '            if self._parent_task.uncancel() == 0:',
       '            if self._parent_task.cancelling() == 1:')

mutant('group: external cancel dropped when errors are raised (3.11/3.12 behaviour)', 'asyncio/taskgroups',
       '                self._parent_task.uncancel()\n                self._parent_task.cancel()',
       '                pass')

mutant('group: errors in reverse order', 'asyncio/taskgroups',
       '        self._errors.append(exc)\n        if self._is_base_error',
       '        self._errors.insert(0, exc)\n        if self._is_base_error')

mutant('group: children cancelled in reverse order', 'asyncio/taskgroups',
       '        for t in self._tasks:\n            if not t.done():',
       '        for t in reversed(list(self._tasks)):\n            if not t.done():')

mutant('group: body error raised bare, not in a group', 'asyncio/taskgroups',
       '        if et is not None and not issubclass(et, exceptions.CancelledError):\n            self._errors.append(exc)',
       '        if et is not None and not issubclass(et, exceptions.CancelledError) and not self._errors:\n            return False\n        if et is not None and not issubclass(et, exceptions.CancelledError):\n            self._errors.append(exc)')

mutant('group: create_task accepted while aborting', 'asyncio/taskgroups',
       '        if self._aborting:\n            coro.close()',
       '        if False:\n            coro.close()')

mutant('group: does not wait after a second external cancel', 'asyncio/taskgroups',
       '            self._on_completed_fut = None\n\n        assert not self._tasks',
       '            self._on_completed_fut = None\n            if self._aborting and self._parent_task.cancelling() > 1: break\n')

mutant('loop: runs everything that becomes ready in the same pass', 'asyncio/base_events',
       '        ntodo = len(self._ready)\n        for i in range(ntodo):\n',
       '        while self._ready:\n')

mutant('loop: due timers run before ready callbacks', 'asyncio/base_events',
       '            handle._scheduled = False\n            self._ready.append(handle)',
       '            handle._scheduled = False\n            self._ready.appendleft(handle)')

mutant('loop: cancelled timer still fires', 'asyncio/events',
       '        if not self._cancelled:\n            self._loop._timer_handle_cancelled(self)\n        super().cancel()',
       '        pass')

mutant('loop: call_soon is LIFO', 'asyncio/base_events',
       '            handle = self._ready.popleft()',
       '            handle = self._ready.pop()')

mutant('barrier: reset does not break waiters', 'asyncio/locks',
       '                    self._state = _BarrierState.RESETTING',
       '                    pass')

mutant('barrier: cancelled waiter still counted', 'asyncio/locks',
       '            finally:\n                self._count -= 1\n',
       '            except exceptions.CancelledError: raise\n            else:\n                self._count -= 1\n')

mutant('loop: equal deadlines LIFO', 'deviations',
       '(self._when, self._seq) < (other._when, other._seq)',
       '(self._when, -self._seq) < (other._when, -other._seq)')

mutant('loop: call_later(<=0) goes to the ready queue', 'vloop',
       '        return self.call_at(self.now + delay,',
       '        if delay <= 0:\n            return self.call_soon(callback, *args, context=context)\n        return self.call_at(self.now + delay,')

mutant('gather 0: finishes at the first failure (children left running)', 'deviations',
       '            if not any(t in self._running for t in self._started):\n                self.set_exception(self._failure)',
       '            self.set_exception(self._failure)')

mutant('gather 0: forgets to cancel the siblings', 'deviations',
       '            if not self._cancel_requested:\n                for t',
       '            if False:\n                for t')

mutant('gather 0: cancels refs on failure', 'deviations',
       '                for t in self._started:\n                    if not t.done',
       '                for t in self._children:\n                    if not t.done')

mutant('gather 0: waits for refs after a failure', 'deviations',
       'if not any(t in self._running for t in self._started):',
       'if not self._running:')

mutant('gather 0: raises the last failure', 'deviations',
       'if failure is not None and self._failure is None:',
       "if failure is not None and (self._failure is None or not setattr(self, '_failure', failure) and False):")

mutant('gather 0: raises the first failure in argument order', 'deviations',
       '                self.set_exception(self._failure)',
       '                self.set_exception(next(f for f in (asyncio.CancelledError() if t.cancelled() else t.exception() for t in self._children if t not in self._running) if f is not None))')

mutant('gather 0: a cancelled child is no failure', 'deviations',
       'failure = asyncio.CancelledError() if task.cancelled()',
       'failure = None if task.cancelled()',
       '[t.result() for t in',
       '[None if t.cancelled() else t.result() for t in')

mutant('gather 0: siblings cancelled in reverse order', 'deviations',
       '                for t in self._started:\n                    if not t.done',
       '                for t in reversed(self._started):\n                    if not t.done')

mutant('gather 0: siblings cancelled again at every failure', 'deviations',
       'if failure is not None and self._failure is None:\n            self._failure = failure',
       'if failure is not None:\n            self._failure = self._failure or failure')

mutant('gather 0: later failures are not looked at', 'deviations',
       'else task.exception()',
       'else task.exception() if self._failure is None else task._exception')

mutant('gather 0: refs that fail after the end are not looked at', 'deviations',
       'else task.exception()',
       'else task.exception() if not self.done() else task._exception')

mutant('gather 0: one extra pass for done inputs', 'deviations',
       '            self._child_done(t)\n',
       '            t.add_done_callback(self._child_done)\n')

mutant('gather 0: does not wait when cancelled', 'deviations',
       '            self._cancel_requested = True\n',
       '            self._cancel_requested = True\n            self.set_exception(asyncio.CancelledError())\n')

mutant('gather 0: does not wait for refs when cancelled', 'deviations',
       '            if not self._running:\n                self.set_exception(asyncio.CancelledError())',
       '            if not any(t in self._running for t in self._started):\n                self.set_exception(asyncio.CancelledError())')

mutant("gather 0: cancelled, but raises a child's error", 'deviations',
       '                self.set_exception(asyncio.CancelledError())',
       '                self.set_exception(self._failure or asyncio.CancelledError())')

mutant('gather 0: cancelled after a failure, but raises the failure', 'deviations',
       '        if any(results):\n',
       '        if any(results) and self._failure is None:\n')

mutant('gather 0: cancelled, but returns the list if all children suppress it', 'deviations',
       '        if self._cancel_requested:\n            if not',
       '        if self._cancel_requested and self._failure is not None:\n            if not')

mutant('gather 0: cancel does not reach refs', 'deviations',
       'for t in self._children]\n        if any',
       'for t in self._started]\n        if any')

mutant('gather 0: cancelled, then a failure cancels the siblings again', 'deviations',
       '            if not self._cancel_requested:\n                for t',
       '            if True:\n                for t')

mutant('as_completed: done tasks in reverse order', 'deviations',
       '    for t in tasks:\n        t.add_done_callback(it.',
       '    for t in reversed(tasks):\n        t.add_done_callback(it.')

mutant('as_completed: deadline ignored', 'deviations',
       '    if tasks and timeout is not None:',
       '    if False:')

mutant('cancel() on a failed task silences its exception', 'deviations',
       'return False if self.done() else super().cancel(msg)',
       'return super().cancel(msg)')

mutant('run: tasks created during the shutdown are not cancelled', 'deviations',
       '        loop.run_until_complete(over)',
       '        loop.run_until_complete(over)\n        break')

mutant('run: remaining tasks cancelled in reverse order', 'deviations',
       '        for t in tasks:\n            t.cancel()',
       '        for t in reversed(tasks):\n            t.cancel()')

mutant('run: shutdown stops one pass early', 'deviations',
       '                over.set_result(None)',
       '                over.set_result(None)\n                loop.stop()')


def hashes(tool, n, profile):
    r = subprocess.run([sys.executable, f'{tool}/oracle.py', '--pure', 'hash', '0', str(n), '--profile', profile],
                       capture_output=True, text=True)
    if r.returncode:
        sys.exit(r.stderr)
    return dict(l.split() for l in r.stdout.splitlines())


def copy_tool(to):
    os.mkdir(to)
    for f in os.listdir(HERE):
        if f.endswith('.py'):
            shutil.copy(f'{HERE}/{f}', to)
    shutil.copytree(os.path.dirname(asyncio.__file__), f'{to}/asyncio', ignore=shutil.ignore_patterns('__pycache__'))


def main(n, profile='mixed', only=''):
    with tempfile.TemporaryDirectory() as tmp:
        copy_tool(f'{tmp}/base')
        base = hashes(f'{tmp}/base', n, profile)
        firsts, survivors = [], []
        for name, module, changes in MUTANTS:
            if only not in name:
                continue
            d = f'{tmp}/mutant'
            shutil.copytree(f'{tmp}/base', d, ignore=shutil.ignore_patterns('__pycache__'))
            source = open(f'{d}/{module}').read()
            for old, new in changes:
                if source.count(old) < 1:
                    sys.exit(f'{name}: not found in {module}: {old!r}')
                source = source.replace(old, new, 1)
            open(f'{d}/{module}', 'w').write(source)
            got = hashes(d, n, profile)
            killers = [int(s) for s in base if got[s] != base[s]]
            if killers:
                firsts.append(min(killers))
            else:
                survivors.append(name)
            print(f'{len(killers):5d} of {n}, first {min(killers, default="-"):>4}  {name}', flush=True)
            shutil.rmtree(d)
    print(f'{len(firsts) + len(survivors)} mutants, {len(firsts)} killed, survivors {survivors}; first killer: median '
          f'{statistics.median(firsts or [-1])}, max {max(firsts or [-1])}')


main(int(sys.argv[1]), *sys.argv[2:])
