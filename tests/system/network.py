# SPDX-License-Identifier: MIT
"""network: a daemon of one's own in a temporary directory, on the real Plymouth network and postcodes."""
import collections
import ctypes
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from clock import Clock
from peer import Keys, Peer
from people import POSTCODES, ROOT

PLYMOUTH = os.path.join(ROOT, "etc", "networks", "plymouth.conf")
START_TIMEOUT = 60
STOP_TIMEOUT = 60

Service = collections.namedtuple("Service", "hub service needs places owner")


LIBC = ctypes.CDLL(None)


def die_with_parent():
    """In the child: a test that is killed leaves no daemon behind."""
    LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, timeout=60.0, what="waited in vain", meanwhile=lambda: time.sleep(0.005)):
    """Looks every few milliseconds; the condition alone ends it well."""
    until = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise TimeoutError(f"{what} ({timeout} s)")
        meanwhile()


def halt(process):
    """Under load a thread runs on for a while after the signal: over once each of them stands still."""
    tasks = f"/proc/{process.pid}/task"

    def stands(task):
        with open(f"{tasks}/{task}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(") ")[2].startswith("T")
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: all(stands(task) for task in os.listdir(tasks)), 60, "it does not stand still")


def read_services(text):
    """Every service of a network file that has places or seats, or shares those of its owner. Left out are universal
    hubs, which only inform, and those that are planned for no day."""
    text = re.sub(r"#.*", "", text)
    hubs = text[text.index("\nhubs ="):text.index("\nsenders =")]
    pattern = re.compile(r'\{ id = "(?P<id>[^"]+)"; needs = \[(?P<needs>[^\]]*)\];'
                         r'\s*(?:(?:places|seats) = (?P<places>\d+)|shares = "(?P<owner>[^"]+)")')
    services = []
    for hub, entry in re.findall(r'^ {8}id = "([^"]+)";(.*?)^ {4}\}', hubs, re.M | re.S):
        for match in pattern.finditer(entry if 'status = "planned"' not in entry else ""):
            owner = tuple(match["owner"].split("/")) if match["owner"] else (hub, match["id"])
            services.append(Service(hub, match["id"], re.findall(r'"([^"]+)"', match["needs"]),
                                    match["places"] and int(match["places"]), owner))
    places = {one.owner: one.places for one in services if one.places is not None}
    return [one._replace(places=places[one.owner]) for one in services]


def shorten_deadlines(text, seconds, grace=0):
    """The same network, whose hubs have so many seconds to answer an offer, and so many more when they were reminded
    (0: they are not), by the clock on the wall: no hours are known and no holidays."""
    def shorten(group):
        return re.sub(r'\b(grace_)?(routine|urgent|asap|stat) = "[^"]+"',
                      lambda match: f'{match[1] or ""}{match[2]} = "{grace if match[1] else seconds}s"', group[0])
    text = re.sub(r"\banswer =\s*\{[^}]*\}", shorten, text)
    text = re.sub(r"\b(answer_(?:routine|urgent|asap|stat)) = \"[^\"]+\"", rf'\1 = "{seconds}s"', text)
    text = re.sub(r"\bclosures = \([^)]*\);", "", text)
    return re.sub(r"\b(hours|office_hours|bank_holidays) =\s*\[[^\]]*\];", "", text)


