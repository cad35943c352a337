# SPDX-License-Identifier: GPL-2.0
"""A small xenstore, as libxenstore talks to it over a socket, that fails when it is told to; and a guest with a backend."""
import collections
import errno
import os
import selectors
import socket
import struct
import threading
import time

(CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, START, END, INTRODUCE, RELEASE, DOMAIN_PATH, WRITE, MKDIR, RM,
 SET_PERMS, EVENT, ERROR) = range(17)
DIRECTORY_PART = 22

Node = collections.namedtuple('Node', 'value perms gen')


def parent(path):
    return path.rsplit('/', 1)[0]


class Tree:
    """What a transaction, or all the world, sees."""

    def __init__(self, nodes=None):
        self.nodes = dict(nodes or {})

    def children(self, path):
        depth = path.count('/') + 1
        return [p.rsplit('/', 1)[1] for p in self.nodes if p.startswith(path + '/') and p.count('/') == depth]


class Transaction(Tree):
    def __init__(self, nodes):
        super().__init__(nodes)
        self.base = dict(nodes)
        self.read = {}
        self.done = []


class Store:
    def __init__(self, sock):
        self.path = sock
        self.tree = Tree({'': Node(b'', ['n0'], 0)})
        self.gen = 0
        self.lock = threading.RLock()
        self.clients = {}
        self.requests = []      # (type, path) of each
        self.faults = {}        # (type, path) or number of a request that reads: errno's name
        self.nr_reads = 0
        self.before_commit = [] # one function for each END that would be done
        self.guests = []        # something with react()
        self.timers = []
        self.wake_r, self.wake_w = os.pipe()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(sock)
        self.listener.listen(64)
        threading.Thread(target=self.loop, daemon=True).start()

    # ---- for tests

    def get(self, path):
        with self.lock:
            node = self.tree.nodes.get(path)
            return node and node.value.decode()

    def dump(self, top=''):
        with self.lock:
            return {p: (n.value.decode(), n.perms) for p, n in self.tree.nodes.items() if p.startswith(top)}

    def set(self, path, value, perms=None):
        with self.lock:
            self.write(self.tree, path, value.encode(), perms)
            self.changed([path])

    def remove(self, path):
        with self.lock:
            self.changed(self.delete(self.tree, path) or [])

    def later(self, seconds, function):
        self.timers.append((time.monotonic() + seconds, function))
        os.write(self.wake_w, b'x')

    # ---- the tree

    def bump(self):
        self.gen += 1
        return self.gen

    def write(self, tree, path, value, perms=None):
        up = parent(path)
        if up not in tree.nodes:
            self.write(tree, up, b'')
        old = tree.nodes.get(path)
        if not old:
            tree.nodes[up] = tree.nodes[up]._replace(gen=self.bump())
        tree.nodes[path] = Node(value, perms or (old or tree.nodes[up]).perms, self.bump())

    def delete(self, tree, path):
        if path not in tree.nodes:
            return None
        gone = [p for p in tree.nodes if p == path or p.startswith(path + '/')]
        for p in gone:
            del tree.nodes[p]
        up = parent(path)
        if up in tree.nodes:
            tree.nodes[up] = tree.nodes[up]._replace(gen=self.bump())
        return gone

    def apply(self, tree, op):
        kind, path, arg = op
        if kind == RM:
            return self.delete(tree, path) or []
        if kind == SET_PERMS:
            tree.nodes[path] = tree.nodes[path]._replace(perms=arg, gen=self.bump())
            return [path]
        if kind == MKDIR and path in tree.nodes:
            return []
        self.write(tree, path, arg)
        return [path]

    def changed(self, paths):
        for client in list(self.clients.values()):
            for watched, token in client.watches:
                for path in paths:
                    if path == watched or path.startswith(watched + '/'):
                        client.event(path, token)
        for guest in self.guests:
            guest.react()

    def special(self, name):
        """@introduceDomain, @releaseDomain"""
        with self.lock:
            for client in list(self.clients.values()):
                for watched, token in client.watches:
                    if watched == name:
                        client.event(name, token)

    # ---- the wire

    def loop(self):
        poll = selectors.DefaultSelector()
        poll.register(self.listener, selectors.EVENT_READ)
        poll.register(self.wake_r, selectors.EVENT_READ)
        while True:
            timeout = min((t for t, _ in self.timers), default=time.monotonic() + 60) - time.monotonic()
            for key, _ in poll.select(max(timeout, 0)):
                if key.fileobj is self.listener:
                    conn = self.listener.accept()[0]
                    with self.lock:
                        self.clients[conn] = Client(self, conn)
                    poll.register(conn, selectors.EVENT_READ)
                elif key.fileobj == self.wake_r:
                    os.read(self.wake_r, 100)
                elif not self.clients[key.fileobj].readable():
                    poll.unregister(key.fileobj)
                    with self.lock:
                        del self.clients[key.fileobj]
                    key.fileobj.close()
            now = time.monotonic()
            due = [t for t in self.timers if t[0] <= now]
            self.timers = [t for t in self.timers if t[0] > now]
            for _, function in due:
                with self.lock:
                    function()


