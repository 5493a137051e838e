"""The network of the lab: real Linux stacks in namespaces, a path delay, captures at three places.

    C 10.1.0.2 -- R1 -- D (delay) -- R2 -- S 10.3.0.2, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24
    2001:db8:1::2                          2001:db8:3::2, 2001:db8:a::/64

Needs root, iproute2, nft, tcpdump. Captures are taken on the link of C, on R1's link towards R2
(behind everything R1 does, as seen from C), and on the link of S.
"""

import contextlib
import ctypes
import fcntl
import heapq
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SIOCETHTOOL = 0x8946
# ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO: a userspace bridge cannot carry what they leave undone.
OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
SERVER_NETS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.3.0.0/24")
SERVER_ADDRESSES = (
    "192.0.2.10", "192.0.2.20", "192.0.2.30", "192.0.2.53", "198.51.100.7", "198.51.100.20", "198.51.100.66",
    "203.0.113.10", "203.0.113.80",
)
SERVER_ADDRESSES_V6 = ("2001:db8:a::10", "2001:db8:a::20", "2001:db8:a::66")


def sh(command):
    """Run a command; fail loudly."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")
    return done.stdout


class Host:
    """One namespace. Sockets made through it live there; the caller's own namespace stays."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.namespace = f"{lab.prefix}{name}"
        sh(f"ip netns add {self.namespace}")
        self.ip("link set lo up")

    def ip(self, arguments):
        sh(f"ip -n {self.namespace} {arguments}")

    def run(self, command):
        return sh(f"ip netns exec {self.namespace} {command}")

    def popen(self, command):
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self.lab.processes.append(process)
        return process

    def sysctl(self, **settings):
        for key, value in settings.items():
            with self.entered(), open("/proc/sys/net/" + key.replace("__", "/"), "w") as file:
                file.write(str(value))

    def nft(self, rules):
        path = os.path.join(self.lab.scratch, f"{self.namespace}.nft")
        with open(path, "w") as file:
            file.write(rules)
        self.run(f"nft -f {path}")

    def filter(self, hook, rule, family="inet"):
        """Add one rule to the filter chain of `hook` (input, output, forward)."""
        self.nft(f"table {family} lab {{\nchain {hook}_chain {{\ntype filter hook {hook} priority 0;\n{rule}\n}}\n}}\n")

    def unfilter(self):
        self.run("nft flush ruleset")

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is inside this namespace."""
        mine = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespace}", os.O_RDONLY)
        try:
            if LIBC.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            LIBC.setns(mine, CLONE_NEWNET)
            os.close(mine)
            os.close(there)

    def socket(self, *arguments):
        with self.entered():
            made = socket.socket(*arguments)
        self.lab.keep.append(made)
        return made

    def tcp(self, address):
        return self.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)

    def listen(self, address, port, backlog=32, **options):
        listener = self.tcp(address)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for option, value in options.items():
            listener.setsockopt(socket.SOL_SOCKET, getattr(socket, option), value)
        listener.bind((address, port))
        listener.listen(backlog)
        return listener

    def accept(self, listener, timeout=5):
        listener.settimeout(timeout)
        connection, _ = listener.accept()
        connection.settimeout(30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lab.keep.append(connection)
        return connection

    def serve(self, address, port, handler, backlog=32):
        """Run `handler(connection)` in a thread per connection; errors of sockets end it quietly."""
        listener = self.listen(address, port, backlog)

        def one(connection):
            with contextlib.suppress(OSError):
                handler(connection)

        def loop():
            with contextlib.suppress(OSError):
                while True:
                    connection = self.accept(listener, timeout=None)
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=loop, daemon=True).start()
        return listener

    def connect(self, address, port, timeout=5, source_port=None, isn=None):
        made = self.tcp(address)
        made.settimeout(timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source_port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("", source_port))
        if isn is not None:
            made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, 2)
            made.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("I", isn))
            made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, struct.pack("i", -1))
        made.connect((address, port))
        return made

    def refused(self, address, port, **options):
        """Connect and expect a reset."""
        try:
            self.connect(address, port, **options)
        except ConnectionRefusedError:
            return
        raise AssertionError(f"{address}:{port} accepted")


def abort(connection):
    """Close with SO_LINGER 0: RST in place of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def vanish(connection):
    """Forget the connection without a packet, as a crash does."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    connection.close()


def read(connection, count=65536):
    """One read; empty when the peer reset or closed."""
    try:
        return connection.recv(count)
    except (ConnectionResetError, BrokenPipeError, TimeoutError):
        return b""


def write(connection, data):
    """Send, and do not mind a reset."""
    with contextlib.suppress(OSError):
        connection.sendall(data)


class Delay(threading.Thread):
    """A bridge with a delay. `hook(frame, from_client)` may return None (drop) or
    a list of (seconds, to_client, frame) to send in place of the frame."""

    def __init__(self, host, client_side, server_side, seconds):
        super().__init__(daemon=True)
        self.seconds, self.hook, self.running = seconds, None, True
        self.client_side = self.open(host, client_side)
        self.server_side = self.open(host, server_side)

    @staticmethod
    def open(host, name):
        made = host.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        made.bind((name, 3))
        with host.entered():
            index = socket.if_nametoindex(name)
        made.setsockopt(263, 1, struct.pack("IHH8s", index, 1, 0, b""))  # promiscuous
        made.setblocking(False)
        return made

    def run(self):
        queue, number = [], 0
        with contextlib.suppress(OSError, ValueError):
            while self.running:
                while queue and queue[0][0] <= time.monotonic():
                    _, _, out, frame = heapq.heappop(queue)
                    out.send(frame)
                wait = max(0.0, queue[0][0] - time.monotonic()) if queue else 0.2
                for ready in select.select([self.client_side, self.server_side], [], [], wait)[0]:
                    for frame in self.frames(ready):
                        for seconds, out, sent in self.plan(frame, ready is self.client_side):
                            number += 1
                            heapq.heappush(queue, (time.monotonic() + seconds, number, out, sent))

    @staticmethod
    def frames(ready):
        while True:
            try:
                frame, address = ready.recvfrom(70000)
            except BlockingIOError:
                return
            if address[2] != socket.PACKET_OUTGOING:
                yield frame

    def plan(self, frame, from_client):
        if self.hook is None:
            sends = [(self.seconds, not from_client, frame)]
        else:
            sends = self.hook(frame, from_client)
            if sends is None:
                sends = []
        return [(s, self.client_side if to_client else self.server_side, f) for s, to_client, f in sends]


class Lab:
    """The whole network; `with Lab(...) as lab` builds and removes it."""

    NUMBER = 0

    def __init__(self, scratch, seconds=0.010, offload=False):
        Lab.NUMBER += 1
        self.prefix = f"lab{os.getpid()}n{Lab.NUMBER}"
        self.scratch, self.seconds, self.offload = scratch, seconds, offload
        self.keep, self.processes, self.captures = [], [], []

    def __enter__(self):
        self.C, self.R1, self.D, self.R2, self.S = (Host(self, n) for n in ("C", "R1", "D", "R2", "S"))
        self.link(self.C, "eth0", "10.1.0.2/24", "2001:db8:1::2/64", self.R1, "c0", "10.1.0.1/24", "2001:db8:1::1/64")
        self.link(self.R1, "s0", "10.2.0.1/24", "2001:db8:2::1/64", self.D, "c0", None, None)
        self.link(self.D, "s0", None, None, self.R2, "c0", "10.2.0.2/24", "2001:db8:2::2/64")
        self.link(self.R2, "s0", "10.3.0.1/24", "2001:db8:3::1/64", self.S, "eth0", "10.3.0.2/24", "2001:db8:3::2/64")
        self.routes()
        if self.offload:
            self.D.ip("link add br0 type bridge")
            self.D.ip("link set br0 up")
            for name in ("c0", "s0"):
                self.D.ip(f"link set {name} master br0")
            self.bridge = None
        else:
            self.bridge = Delay(self.D, "c0", "s0", self.seconds)
            self.bridge.start()
        self.warm_up()
        return self

    def link(self, a, a_name, a_v4, a_v6, b, b_name, b_v4, b_v6):
        number = sum(ord(c) for c in a.name + b.name) % 251
        sh(f"ip -n {a.namespace} link add {a_name} type veth peer name {b_name} netns {b.namespace}")
        for side, (host, name, v4, v6) in enumerate(((a, a_name, a_v4, a_v6), (b, b_name, b_v4, b_v6))):
            host.ip(f"link set {name} address 02:00:00:00:{number:02x}:{side + 1:02x}")
            if not self.offload:
                self.offloads_off(host, name)
            if v4:
                host.ip(f"address add {v4} dev {name}")
                host.ip(f"-6 address add {v6} dev {name} nodad")
            host.ip(f"link set {name} up")

    @staticmethod
    def offloads_off(host, name):
        control = host.socket()
        for command in OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP8x", name.encode(), ctypes.addressof(value))
            fcntl.ioctl(control, SIOCETHTOOL, request)

    def routes(self):
        for router in (self.R1, self.R2):
            router.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        self.C.ip("route add default via 10.1.0.1")
        self.C.ip("-6 route add default via 2001:db8:1::1")
        self.S.ip("route add default via 10.3.0.1")
        self.S.ip("-6 route add default via 2001:db8:3::1")
        self.R1.ip("route add default via 10.2.0.2")
        self.R1.ip("-6 route add default via 2001:db8:2::2")
        self.R2.ip("route add 10.1.0.0/24 via 10.2.0.1")
        self.R2.ip("-6 route add 2001:db8:1::/64 via 2001:db8:2::1")
        for net in SERVER_NETS[:3]:
            self.R2.ip(f"route add {net} via 10.3.0.2")
        self.R2.ip("-6 route add 2001:db8:a::/64 via 2001:db8:3::2")
        for address in SERVER_ADDRESSES:
            self.S.ip(f"address add {address}/32 dev lo")
        for address in SERVER_ADDRESSES_V6:
            self.S.ip(f"-6 address add {address}/128 dev lo nodad")

    def warm_up(self):
        """Resolve every neighbour now, so that no first round trip in a capture is doubled."""
        for address in ("10.3.0.2", "2001:db8:3::2"):
            for _ in range(3):
                with contextlib.suppress(OSError):
                    self.C.connect(address, 9, timeout=2)
        self.keep_only_bridge()

    def keep_only_bridge(self):
        bridge = () if self.bridge is None else (self.bridge.client_side, self.bridge.server_side)
        self.keep = [s for s in self.keep if s in bridge]

    def capture(self, places, prefix):
        """Start tcpdump at each place: name -> (host, interface); returns name -> path."""
        paths = {}
        for name, (host, interface) in places.items():
            path = f"{prefix}.{name}.pcap"
            process = host.popen([
                "tcpdump", "-i", interface, "-U", "--immediate-mode", "-Z", "root", "-w", path,
                "tcp or udp or icmp or (icmp6 and icmp6[0] < 128)",
            ])
            self.captures.append(process)
            paths[name] = path
        for process in self.captures:
            while b"listening on" not in process.stderr.readline():
                if process.poll() is not None:
                    raise RuntimeError("tcpdump did not start")
        time.sleep(0.1)
        return paths

    def stop_capture(self):
        time.sleep(0.15 + 2 * self.seconds)
        for process in self.captures:
            process.send_signal(signal.SIGINT)
        for process in self.captures:
            process.wait(10)
        self.captures = []

    def __exit__(self, *_):
        if self.captures:
            self.stop_capture()
        for process in self.processes:
            process.kill()
            process.wait()
        if self.bridge is not None:
            self.bridge.running = False
            self.bridge.join(1)
        for host in (self.C, self.R1, self.D, self.R2, self.S):
            sh(f"ip netns del {host.namespace}")
        for kept in self.keep:
            with contextlib.suppress(OSError):
                kept.close()