class Network:
    """Its directory, its keys, and the process."""

    def __init__(self, build, network_text=None, store_limit="64MiB", settings=None, directory=None, began=None):
        self.build = os.path.abspath(build)
        self.directory = directory or tempfile.mkdtemp(prefix="referrald-test-")
        self.clock = Clock(self.build, self.path("clock"), began) if began else None  # None: the real time
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.operator_socket = self.path("ops.sock")
        self.process = None
        self.stays = False  # true: what start() starts outlives this program
        self.log_path = self.path("referrald.log")
        self.peers = []
        os.makedirs(self.path("keys"), exist_ok=True)
        os.makedirs(self.path("enrolled"), exist_ok=True)
        self.make_keys("--server")
        with open(PLYMOUTH, encoding="utf-8") as file:
            self.plymouth = file.read()
        self.write_network(network_text or self.plymouth)
        self.write_settings({"store_limit": store_limit, **(settings or {})})

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def program(self, name):
        return os.path.join(self.build, name if name == "referrald" else os.path.join("clients", name))

    # ---- files ----

    def write_network(self, text):
        self.text = text
        self.services = read_services(text)
        with open(self.path("network.conf"), "w", encoding="utf-8") as file:
            file.write(text)

    def write_settings(self, changed):
        settings = {"listen": self.endpoint, "operator_socket": self.operator_socket, "store": self.path("store"),
                    "network": self.path("network.conf"), "postcodes": POSTCODES, "postcodes_edition": "2025-11",
                    "secret_key": self.path("keys", "server.key"), "master_key": self.path("master.key"),
                    "enrolled": self.path("enrolled"), "push_again": "1s", **changed}
        with open(self.path("referrald.conf"), "w", encoding="utf-8") as file:
            for name, value in settings.items():
                file.write(f"{name} = {value};\n" if isinstance(value, int) else f'{name} = "{value}";\n')

    def make_keys(self, *arguments):
        subprocess.run([self.program("referral-keygen"), "new", "--out", self.path("keys"), *arguments],
                       check=True, stdout=subprocess.DEVNULL)

    def enrol(self, party, role, key_name=None):
        """Makes a key pair and puts its public half where the daemon looks."""
        if not os.path.exists(self.path("keys", f"{party}.key")):
            self.make_keys("--party", party, "--role", role)
        shutil.copy(self.path("keys", f"{party}.pub"), self.path("enrolled", f"{key_name or party}.pub"))
        return self.keys(party)

    def revoke(self, party):
        os.remove(self.path("enrolled", f"{party}.pub"))

    def keys(self, party):
        own, server = self.read_keys(f"{party}.key"), self.read_keys("server.pub")
        return Keys(own["public_key"], own["secret_key"], server["public_key"])

    def read_keys(self, name):
        with open(self.path("keys", name), encoding="ascii") as file:
            return {key: value.encode() for key, value in re.findall(r'(\w+) = "([^"]*)"', file.read())}

    # ---- the process ----

    def start(self, wait=True):
        """Returns when the daemon says that it serves (as to systemd, over NOTIFY_SOCKET)."""
        notify_path = self.path("notify.sock")
        if os.path.exists(notify_path):
            os.remove(notify_path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(notify_path)
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen([self.program("referrald"), "--config", self.path("referrald.conf")],
                                                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                                env={**os.environ, **self.time_environment(),
                                                     "NOTIFY_SOCKET": notify_path},
                                                start_new_session=True,
                                                preexec_fn=None if self.stays else die_with_parent)
            if wait:
                self.wait_ready(notify)
        return self.process.pid

    def wait_ready(self, notify):
        until = time.monotonic() + START_TIMEOUT
        while time.monotonic() < until:
            if select.select([notify], [], [], 0.02)[0] and b"READY=1" in notify.recv(4096):
                return
            if self.process.poll() is not None:
                raise RuntimeError(f"referrald ended with {self.process.returncode}:\n{self.log()}")
        raise RuntimeError(f"referrald was not ready in {START_TIMEOUT} s:\n{self.log()}")

    def kill(self):
        """SIGKILL, by pid."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError("referrald did not stop after SIGTERM") from None
        return self.process.returncode if self.process else None

    def run_to_end(self, timeout=START_TIMEOUT):
        """Starts the daemon, which is expected to end by itself; returns (exit code, what it said)."""
        done = subprocess.run([self.program("referrald"), "--config", self.path("referrald.conf")], timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    # ---- peers and clients ----

    def peer(self, party, role, **options):
        peer = Peer(self.endpoint, self.enrol(party, role), party, **options)
        self.peers.append(peer)
        return peer

    def operator(self):
        peer = Peer(f"ipc://{self.operator_socket}", None, "operator")
        self.peers.append(peer)
        return peer

    def client(self, name, *arguments, party=None, stdin=None, timeout=120):
        """Runs one of the command-line clients; returns the finished process."""
        return subprocess.run(self.command(name, *arguments, party=party), input=stdin, text=True, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, env=self.environment())

    def command(self, name, *arguments, party=None):
        where = []
        if name == "referralctl":
            where = ["--socket", self.operator_socket]
        elif party:
            where = ["--endpoint", self.endpoint, "--key-file", self.path("keys", f"{party}.key"),
                     "--server-key", self.path("keys", "server.pub")]
        return [self.program(name), *where, *arguments]

    def environment(self):
        """Without settings of whoever runs the test."""
        return {name: value for name, value in os.environ.items() if not name.startswith("REFERRAL")} | {
            "HOME": self.directory, "XDG_CONFIG_HOME": self.path("no-config")} | self.time_environment()

    def time_environment(self):
        return self.clock.environment() if self.clock else {}

    def close(self):
        for peer in self.peers:
            peer.close()
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
