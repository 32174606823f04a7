# SPDX-License-Identifier: MIT
"""Makes a random program (FORMAT.md) from a seed and a profile: the same program on every machine and Python version."""
M64 = (1 << 64) - 1


class Rng:                      # splitmix64: trivial to re-implement in C++
    def __init__(self, seed):
        self.s = seed & M64

    def next(self):
        self.s = (self.s + 0x9E3779B97F4A7C15) & M64
        z = self.s
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
        return z ^ (z >> 31)

    def below(self, n):
        return self.next() % n

    def pick(self, seq):
        return seq[self.below(len(seq))]

    def chance(self, pct):
        return self.below(100) < pct

    def weighted(self, table):          # [(weight, item)]
        n = self.below(sum(w for w, _ in table))
        for w, it in table:
            if n < w:
                return it
            n -= w


# The ops by family, with their weights.  (await_, raise_, return_, try_: Python keywords; combo: an object operation and
# a cancel in the same step; reraise and notify_held are made by try_ and cond_hold.)
FAMILY = {
    'core': {'log': 3, 'yield': 6, 'sleep': 12, 'spawn': 8, 'await_': 6, 'cancel': 3, 'uncancel': 1, 'raise_': 2,
             'return_': 1, 'try_': 6, 'gather': 4, 'soon': 2, 'later': 2, 'hcancel': 1, 'combo': 2},
    'timeouts': {'timeout': 4, 'reschedule': 1, 'wait_for': 3, 'shield': 3},
    'combinators': {'shield': 3, 'wait': 3, 'as_completed': 1, 'wait_for': 3},
    'groups': {'group': 4, 'gspawn': 3},
    'locks': {'lock': 4, 'sem': 3, 'sem_release': 1, 'set': 3, 'clear': 1, 'event': 3, 'cond_wait': 2, 'cond_hold': 1,
              'notify': 3, 'barrier': 2, 'barrier_reset': 2, 'barrier_abort': 0},
    'queues': {'put': 3, 'get': 3, 'put_nowait': 2, 'get_nowait': 1, 'task_done': 1, 'join': 1, 'q_shutdown': 0},
    'futures': {'fut_set': 2, 'fut_exc': 1, 'fut_cancel': 1, 'fut_wait': 2},
    'loops': {'repeat': 1},
}
OBJECTS = {'locks': ['lock', 'sem', 'bsem', 'event', 'cond', 'barrier'], 'queues': ['queue'], 'futures': ['future']}
ALL = ' '.join(FAMILY)


def profile(families, clusters, **weights):
    families = families.split()
    w = {op: n for f in families for op, n in FAMILY[f].items()}
    return {'families': families, 'weights': w | weights, 'clusters': clusters.split()}


# One kind only: core, and core with one family more.  mixed.*: all families, one of them stressed.
PROFILES = {
    'core': profile('core', 'gather gather gather_refs', gather=10, await_=8, cancel=5, try_=9),
    'timeouts': profile('core timeouts', 'gather deadline deadline', timeout=14, wait_for=10, reschedule=4, shield=4,
        sleep=14, try_=8),
    'combinators': profile('core combinators', 'gather gather_refs select select', gather=8, wait=10, shield=8,
        as_completed=8, wait_for=6, cancel=4),
    'groups': profile('core groups', 'group group gather', group=14, gspawn=14, raise_=5, try_=9),
    'locks': profile('core locks', 'mutex mutex cond event handover', lock=12, sem=12, sem_release=4, cond_wait=8,
        cond_hold=4, notify=10, barrier=10, barrier_abort=1, event=8, set=6, clear=3, combo=5),
    'queues': profile('core queues', 'queue handover', put=14, get=16, put_nowait=8, get_nowait=4, task_done=4,
        join=3, q_shutdown=1, combo=5),
    'futures': profile('core futures', 'gather_refs future future', fut_set=8, fut_exc=4, fut_cancel=4, fut_wait=14,
        soon=6, later=6, combo=5),
    'mixed.general': profile(ALL, 'mutex queue group group cond gather gather_refs handover'),
    'mixed.cancel': profile(ALL, 'mutex queue group group cond gather gather_refs handover', cancel=10, try_=12,
        combo=5, shield=5, timeout=6, uncancel=2),
    'mixed.locks': profile(ALL, 'mutex mutex cond event handover', lock=14, sem=12, sem_release=4, cond_wait=8,
        cond_hold=4, notify=10, barrier=12, barrier_abort=1, combo=5, group=2, gather=2, put=0, get=0, put_nowait=0,
        get_nowait=0, join=0, task_done=0),
    'mixed.queues': profile(ALL, 'queue queue handover', put=14, get=16, put_nowait=8, get_nowait=4, task_done=4,
        join=3, combo=5, lock=1, sem=1, q_shutdown=1),
    'mixed.groups': profile(ALL, 'group group group gather', group=14, gspawn=16, raise_=5, timeout=6, gather=3,
        try_=9),
    'mixed.timeouts': profile(ALL, 'group group mutex deadline deadline gather_refs handover', timeout=16,
        wait_for=12, reschedule=4, sleep=16, shield=5, try_=8),
    'mixed.combinators': profile(ALL, 'group queue gather gather_refs gather_refs select select', gather=14, wait=12,
        shield=9, as_completed=6, await_=9, cancel=4, raise_=4),
    'mixed.callbacks': profile(ALL, 'queue mutex event future handover', soon=10, later=10, hcancel=5, fut_set=8,
        fut_exc=4, fut_cancel=4, fut_wait=12, combo=5, set=6, event=6),
}
MIXED = [p for p in PROFILES if p.startswith('mixed.')]
PROFILES['mixed'] = profile(ALL, '')            # seed % 8 says which mixed.* it is
SLEEPS = [1, 1, 2, 2, 3, 5, 5, 5, 10, 10, 20, 40]
TIMEOUTS = [-1, 0, 1, 2, 3, 5, 5, 10, 10, 20, 100]
# cannot suspend: allowed in callbacks
SYNC = ['log', 'cancel', 'set', 'clear', 'put_nowait', 'get_nowait', 'sem_release', 'task_done', 'fut_set', 'fut_exc',
        'fut_cancel', 'hcancel']