class Client:
    def __init__(self, store, conn):
        self.store, self.conn = store, conn
        self.buffer = b''
        self.watches = []
        self.transactions = {}
        self.next_tx = 1

    def send(self, kind, req, tx, data):
        try:
            self.conn.sendall(struct.pack('<IIII', kind, req, tx, len(data)) + data)
        except OSError:
            pass

    def event(self, path, token):
        self.send(EVENT, 0, 0, path.encode() + b'\0' + token.encode() + b'\0')

    def readable(self):
        try:
            data = self.conn.recv(65536)
        except OSError:
            data = b''
        if not data:
            return False
        self.buffer += data
        while len(self.buffer) >= 16:
            kind, req, tx, size = struct.unpack('<IIII', self.buffer[:16])
            if len(self.buffer) < 16 + size:
                break
            body, self.buffer = self.buffer[16:16 + size], self.buffer[16 + size:]
            with self.store.lock:
                after = []
                try:
                    reply = self.handle(kind, tx, body, after)
                    self.send(kind, req, tx, reply)
                except OSError as e:
                    self.send(ERROR, req, tx, errno.errorcode[e.errno].encode() + b'\0')
                for function in after:
                    function()
        return True

    def handle(self, kind, tx, body, after):
        store = self.store
        words = body.split(b'\0')
        path = words[0].decode()
        if path and path[0] not in '/@':
            path = '/local/domain/0/' + path
        store.requests.append((kind, path))
        fault = store.faults.get((kind, path))
        if kind in (READ, DIRECTORY):
            store.nr_reads += 1
            fault = fault or store.faults.get(store.nr_reads)
        if fault:
            raise OSError(getattr(errno, fault), fault)
        if tx and tx not in self.transactions:
            raise OSError(errno.ENOENT, 'no such transaction')
        tree = self.transactions[tx] if tx else store.tree
        if kind == WATCH:
            self.watches.append((path, words[1].decode()))
            after.append(lambda: self.event(path, words[1].decode()))
            return b'OK\0'
        if kind == UNWATCH:
            self.watches.remove((path, words[1].decode()))
            return b'OK\0'
        if kind == START:
            self.next_tx += 1
            self.transactions[self.next_tx] = Transaction(store.tree.nodes)
            return b'%d\0' % self.next_tx
        if kind == END:
            return self.end(tx, words[0] == b'T', after)
        if tx:
            # What it has written itself is no news to it.
            tree.read[path] = tree.base[path].gen if path in tree.base else None
        if kind in (READ, DIRECTORY, GET_PERMS, RM, SET_PERMS) and path not in tree.nodes:
            raise OSError(errno.ENOENT, path)
        node = tree.nodes.get(path)
        if kind == READ:
            return node.value
        if kind == DIRECTORY:
            return b''.join(c.encode() + b'\0' for c in tree.children(path))
        if kind == GET_PERMS:
            return b''.join(p.encode() + b'\0' for p in node.perms)
        ops = {
            WRITE: lambda: (WRITE, path, body[len(words[0]) + 1:]),
            MKDIR: lambda: (MKDIR, path, b''),
            RM: lambda: (RM, path, None),
            SET_PERMS: lambda: (SET_PERMS, path, [w.decode() for w in words[1:] if w]),
        }
        if kind not in ops:
            raise OSError(errno.ENOSYS, 'not here')
        op = ops[kind]()
        paths = store.apply(tree, op)
        if tx:
            tree.done.append(op)
        else:
            after.append(lambda: store.changed(paths))
        return b'OK\0'

    def end(self, tx, commit, after):
        store, t = self.store, self.transactions.pop(tx)
        if not commit:
            return b'OK\0'
        if store.before_commit and t.done:
            store.before_commit.pop(0)()
        for path, gen in t.read.items():
            node = store.tree.nodes.get(path)
            if (node.gen if node else None) != gen:
                raise OSError(errno.EAGAIN, path)
        paths = []
        for op in t.done:
            paths += store.apply(store.tree, op)
        after.append(lambda: store.changed(paths))
        return b'OK\0'


