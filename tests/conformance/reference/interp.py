# SPDX-License-Identifier: MIT
"""Runs a JSON program (FORMAT.md) on CPython asyncio with a virtual clock; returns the canonical trace (list of str)."""
import asyncio
import sys
import warnings
import deviations
from vloop import Limit, VirtualLoop

MAX_LINES = 20_000
warnings.simplefilter('ignore')
sys.unraisablehook = lambda u: None      # coroutines of deadlocked programs are destroyed by the garbage collector
QueueShutDown = getattr(asyncio, 'QueueShutDown', type('QueueShutDown', (Exception,), {}))      # 3.13


class UserError(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def fmt_exc(e):
    if isinstance(e, asyncio.CancelledError):
        return 'Cancelled'
    if isinstance(e, UserError):
        return f'User({e.code})'
    if isinstance(e, BaseExceptionGroup):
        return 'Group[' + ','.join(fmt_exc(x) for x in e.exceptions) + ']'
    if isinstance(e, TimeoutError):
        return 'Timeout'
    if isinstance(e, asyncio.InvalidStateError):
        return 'InvalidState'
    if isinstance(e, asyncio.BrokenBarrierError):
        return 'Broken'
    if isinstance(e, QueueShutDown):
        return 'QueueDown'
    if isinstance(e, RuntimeError):
        return 'Runtime'
    if isinstance(e, ValueError):
        return 'Value'
    return type(e).__name__


def fmt_val(v):
    if v is None:
        return '-'
    if isinstance(v, bool):
        return '1' if v else '0'
    if isinstance(v, int):
        return str(v)
    if isinstance(v, (list, tuple)):
        return '[' + ','.join(fmt_val(x) for x in v) + ']'
    if isinstance(v, BaseException):
        return '!' + fmt_exc(v)
    return repr(v)


class Ctx:                      # per coroutine: its task's name and number, the timeout scopes it is in
    __slots__ = ('name', 'num', 'timeouts')

    def __init__(self, name):
        self.name = name
        self.num = int(name[1:])
        self.timeouts = []


class Interp:
    def __init__(self, prog):
        self.prog = prog
        self.trace = []
        self.loop = VirtualLoop()
        self.tasks = {}         # name -> Task, in creation order
        self.groups = {}
        self.handles = {}
        self.phase = 'main'
        self.closed = False
        self.stall_mark = -1
        self.deadlock = None    # the phase that ended in one

    # ---- trace
    def emit(self, who, sid, text):
        if self.closed:
            return
        self.trace.append(f'{int(self.loop.now)} {who} {sid} {text}')
        if len(self.trace) > MAX_LINES:
            raise Limit()

    # ---- objects
    def make_objs(self):
        o = self.prog['objs']
        d = self.objs = {}
        for i in range(o.get('lock', 0)):
            d[f'L{i}'] = asyncio.Lock()
        for i, n in enumerate(o.get('sem', [])):
            d[f'S{i}'] = asyncio.Semaphore(n)
        for i in range(o.get('event', 0)):
            d[f'E{i}'] = asyncio.Event()
        for i in range(o.get('cond', 0)):
            d[f'C{i}'] = asyncio.Condition()
        for i, n in enumerate(o.get('bsem', [])):
            d[f'D{i}'] = asyncio.BoundedSemaphore(n)
        for i, (kind, n) in enumerate(o.get('queue', [])):
            d[f'Q{i}'] = {'fifo': asyncio.Queue, 'lifo': asyncio.LifoQueue, 'prio': asyncio.PriorityQueue}[kind](n)
        for i, n in enumerate(o.get('barrier', [])):
            d[f'B{i}'] = asyncio.Barrier(n)
        for i in range(o.get('future', 0)):
            d[f'F{i}'] = self.loop.create_future()

    # ---- tasks
    async def task_main(self, name, body):
        cx = Ctx(name)
        self.emit(name, '-', 'start')
        try:
            sig = await self.body(cx, body)
        except BaseException as e:
            if not isinstance(e, Limit):
                self.emit(name, '-', f'end !{fmt_exc(e)}')
            raise
        v = sig[0] if sig else None
        self.emit(name, '-', f'end {fmt_val(v)}')
        return v

    def start_task(self, name, body, group=None):
        co = self.task_main(name, body)
        if group is None:
            t = self.loop.create_task(co, name=name)
        else:
            try:
                t = group.create_task(co, name=name)
            except RuntimeError:
                co.close()
                return None
        self.tasks[name] = t
        return t

    def unfinished(self):
        return [t for t in self.tasks.values() if not t.done()]

    def lookup(self, cx, name):
        """A task this coroutine may wait for: spawned already and of a higher number (no wait cycles)."""
        if int(name[1:]) <= cx.num:
            return None
        return self.tasks.get(name)

    def make_child(self, cx, c, started=None):
        if c[0] == 'T' and c[1] not in self.tasks:
            t = self.start_task(c[1], c[2])
            if started is not None:
                started.append(t)
            return t
        return self.lookup(cx, c[1])

    def make_children(self, cx, children, started=None):
        return [t for t in (self.make_child(cx, c, started) for c in children) if t is not None]

    # ---- statements
    async def body(self, cx, stmts):
        for s in stmts:
            sig = await self.stmt(cx, s)
            if sig is not None:
                return sig
        return None

    async def stmt(self, cx, s):
        op, sid = s[0], s[1]
        fn = getattr(self, 'sync_' + op, None)
        if fn is not None:
            self.emit(cx.name, sid, fn(*s[2:]))
            return None
        try:
            text, sig = await getattr(self, 'op_' + op)(cx, sid, *s[2:])
        except BaseException as e:
            if not isinstance(e, Limit):
                self.emit(cx.name, sid, f'{op} !{fmt_exc(e)}')
            raise
        if text is not None:
            self.emit(cx.name, sid, text)
        return sig

    # synchronous ops (also allowed in callbacks)
    def sync_log(self):
        return 'log'

    def sync_cancel(self, name):
        t = self.tasks.get(name)
        return f'cancel {name} skip' if t is None else f'cancel {name} {fmt_val(t.cancel())}'

    def sync_set(self, e):
        self.objs[e].set()
        return f'set {e}'

    def sync_clear(self, e):
        self.objs[e].clear()
        return f'clear {e}'

    def sync_put_nowait(self, q, v):
        try:
            self.objs[q].put_nowait(v)
        except asyncio.QueueFull:
            return f'put_nowait {q} full'
        except QueueShutDown:
            return f'put_nowait {q} down'
        return f'put_nowait {q} ok'

    def sync_get_nowait(self, q):
        try:
            return f'get_nowait {q} {self.objs[q].get_nowait()}'
        except asyncio.QueueEmpty:
            return f'get_nowait {q} empty'
        except QueueShutDown:
            return f'get_nowait {q} down'

    def sync_task_done(self, q):
        try:
            self.objs[q].task_done()
        except ValueError:
            return f'task_done {q} refused'
        return f'task_done {q} ok'

    def sync_sem_release(self, s):
        try:
            self.objs[s].release()
        except ValueError:
            return f'sem_release {s} refused'
        return f'sem_release {s} ok'

    def sync_q_shutdown(self, q, immediate):
        f = getattr(self.objs[q], 'shutdown', None)         # Python 3.13+
        if f is None:
            return f'q_shutdown {q} unsupported'
        f(bool(immediate))
        return f'q_shutdown {q} {immediate}'

    def sync_fut_set(self, f, v):
        try:
            self.objs[f].set_result(v)
        except asyncio.InvalidStateError:
            return f'fut_set {f} invalid'
        return f'fut_set {f} ok'

    def sync_fut_exc(self, f, code):
        try:
            self.objs[f].set_exception(UserError(code))
        except asyncio.InvalidStateError:
            return f'fut_exc {f} invalid'
        return f'fut_exc {f} ok'

    def sync_fut_cancel(self, f):
        return f'fut_cancel {f} {fmt_val(self.objs[f].cancel())}'

    def sync_hcancel(self, hid):
        h = self.handles.get(hid)
        if h is None:
            return f'hcancel {hid} skip'
        h.cancel()
        return f'hcancel {hid} ok'

    def run_callback(self, sid, ops):
        self.emit('-', sid, 'callback')
        for s in ops:
            self.emit('-', s[1], getattr(self, 'sync_' + s[0])(*s[2:]))

    # asynchronous ops: return (text, signal)
    async def op_yield(self, cx, sid):
        await asyncio.sleep(0)
        return 'yield', None

    async def op_sleep(self, cx, sid, ms):
        await asyncio.sleep(ms)
        return 'sleep', None

    async def op_spawn(self, cx, sid, name, body):
        if name in self.tasks:
            return f'spawn {name} skip', None
        self.start_task(name, body)
        return f'spawn {name}', None

    async def op_await(self, cx, sid, name):
        t = self.lookup(cx, name)
        if t is None:
            return f'await {name} skip', None
        return f'await {name} {fmt_val(await t)}', None

    async def op_uncancel(self, cx, sid):
        return f'uncancel {asyncio.current_task().uncancel()}', None

    async def op_raise(self, cx, sid, code):
        raise UserError(code)

    async def op_return(self, cx, sid, v):
        return f'return {v}', (v,)

    async def op_try(self, cx, sid, body, h):
        try:
            try:
                sig = await self.body(cx, body)
            except (asyncio.CancelledError, Exception) as e:
                kind = 'cancelled' if isinstance(e, asyncio.CancelledError) else 'error'
                hb = h.get(kind)
                if hb is None:
                    raise
                self.emit(cx.name, sid, f'caught {fmt_exc(e)} c={asyncio.current_task().cancelling()}')
                sig = None
                for s in hb:
                    if s[0] == 'reraise':
                        self.emit(cx.name, s[1], 'reraise')
                        raise
                    sig = await self.stmt(cx, s)
                    if sig is not None:
                        break
        finally:
            fb = h.get('finally')
            if fb is not None:
                self.emit(cx.name, sid, 'finally')
                fsig = await self.body_noreturn(cx, fb)
        return 'try', sig

    async def body_noreturn(self, cx, stmts):       # 'return' inside finally only ends the finally block
        await self.body(cx, stmts)

    async def op_timeout(self, cx, sid, ms, body):
        cm = asyncio.timeout(ms)
        depth = len(cx.timeouts)
        try:
            async with cm:
                cx.timeouts.append(cm)
                try:
                    sig = await self.body(cx, body)
                finally:
                    del cx.timeouts[depth:]
        finally:
            self.emit(cx.name, sid, f'timeout expired={fmt_val(cm.expired())}')
        return 'timeout', sig

    async def op_reschedule(self, cx, sid, ms):
        if not cx.timeouts:
            return 'reschedule skip', None
        try:
            cx.timeouts[-1].reschedule(None if ms is None else self.loop.time() + ms)
        except RuntimeError:
            return 'reschedule refused', None
        return 'reschedule ok', None

    async def op_wait_for(self, cx, sid, ms, child):
        if child[0] == 'co':
            async def co():
                c2 = Ctx(cx.name)
                return await self.body(c2, child[1])
            sig = await asyncio.wait_for(co(), ms)
            return f'wait_for {fmt_val(sig[0] if sig else None)}', None
        t = self.make_child(cx, child)
        if t is None:
            return 'wait_for skip', None
        return f'wait_for {fmt_val(await asyncio.wait_for(t, ms))}', None

    async def op_gather(self, cx, sid, rx, children):
        started = []
        ts = self.make_children(cx, children, started)
        fut = asyncio.gather(*ts, return_exceptions=True) if rx else deviations.gather(ts, started)
        return f'gather {fmt_val(await fut)}', None

    async def op_shield(self, cx, sid, child):
        t = self.make_child(cx, child)
        if t is None:
            return 'shield skip', None
        return f'shield {fmt_val(await asyncio.shield(t))}', None

    async def op_wait(self, cx, sid, mode, ms, children):
        ts = list(dict.fromkeys(self.make_children(cx, children)))
        if not ts:
            return 'wait skip', None
        rw = {'first_completed': asyncio.FIRST_COMPLETED, 'first_exception': asyncio.FIRST_EXCEPTION,
              'all': asyncio.ALL_COMPLETED}[mode]
        done, pending = await deviations.wait(ts, ms, rw)
        out = []
        for t in ts:
            if t in done:
                e = None if t.cancelled() else t.exception()
                out.append(f'{t.get_name()}:' + ('cancelled' if t.cancelled() else fmt_val(e) if e else fmt_val(t.result())))
        return f"wait done={','.join(out)} pending={','.join(t.get_name() for t in ts if t in pending)}", None

    async def op_as_completed(self, cx, sid, ms, children):
        ts = list(dict.fromkeys(self.make_children(cx, children)))
        out = []
        for c in deviations.as_completed(ts, ms):
            try:
                v = await c
            except asyncio.CancelledError:
                raise
            except Exception as e:
                v = e
            out.append(v)
            self.emit(cx.name, sid, f'next {fmt_val(v)}')
        return f'as_completed {fmt_val(out)}', None

    async def op_lock(self, cx, sid, name, body):
        async with self.objs[name]:
            self.emit(cx.name, sid, f'lock got {name}')
            sig = await self.body(cx, body)
        return f'lock released {name}', sig

    async def op_sem(self, cx, sid, name, body):
        async with self.objs[name]:
            self.emit(cx.name, sid, f'sem got {name}')
            sig = await self.body(cx, body)
        return f'sem released {name}', sig

    async def op_event(self, cx, sid, name):
        await self.objs[name].wait()
        return f'event {name}', None

    async def op_cond_wait(self, cx, sid, name):
        c = self.objs[name]
        async with c:
            self.emit(cx.name, sid, f'cond got {name}')
            try:
                await c.wait()
            finally:
                self.emit(cx.name, sid, f'cond back locked={fmt_val(c.locked())}')
        return f'cond_wait {name}', None

    async def op_cond_hold(self, cx, sid, name, body):
        async with self.objs[name]:
            self.emit(cx.name, sid, f'cond got {name}')
            sig = await self.body(cx, body)
        return f'cond released {name}', sig

    def do_notify(self, c, n):
        c.notify_all() if n == 0 else c.notify(n)

    async def op_notify(self, cx, sid, name, n):
        c = self.objs[name]
        async with c:
            self.do_notify(c, n)
        return f'notify {name} {n}', None

    async def op_notify_held(self, cx, sid, name, n):       # only generated inside cond_hold of the same condition
        self.do_notify(self.objs[name], n)
        return f'notify_held {name} {n}', None

    async def op_put(self, cx, sid, q, v):
        await self.objs[q].put(v)
        return f'put {q} {v}', None

    async def op_get(self, cx, sid, q):
        return f'get {q} {await self.objs[q].get()}', None

    async def op_join(self, cx, sid, q):
        await self.objs[q].join()
        return f'join {q}', None

    async def op_group(self, cx, sid, body):
        g = deviations.task_group()
        async with g:
            self.groups[sid] = g
            sig = await self.body(cx, body)
        return 'group', sig

    async def op_gspawn(self, cx, sid, gid, name, body):
        g = self.groups.get(gid)
        if g is None or name in self.tasks:
            return f'gspawn {name} skip', None
        t = self.start_task(name, body, g)
        return (f'gspawn {name}' if t is not None else f'gspawn {name} refused'), None

    async def op_barrier(self, cx, sid, b):
        return f'barrier {b} {await self.objs[b].wait()}', None

    async def op_barrier_reset(self, cx, sid, b):
        await self.objs[b].reset()
        return f'barrier_reset {b}', None

    async def op_barrier_abort(self, cx, sid, b):
        await self.objs[b].abort()
        return f'barrier_abort {b}', None

    async def op_repeat(self, cx, sid, n, body):
        for _ in range(n):
            sig = await self.body(cx, body)
            if sig is not None:
                return 'repeat', sig
        return 'repeat', None

    async def op_soon(self, cx, sid, ops):
        self.loop.call_soon(self.run_callback, sid, ops)
        return 'soon', None

    async def op_later(self, cx, sid, ms, ops):
        self.handles[sid] = self.loop.call_later(ms, self.run_callback, sid, ops)
        return f'later {ms}', None

    async def op_fut_wait(self, cx, sid, f):
        return f'fut_wait {f} {fmt_val(await self.objs[f])}', None

    # ---- run
    def on_stall(self):
        """Nothing is ready and no timer is armed (harness rules 3 and 4)."""
        pend = self.unfinished()
        if not pend:
            self.loop.stop()
        elif len(self.trace) == self.stall_mark:
            self.emit('-', '-', f'deadlock {self.phase}')
            self.deadlock = self.phase
            self.loop.stop()
        else:
            self.emit('-', '-', f'stall {self.phase}')
            self.stall_mark = len(self.trace)
            for t in [self.main] if self.phase == 'main' else pend:
                t.cancel()

    def run(self):
        loop = self.loop
        loop.set_exception_handler(lambda l, c: self.emit('-', '-', 'unhandled ' + c['message'].split(' <')[0]))
        asyncio.set_event_loop(loop)
        loop.on_stall = self.on_stall
        self.limit = False
        try:
            self.make_objs()
            self.main = self.start_task('T0', self.prog['main'])
            def stop(task):
                loop.stop()
            self.main.add_done_callback(stop)
            loop.run_forever()
            self.main.remove_done_callback(stop)
            self.emit('-', '-', 'main done' if self.main.done() else 'main stuck')
            self.phase = 'shutdown'
            self.stall_mark = -1
            try:
                deviations.shut_down(loop, self.unfinished)
                loop.run_forever()              # until idle: timers that are still armed fire
            except RuntimeError:                # run_until_complete(): the loop was stopped
                if self.deadlock != 'shutdown':
                    raise
        except Limit:
            self.limit = True
            self.trace.append('LIMIT')
        self.summary()
        self.closed = True
        loop.set_exception_handler(lambda l, c: None)
        asyncio.set_event_loop(None)
        loop.close()
        for t in self.tasks.values():
            t._log_destroy_pending = False
            if t.done() and not t.cancelled():
                t.exception()
        return self.trace

    def summary(self):
        for name, t in self.tasks.items():
            if not t.done():
                st = 'pending'
            elif t.cancelled():
                st = 'cancelled'
            else:
                unret = t._log_traceback
                e = t.exception()
                st = f'!{fmt_exc(e)}' + (' unretrieved' if unret else '') if e is not None else f'= {fmt_val(t.result())}'
            self.trace.append(f'task {name} {st} c={t.cancelling()}')
        for name, o in self.objs.items():
            k = name[0]
            if k in 'LC':
                st = f'locked={fmt_val(o.locked())} waiters={len(o._waiters or ())}'
            elif k in 'SD':
                st = f'value={o._value} waiters={len(o._waiters or ())}'
            elif k == 'E':
                st = f'set={fmt_val(o.is_set())}'
            elif k == 'Q':
                st = f'size={o.qsize()} unfinished={o._unfinished_tasks} getters={len(o._getters)} putters={len(o._putters)}'
            elif k == 'B':
                st = f'waiting={o.n_waiting} broken={fmt_val(o.broken)}'
            else:
                if not o.done():
                    st = 'pending'
                elif o.cancelled():
                    st = 'cancelled'
                else:
                    e = o.exception()
                    st = f'!{fmt_exc(e)}' if e is not None else f'= {fmt_val(o.result())}'
            self.trace.append(f'obj {name} {st}')


def run_program(prog):
    it = Interp(prog)
    return it.run(), it