COMPOUND = ('spawn', 'try_', 'timeout', 'wait_for', 'gather', 'shield', 'wait', 'as_completed', 'lock', 'sem',
            'cond_hold', 'group', 'gspawn', 'repeat')
FEED = [(4, 'set'), (1, 'clear'), (5, 'put_nowait'), (5, 'sem_release'), (3, 'fut_set'), (1, 'fut_exc'),
        (1, 'fut_cancel'), (2, 'cancel'), (1, 'get_nowait'), (1, 'task_done')]


def ops_of(name):
    """the ops that programs of a profile use"""
    if name == 'mixed':
        return sorted({op for p in MIXED for op in ops_of(p)})
    p = PROFILES[name]
    absent = {op for op in ('join', 'q_shutdown', 'barrier_abort') if not p['weights'].get(op)}     # in no cluster
    ops = {op for f in p['families'] for op in FAMILY[f]} - {'combo'} - absent | {'reraise'}
    return sorted(op.rstrip('_') for op in ops | ({'notify_held'} if 'cond_hold' in ops else set()))


class Gen:
    STREAM = 12345
    DEPTH = 5                               # no compound statements below it
    TASKS, BODY, MAIN = (6, 10), (6, 14), (8, 20)           # most tasks; statements of a task, of main: (least, spread)

    def __init__(self, seed, profile):
        self.r = Rng(seed * 0x2545F4914F6CDD1D + self.STREAM)
        self.seed = seed
        self.profile = MIXED[seed % len(MIXED)] if profile == 'mixed' else profile
        p = PROFILES[self.profile]
        self.w, self.clusters = p['weights'], p['clusters']
        self.can = {op for f in p['families'] for op in FAMILY[f]}
        self.sync = [op for op in SYNC if op in self.can]
        self.nid = 0
        self.ntask = 1                      # T0 is main
        self.budget = 0
        self.maxtask = self.upto(self.TASKS)
        self.patches = []                   # (list, index, kind, owner) resolved at the end
        self.hids = []
        self.gids = []
        r = self.r
        objs = {'lock': 1 + r.below(2), 'sem': [r.below(3) for _ in range(1 + r.below(2))], 'bsem': [1 + r.below(2)],
                'event': 1 + r.below(2), 'cond': 1,
                'queue': [[r.pick(['fifo', 'fifo', 'fifo', 'lifo', 'prio']), r.below(3)] for _ in range(1 + r.below(2))],
                'barrier': [2 + r.below(2)], 'future': 1 + r.below(3)}
        self.objs = {k: v for k, v in objs.items() if any(k in OBJECTS.get(f, ()) for f in p['families'])}

    def upto(self, least_and_spread):
        return least_and_spread[0] + self.r.below(least_and_spread[1])

    def id(self):
        self.nid += 1
        return self.nid

    def obj(self, kind):
        n = self.objs[kind]
        n = n if isinstance(n, int) else len(n)
        return {'lock': 'L', 'sem': 'S', 'event': 'E', 'cond': 'C', 'queue': 'Q', 'barrier': 'B',
                'future': 'F', 'bsem': 'D'}[kind] + str(self.r.below(n))

    def newtask(self):
        n = self.ntask
        self.ntask += 1
        return n

    def taskbody(self, depth, groups):
        n = self.newtask()
        return f'T{n}', self.body(n, depth + 1, 1 + self.r.below(5), groups, False)

    def body(self, me, depth, n, groups, in_to):
        out = []
        for _ in range(n):
            if self.budget <= 0:
                break
            out.extend(self.stmt(me, depth, groups, in_to))
        if not out:
            out.append(['log', self.id()])
        return out

    def ref(self, lst, idx, kind, me):
        self.patches.append((lst, idx, kind, me))

    def child(self, me, depth, groups, inline=False):
        r = self.r
        if inline and r.chance(45):
            return ['co', self.body(me, depth + 1, 1 + r.below(3), groups, False)]
        if self.ntask <= self.maxtask and r.chance(75):
            name, b = self.taskbody(depth, groups)
            return ['T', name, b]
        c = ['ref', None]
        self.ref(c, 1, 'higher', me)
        return c

    def sync_op(self, op, me):
        r = self.r
        i = self.id()
        if op == 'log':
            return ['log', i]
        if op == 'cancel':
            s = ['cancel', i, None]
            self.ref(s, 2, 'any', me)
            return s
        if op in ('set', 'clear'):
            return [op, i, self.obj('event')]
        if op == 'put_nowait':
            return [op, i, self.obj('queue'), r.below(100)]
        if op in ('get_nowait', 'task_done'):
            return [op, i, self.obj('queue')]
        if op == 'sem_release':
            return [op, i, self.obj('sem' if r.chance(80) else 'bsem')]
        if op == 'fut_set':
            return [op, i, self.obj('future'), r.below(100)]
        if op == 'fut_exc':
            return [op, i, self.obj('future'), 900 + r.below(9)]
        if op == 'fut_cancel':
            return [op, i, self.obj('future')]
        if op == 'hcancel':
            s = ['hcancel', i, None]
            self.ref(s, 2, 'handle', me)
            return s
        raise AssertionError(op)

    def stmt(self, me, depth, groups, in_to):
        r = self.r
        self.budget -= 1
        deep = depth >= self.DEPTH
        table = []
        for op, w in self.w.items():
            if not w:
                continue
            if deep and op in COMPOUND:
                continue
            if self.ntask > self.maxtask and op in ('spawn', 'gspawn'):
                continue
            if op == 'return_' and me == 0 and depth == 0:
                continue
            if op == 'gspawn' and (not groups and not (self.gids and self.r.chance(20))):
                continue
            if op == 'reschedule' and not in_to:
                continue
            table.append((w, op))
        op = r.weighted(table)
        if op in SYNC:
            return [self.sync_op(op, me)]
        if op == 'combo':       # state change and cancel in the same step: the classic lost-wake-up recipe
            first = r.pick([op for op in ('set', 'put_nowait', 'sem_release', 'fut_set', 'get_nowait', 'notify')
                            if op in self.can] or ['cancel'])
            c = self.sync_op('cancel', me)
            if first == 'notify':
                return [['cond_hold', self.id(), 'C0', [['notify_held', self.id(), 'C0', 1], c]]]
            s = self.sync_op(first, me)
            return [s, c] if r.chance(70) else [c, s]
        i = self.id()
        if op == 'yield':
            return [['yield', i]]
        if op == 'sleep':
            return [['sleep', i, r.pick(SLEEPS)]]
        if op == 'spawn':
            name, b = self.taskbody(depth, groups)
            return [['spawn', i, name, b]]
        if op == 'await_':
            s = ['await', i, None]
            self.ref(s, 2, 'higher', me)
            return [s]
        if op == 'raise_':
            return [['raise', i, 1 + r.below(9)]]
        if op == 'return_':
            return [['return', i, r.below(100)]]
        if op == 'uncancel':
            return [['uncancel', i]]
        if op == 'try_':
            h = {}
            b = self.body(me, depth + 1, 1 + r.below(4), groups, in_to)
            k = r.below(100)
            if k < 45:
                hb = self.body(me, depth + 1, r.below(3), groups, False)
                if r.chance(55):
                    hb.append(['reraise', self.id()])
                elif r.chance(20):
                    hb.append(['raise', self.id(), 10 + r.below(9)])
                h['cancelled'] = hb
            if k >= 30 and k < 70:
                hb = self.body(me, depth + 1, r.below(3), groups, False)
                if r.chance(25):
                    hb.append(['reraise', self.id()])
                h['error'] = hb
            if k >= 60:
                h['finally'] = self.body(me, depth + 1, 1 + r.below(2), groups, False)
            return [['try', i, b, h]]
        if op == 'timeout':
            return [['timeout', i, r.pick(TIMEOUTS), self.body(me, depth + 1, 1 + r.below(4), groups, True)]]
        if op == 'reschedule':
            return [['reschedule', i, r.pick([-1, 0, 1, 5, 10, 50, None])]]
        if op == 'wait_for':
            return [['wait_for', i, r.pick(TIMEOUTS + [None]), self.child(me, depth, groups, inline=True)]]
        if op == 'gather':
            return [['gather', i, r.below(2), [self.child(me, depth, groups) for _ in range(r.below(4))]]]
        if op == 'shield':
            return [['shield', i, self.child(me, depth, groups)]]
        if op == 'wait':
            return [['wait', i, r.pick(['first_completed', 'first_completed', 'first_exception', 'all']),
                     r.pick([None, None, 1, 5, 10]), [self.child(me, depth, groups) for _ in range(1 + r.below(3))]]]
        if op == 'as_completed':
            return [['as_completed', i, r.pick([None, None, 1, 5, 10]),
                     [self.child(me, depth, groups) for _ in range(1 + r.below(3))]]]
        if op == 'q_shutdown':
            return [['q_shutdown', i, self.obj('queue'), r.below(2)]]
        if op == 'lock':
            return [['lock', i, self.obj('lock'), self.body(me, depth + 1, 1 + r.below(2), groups, in_to)]]
        if op == 'sem':
            return [['sem', i, self.obj('sem' if r.chance(80) else 'bsem'),
                     self.body(me, depth + 1, 1 + r.below(2), groups, in_to)]]
        if op == 'event':
            return [['event', i, self.obj('event')]]
        if op == 'cond_wait':
            return [['cond_wait', i, 'C0']]
        if op == 'cond_hold':
            return [['cond_hold', i, 'C0', self.body(me, depth + 1, 1 + r.below(2), groups, in_to)]]
        if op == 'notify':
            return [['notify', i, 'C0', r.pick([1, 1, 2, 0])]]
        if op == 'put':
            return [['put', i, self.obj('queue'), r.below(100)]]
        if op in ('get', 'join'):
            return [[op, i, self.obj('queue')]]
        if op == 'group':
            g = groups + (i,)
            self.gids.append(i)
            b = self.body(me, depth + 1, 1 + r.below(4), g, in_to)
            # make sure most groups have children
            if self.ntask <= self.maxtask and r.chance(70):
                gi = self.id()
                name, cb = self.taskbody(depth, g)
                b.insert(r.below(len(b) + 1), ['gspawn', gi, i, name, cb])
            return [['group', i, b]]
        if op == 'gspawn':      # mostly an enclosing group; sometimes any group (finished, aborting, not entered)
            name, cb = self.taskbody(depth, groups)
            return [['gspawn', i, r.pick(groups if groups and r.chance(75) else self.gids), name, cb]]
        if op in ('barrier', 'barrier_reset', 'barrier_abort'):
            return [[op, i, self.obj('barrier')]]
        if op == 'repeat':
            return [['repeat', i, 2 + r.below(3), self.body(me, depth + 1, 1 + r.below(2), groups, in_to)]]
        if op in ('soon', 'later'):
            ops = [self.sync_op(r.pick(self.sync), me) for _ in range(1 + r.below(3))]
            if op == 'soon':
                return [['soon', i, ops]]
            self.hids.append(i)
            return [['later', i, r.pick([-1, 0] + SLEEPS), ops]]
        if op == 'fut_wait':
            return [['fut_wait', i, self.obj('future')]]
        raise AssertionError(op)

    def guard(self, me, depth, groups, stmts):
        """wrap statements in a try that usually swallows, so that the program goes on"""
        r = self.r
        h = {}
        if r.chance(85):
            h['error'] = [['log', self.id()]] if r.chance(50) else []
        if r.chance(60):
            hb = [['log', self.id()]] if r.chance(40) else []
            if r.chance(20):
                hb.append(['sleep', self.id(), r.pick(SLEEPS)])
            if r.chance(35):
                hb.append(['reraise', self.id()])
            h['cancelled'] = hb
        if r.chance(20):
            h['finally'] = [['yield', self.id()]] if r.chance(50) else [['log', self.id()]]
        return ['try', self.id(), stmts, h]

    def feeder(self):
        """a timer callback that feeds the primitives (keeps blocked tasks alive) or cancels somebody"""
        r = self.r
        i = self.id()
        ops = []
        for _ in range(1 + r.below(3)):
            op = r.weighted([(w, op) for w, op in FEED if op in self.can] + [(1, 'log')])
            ops.append(self.sync_op(op, 0))
        self.hids.append(i)
        return ['later', i, r.pick([1, 2, 3, 4, 5, 5, 6, 8, 10, 10, 15, 20, 30, 40, 60]), ops]

    def guarded_body(self, me, depth, n, groups):
        r = self.r
        out = []
        for _ in range(n):
            if self.budget <= 0:
                break
            st = self.stmt(me, depth, groups, False)
            out.extend([self.guard(me, depth, groups, st)] if r.chance(65) or st[0][0] in ('raise', 'return') else st)
        return out

    # ---- clusters: several tasks that collide on one object within a few ticks, plus a callback that changes the
    # object and cancels one of them at the same tick
    def small(self):
        return self.r.pick([1, 1, 2, 2, 3, 3, 4, 5])

    def pause(self):
        return ['yield', self.id()] if self.r.chance(35) else ['sleep', self.id(), self.small()]

    def cluster_task(self, main, top, body):
        i, n = self.id(), self.newtask()
        top.append(f'T{n}')
        main.append(['spawn', i, f'T{n}', body(n)])
        return f'T{n}'

    def poke(self, main, names, make):
        """a timer callback: 1-3 object operations and usually one cancel, in random order"""
        r = self.r
        i = self.id()
        ops = [make() for _ in range(1 + r.below(3))]
        if r.chance(70):
            ops.insert(r.below(len(ops) + 1), ['cancel', self.id(), r.pick(names)])
        self.hids.append(i)
        main.append(['later', i, self.small() + r.below(4), ops])

    def cluster_mutex(self, main, top):
        r = self.r
        kind = r.pick(['lock', 'sem', 'sem'])
        o = self.obj(kind)
        def body(n):
            out = [self.pause()] if r.chance(60) else []
            for _ in range(1 + r.below(3)):
                st = [kind, self.id(), o, [self.pause()] if r.chance(80) else [['log', self.id()]]]
                out.append(self.guard(n, 0, (), [st]) if r.chance(50) else st)
                if r.chance(30):
                    out.append(self.pause())
            if kind == 'sem' and r.chance(40):
                out.insert(r.below(len(out) + 1), ['sem_release', self.id(), o])
            return out
        names = [self.cluster_task(main, top, body) for _ in range(3 + r.below(3))]
        for _ in range(1 + r.below(4)):
            self.poke(main, names, lambda: ['sem_release', self.id(), o] if kind == 'sem' else ['log', self.id()])

    def cluster_queue(self, main, top):
        r = self.r
        q = self.obj('queue')
        def body(n):
            out = []
            producer = r.chance(50)
            for _ in range(1 + r.below(4)):
                st = ['put', self.id(), q, r.below(100)] if producer else ['get', self.id(), q]
                out.append(self.guard(n, 0, (), [st]) if r.chance(40) else st)
                if r.chance(35):
                    out.append(self.pause())
            return out
        names = [self.cluster_task(main, top, body) for _ in range(3 + r.below(4))]
        for _ in range(2 + r.below(4)):
            self.poke(main, names, lambda: ['put_nowait', self.id(), q, r.below(100)] if r.chance(45)
                      else ['get_nowait', self.id(), q])

    def cluster_cond(self, main, top):
        r = self.r
        def body(n):
            out = []
            for _ in range(1 + r.below(3)):
                k = r.below(10)
                st = (['cond_wait', self.id(), 'C0'] if k < 6 else
                      ['notify', self.id(), 'C0', r.pick([1, 1, 2, 0])] if k < 8 else
                      ['cond_hold', self.id(), 'C0', [['notify_held', self.id(), 'C0', r.pick([1, 1, 2])], self.pause()]])
                out.append(self.guard(n, 0, (), [st]) if r.chance(50) else st)
                if r.chance(50):
                    out.append(self.pause())
            return out
        names = [self.cluster_task(main, top, body) for _ in range(3 + r.below(3))]
        def notifier(n):
            out = []
            for _ in range(2 + r.below(3)):
                out.append(self.pause())
                hold = [['notify_held', self.id(), 'C0', r.pick([1, 1, 2])]]
                if r.chance(60):
                    hold.append(['cancel', self.id(), r.pick(names)])
                if r.chance(40):
                    hold.append(self.pause())
                out.append(['cond_hold', self.id(), 'C0', hold])
            return out
        names.append(self.cluster_task(main, top, notifier))
        self.poke(main, names, lambda: ['log', self.id()])

    def cluster_group(self, main, top):
        r = self.r
        def child(depth):
            b = [self.pause()]
            k = r.below(100)
            if k < 30:
                b.append(['raise', self.id(), 1 + r.below(9)])
            elif k < 75:            # long sleeper with a clean-up
                h = {}
                if r.chance(60):
                    h['cancelled'] = [self.pause()] if r.chance(50) else [['log', self.id()]]
                    if r.chance(60):
                        h['cancelled'].append(['reraise', self.id()] if r.chance(50) else
                                              ['raise', self.id(), 20 + r.below(9)])
                if r.chance(30) or not h:
                    h['finally'] = [['log', self.id()]] if r.chance(50) else [self.pause()]
                b.append(['try', self.id(), [['sleep', self.id(), 20]], h])
            return b
        def group(n, depth):
            g = self.id()
            self.gids.append(g)
            b = []
            for _ in range(2 + r.below(3)):
                i, c = self.id(), self.newtask()
                cb = child(depth)
                if r.chance(15):
                    cb.append(['gspawn', self.id(), g, f'T{self.newtask()}', child(depth)])
                b.append(['gspawn', i, g, f'T{c}', cb])
            if depth < 2 and r.chance(30):
                b.append(group(n, depth + 1))
            k = r.below(100)
            if k < 25:
                b.append(['raise', self.id(), 1 + r.below(9)])
            elif k < 60:
                b.append(['sleep', self.id(), r.pick([1, 2, 3, 10])])
            st = ['group', g, b]
            return self.guard(n, 0, (), [st]) if r.chance(30) else st
        def body(n):
            st = group(n, 0)
            if r.chance(35) and 'timeout' in self.can:
                st = ['timeout', self.id(), self.small(), [st]]
            return [self.guard(n, 0, (), [st]) if r.chance(60) else st, self.pause()]
        names = [self.cluster_task(main, top, body) for _ in range(1 + r.below(2))]
        for _ in range(r.below(3)):
            self.poke(main, names, lambda: ['log', self.id()])

    def cluster_handover(self, main, top):
        """waiters on one object; the one that is woken, or nearly, is cancelled in the step that wakes it"""
        r = self.r
        bounded = [f'Q{i}' for i, (_, size) in enumerate(self.objs.get('queue', [])) if size]
        kind = r.pick([k for k in ('get', 'put', 'sem', 'lock', 'cond_wait', 'event', 'fut_wait') if k in self.can and
                       (k != 'put' or bounded)])
        o = {'get': lambda: self.obj('queue'), 'put': lambda: r.pick(bounded), 'sem': lambda: self.obj('sem'),
             'lock': lambda: self.obj('lock'), 'cond_wait': lambda: 'C0', 'event': lambda: self.obj('event'),
             'fut_wait': lambda: self.obj('future')}[kind]()

        def body(n):
            out = [self.pause()] if r.chance(20) else []
            for _ in range(r.pick([1, 1, 2, 3])):
                st = [kind, self.id(), o] + ([r.below(100)] if kind == 'put' else
                                             [[self.pause()]] if kind in ('lock', 'sem') else [])
                out.append(self.guard(n, 0, (), [st]) if r.chance(50) else st)
            return out

        def wake():
            i = self.id()
            return {'get': lambda: ['put_nowait', i, o, r.below(100)], 'put': lambda: ['get_nowait', i, o],
                    'sem': lambda: ['sem_release', i, o], 'lock': lambda: ['lock', i, o, [self.pause()]],
                    'cond_wait': lambda: ['notify_held', i, o, r.pick([1, 1, 2])],
                    'event': lambda: [r.pick(['set', 'set', 'clear']), i, o],
                    'fut_wait': lambda: self.sync_op(r.pick(['fut_set', 'fut_exc', 'fut_cancel']), 0)}[kind]()

        def step(names):
            st = [wake() for _ in range(r.pick([1, 1, 2]))]
            st.insert(len(st) if r.chance(70) else 0, ['cancel', self.id(), r.pick(names[:3])])
            return st

        def waker(n):
            out = []
            for _ in range(1 + r.below(3)):
                out.append(self.pause())
                out += [['cond_hold', self.id(), o, step(names)]] if kind == 'cond_wait' else step(names)
            return out
        names = []
        names += [self.cluster_task(main, top, body) for _ in range(2 + r.below(4))]
        if kind in ('lock', 'cond_wait') or r.chance(30):
            self.cluster_task(main, top, waker)
        else:
            for _ in range(1 + r.below(3)):
                i = self.id()
                self.hids.append(i)
                main.append(['later', i, self.small(), step(names)])

    # the life of a gather's child: ends, fails, or is long and reacts to its cancellation in one way or another
    def life(self, n, depth):
        r = self.r
        b = [self.pause()] if r.chance(70) else []
        k = r.below(100)
        if k < 22:
            b.append(['raise', self.id(), 1 + r.below(9)])
        elif k < 38:
            b.append(['return', self.id(), r.below(100)] if r.chance(70) else ['log', self.id()])
        elif k < 46:
            b.append(['cancel', self.id(), f'T{n}'])
            b.append(self.pause())
        elif k < 60 and depth < 2:
            b.append(self.gather(n, depth + 1, []))
        else:
            h = {}
            if r.chance(70):
                h['cancelled'] = [self.pause()] if r.chance(60) else [['log', self.id()]]
                k = r.below(100)
                if k < 40:
                    h['cancelled'].append(['reraise', self.id()])
                elif k < 60:
                    h['cancelled'].append(['raise', self.id(), 20 + r.below(9)])
                elif k < 80:
                    h['cancelled'].append(['return', self.id(), r.below(100)])
            if r.chance(30) or not h:
                h['finally'] = [['log', self.id()]] if r.chance(50) else [self.pause()]
            b.append(['try', self.id(), [['sleep', self.id(), r.pick([2, 3, 5, 20])]], h])
        return b

    def ref_life(self, n):
        """outlives the gather: fails late, or takes its time when cancelled"""
        r = self.r
        k = r.below(100)
        if k < 45:
            return [['sleep', self.id(), 3 + r.below(6)], ['raise', self.id(), 30 + r.below(9)]]
        if k < 75:
            h = [self.pause() for _ in range(1 + r.below(3))]
            if r.chance(40):
                h.append(['reraise', self.id()] if r.chance(60) else ['raise', self.id(), 40 + r.below(9)])
            return [['try', self.id(), [['sleep', self.id(), 20]], {'cancelled': h}]]
        return self.life(n, 1)

    def gather(self, n, depth, refs):
        r = self.r
        i = self.id()
        cs = []
        for _ in range(1 + r.below(3) if refs else 2 + r.below(3)):
            c = self.newtask()
            cs.append(['T', f'T{c}', self.life(c, depth)])
        for t in refs:
            cs.insert(r.below(len(cs) + 1), ['ref', t])
        if refs and r.chance(10):
            cs.append(['ref', r.pick(refs)])
        st = ['gather', i, 1 if r.chance(20) else 0, cs]
        return self.guard(n, 0, (), [st]) if r.chance(35) else st

    def cluster_gather(self, main, top, with_refs=False):
        """tasks that gather children (and tasks which somebody else started), and cancels on either of them"""
        r = self.r
        refs = []

        def body(n):
            if with_refs:
                refs.extend(f'T{self.newtask()}' for _ in range(1 + r.below(2)))
            out = [self.pause()] if r.chance(40) else []
            st = self.gather(n, 0, refs)
            if r.chance(25) and 'timeout' in self.can:
                st = ['timeout', self.id(), self.small(), [st]]
            out.append(self.guard(n, 0, (), [st]) if r.chance(60) else st)
            out.append(['log', self.id()] if r.chance(50) else self.pause())
            if with_refs and r.chance(30):
                out.append(self.guard(n, 0, (), [['await', self.id(), r.pick(refs)]]))
            return out
        names = []
        for _ in range(1 if with_refs else 1 + r.below(2)):
            names.append(self.cluster_task(main, top, body))
            for t in refs:
                main.append(['spawn', self.id(), t, self.ref_life(int(t[1:]))])
        names += refs
        lo = int(names[0][1:])
        for _ in range(r.below(4)):             # cancel a gatherer, one of its children or a ref, at times twice
            names.append(f'T{lo + r.below(self.ntask - lo)}')
            self.poke(main, names, lambda: ['cancel', self.id(), r.pick(names)] if r.chance(40) else ['log', self.id()])
        if with_refs and r.chance(50):
            self.poke(main, names[:1], lambda: ['log', self.id()])

    def cluster_gather_refs(self, main, top):
        self.cluster_gather(main, top, True)

    def cluster_deadline(self, main, top):
        """nested timeouts and wait_for with deadlines that nearly coincide, and cancels from outside"""
        r = self.r

        def scope(n, depth):
            if depth == 3 or r.chance(25):
                return [self.pause(), ['raise', self.id(), 1 + r.below(9)] if r.chance(15) else self.pause()]
            b = scope(n, depth + 1)
            if r.chance(30):
                b.insert(r.below(len(b) + 1), self.pause())
            if r.chance(20):
                b.insert(r.below(len(b) + 1), ['reschedule', self.id(), r.pick([-1, 0, 1, 3, None])])
            st = (['timeout', self.id(), self.small() - r.below(2), b] if r.chance(70) else
                  ['wait_for', self.id(), self.small() - r.below(2), ['co', b]])
            return [self.guard(n, 0, (), [st]) if r.chance(35) else st]
        names = [self.cluster_task(main, top, lambda n: scope(n, 0) + [self.pause()]) for _ in range(1 + r.below(3))]
        for _ in range(r.below(4)):
            self.poke(main, names, lambda: ['cancel', self.id(), r.pick(names)] if r.chance(30) else ['log', self.id()])

    def cluster_select(self, main, top):
        """wait, as_completed and shield on the same few tasks, which end at about the same time"""
        r = self.r
        names = [f'T{self.newtask()}' for _ in range(2 + r.below(2))]
        refs = [f'T{self.newtask()}' for _ in range(2 + r.below(3))]

        def body(n):
            out = [self.pause()] if r.chance(50) else []
            for _ in range(1 + r.below(2)):
                ms = r.pick([None, None, 1, 2, 3])
                cs = [['ref', t] for t in refs if r.chance(75)]
                k = r.below(100)
                st = (['wait', self.id(), r.pick(['first_completed', 'first_exception', 'first_exception', 'all']), ms, cs]
                      if k < 50 else ['as_completed', self.id(), ms, cs] if k < 80 else
                      ['shield', self.id(), ['ref', r.pick(refs)]])
                out.append(self.guard(n, 0, (), [st]) if r.chance(50) else st)
            return out + [self.pause()]
        for t in names:
            main.append(['spawn', self.id(), t, body(int(t[1:]))])
        for t in refs:
            main.append(['spawn', self.id(), t, self.life(int(t[1:]), 2)])
        top += names
        for _ in range(1 + r.below(4)):
            self.poke(main, names + refs,
                      lambda: ['cancel', self.id(), r.pick(refs)] if r.chance(30) else ['log', self.id()])

    def cluster_event(self, main, top):
        r = self.r
        e = self.obj('event')

        def body(n):
            out = [self.pause()] if r.chance(40) else []
            for _ in range(1 + r.below(3)):
                st = ['event', self.id(), e] if r.chance(80) else ['clear', self.id(), e]
                out.append(self.guard(n, 0, (), [st]) if r.chance(40) else st)
                if r.chance(30):
                    out.append(self.pause())
            return out
        names = [self.cluster_task(main, top, body) for _ in range(2 + r.below(3))]
        for _ in range(2 + r.below(3)):
            self.poke(main, names, lambda: [r.pick(['set', 'set', 'clear']), self.id(), e])

    def cluster_future(self, main, top):
        r = self.r
        f = self.obj('future')

        def body(n):
            out = [self.pause()] if r.chance(40) else []
            for _ in range(1 + r.below(2)):
                st = ['fut_wait', self.id(), f]
                out.append(self.guard(n, 0, (), [st]) if r.chance(50) else st)
                if r.chance(40):
                    out.append(self.pause())
            return out
        names = [self.cluster_task(main, top, body) for _ in range(2 + r.below(3))]
        for _ in range(1 + r.below(3)):
            self.poke(main, names, lambda: self.sync_op(r.pick(['fut_set', 'fut_exc', 'fut_cancel']), 0))

    def program(self):
        r = self.r
        main = [self.feeder() for _ in range(2 + r.below(5))]
        top = []
        if r.chance(85):
            for _ in range(1 + r.below(3)):
                getattr(self, 'cluster_' + r.pick(self.clusters))(main, top)
        for _ in range(r.below(4) if top else 2 + r.below(4)):
            self.random_task(main, top)
            if r.chance(20):
                main.append(['yield', self.id()])
        return self.finish(main, top)

    def random_task(self, main, top):
        self.budget = self.upto(self.BODY)
        self.cluster_task(main, top, lambda n: self.guarded_body(n, 1, 2 + self.r.below(5), ()) or [['log', self.id()]])

    def finish(self, main, top):
        """main's own statements, waiting for the tasks, and the references that could not be known before"""
        r = self.r
        self.budget = self.upto(self.MAIN)
        main += self.guarded_body(0, 0, 3 + r.below(7), ())
        refs = [['ref', t] for t in top]
        main.append(self.guard(0, 0, (), [['wait', self.id(), 'all', r.pick([None, 50, 200]), refs] if 'wait' in self.can
                                          else ['gather', self.id(), 1, refs]]))
        for lst, idx, kind, me in self.patches:
            if kind == 'any':
                k = r.below(100)
                lst[idx] = 'T0' if k < 6 else f'T{me}' if k < 18 else f'T{r.below(self.ntask)}'
            elif kind == 'higher':
                lo = me + 1
                lst[idx] = f'T{lo + r.below(self.ntask - lo)}' if lo < self.ntask else f'T{self.ntask}'
            elif kind == 'handle':
                lst[idx] = r.pick(self.hids) if self.hids else 0
        return {'v': 1, 'seed': self.seed, 'profile': self.profile, 'objs': self.objs, 'main': main}


def generate(seed, profile='mixed'):
    return Gen(seed, profile).program()