class Guest:
    """A domain, its frontend, and the backend here: they do at once what they do at all."""

    def __init__(self, store, domid, name):
        self.store, self.domid = store, domid
        self.top = '/local/domain/%d' % domid
        self.backs = '/local/domain/0/backend/vscsi/%d' % domid
        self.backend = True     # the module is loaded
        self.driver = True      # the guest's, too
        self.deaf = False       # but answers nothing
        self.delay = 0
        self.refuse = {}        # P-DEV: why
        self.held = {}          # entry's path: P-DEV
        self.revokes = True     # the backend takes what the guest does not give: ours does, Linux's does not
        self.early = True       # and opens devices before the guest's driver comes
        self.patience = 20      # after so many seconds, unless it is told otherwise
        self.asked = {}         # entry's path: [how many it was told]
        self.busy = False
        store.set(self.top + '/name', name, ['n0', 'r%d' % domid])
        store.set(self.top + '/device', '', ['n%d' % domid, 'r0'])
        store.guests.append(self)
        store.special('@introduceDomain')

    def destroy(self):
        self.store.guests.remove(self)
        self.store.remove(self.top)
        self.store.special('@releaseDomain')

    def back(self, vhost=0):
        return '%s/%d' % (self.backs, vhost)

    def front(self, vhost=0):
        return '%s/device/vscsi/%d' % (self.top, vhost)

    def entry(self, n, key, vhost=0):
        return self.store.get('%s/vscsi-devs/dev-%d/%s' % (self.back(vhost), n, key))

    def state(self, path):
        return self.store.get(path + '/state')

    def react(self):
        if self.busy:
            return
        if self.delay:
            self.busy = True
            self.store.later(self.delay, self.answer)
            return
        self.busy = True
        self.answer()

    def answer(self):
        try:
            for _ in range(20):
                if not any([self.step(v) for v in self.store.tree.children(self.backs)]):
                    return
        finally:
            self.busy = False

    def set(self, path, state):
        self.store.set(path + '/state', state)
        return True

    def ask(self, b):
        """What the toolstack wants back is taken when its time has come."""
        for name in self.store.tree.children(b + '/vscsi-devs'):
            e = '%s/vscsi-devs/%s' % (b, name)
            if self.state(e) != '5':
                self.asked.pop(e, None)
            elif e not in self.asked:
                asked = self.asked[e] = [self.store.get(e + '/pvsplit-patience')]
                self.store.later(float(asked[0] or self.patience), lambda e=e, asked=asked: self.revoke(b, e, asked))

    def revoke(self, b, e, asked):
        if not self.backend or self.state(e) != '5' or self.asked.get(e) is not asked:
            return
        self.held.pop(e, None)
        self.set(e, '6')
        devs = b + '/vscsi-devs'
        if self.state(b) == '7' and not any(self.state('%s/%s' % (devs, n)) in '15' for n in self.store.tree.children(devs)):
            self.set(b, '4')

    def refuses(self, e, vhost):
        pdev = self.store.get(e + '/p-dev')
        if self.state(e) != '1' or pdev not in self.refuse:
            return False
        self.store.set('/local/domain/0/error/backend/vscsi/%d/%s/error' % (self.domid, vhost), self.refuse[pdev])
        return self.set(e, '6')

    def open(self, b, vhost):
        """Those that nobody has looked at yet; whether there was one."""
        devs = b + '/vscsi-devs'
        new = [e for e in ('%s/%s' % (devs, n) for n in self.store.tree.children(devs)) if self.state(e) == '1']
        for e in new:
            if not self.refuses(e, vhost):
                self.set(e, '2')
        return bool(new)

    def sync(self, b, vhost):
        devs = b + '/vscsi-devs'
        names = self.store.tree.children(devs)
        for name in names:
            e = '%s/%s' % (devs, name)
            state, pdev = self.state(e), self.store.get(e + '/p-dev')
            if state == '5':
                self.held.pop(e, None)
                self.set(e, '6')
            elif self.refuses(e, vhost):
                pass
            elif state in '1234':
                self.held[e] = pdev
                self.set(e, '4')
                self.store.set('%s/vscsi-devs/%s/state' % (self.front(int(vhost)), name), '4')
        for e in list(self.held):
            if e.startswith(devs + '/') and e.rsplit('/', 1)[1] not in names:
                del self.held[e]

    def step(self, vhost):
        b, f = self.back(int(vhost)), self.front(int(vhost))
        back, front = self.state(b), self.state(f)
        if not self.backend or back is None:
            return False
        if self.revokes:
            self.ask(b)
        if back == '1':
            if self.early:
                self.store.set(b + '/pvsplit-multi-queue-max-queues', '4')
            return self.set(b, '2')
        if back == '2' and self.early and self.open(b, vhost):
            return True
        if front == '7' and back in '47':
            self.sync(b, vhost)
            return self.set(b, '8')
        if back == '8' and front == '4':
            return self.set(b, '4')
        if self.deaf or not self.driver:
            return False
        if back == '2' and front == '1':
            self.sync(b, vhost)
            self.set(f, '4')
            return self.set(b, '4')
        if back == '7' and front == '4':
            self.sync(b, vhost)
            return self.set(b, '4')
        if back == '5' and front == '4' and self.store.get(b + '/online') == '0':
            self.held = {e: p for e, p in self.held.items() if not e.startswith(b + '/')}
            self.set(f, '6')
            return self.set(b, '6')
        return False
