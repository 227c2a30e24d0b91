# SPDX-License-Identifier: MIT
"""peer: a foreign peer, written from proto/PROTOCOL.md alone, with nothing but ZeroMQ and msgpack.

It greets after every connect, repeats what was not answered with the same request_id, remembers pushed messages by
their numbers, and confirms them when its owner says so. It never sleeps: step() waits on the socket.
"""
import collections
import datetime
import time
import uuid

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

REPEAT_AFTER = 2.0       # seconds without an answer
KNOCK_AGAIN_AFTER = 0.5  # seconds after the door was not opened
NO_HELLO = "REF-0124"
# A socket that was refused at the door never tries again by itself, and a plain send() on it waits for ever.
REFUSED_AT_THE_DOOR = {zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                       zmq.EVENT_HANDSHAKE_FAILED_AUTH}
WATCHED = zmq.EVENT_DISCONNECTED + sum(REFUSED_AT_THE_DOOR)
LAST_OF_ANSWER = {"welcome", "committed", "done", "refused", "totals", "drafted", "verified", "end"}

# What is said about an offer that was made to a hub, accepted or not; about a referral; about an enquiry.
OF_OFFER = {"accept", "reject", "start", "pause", "resume", "progress", "hand_back", "complete", "fail", "reoffer"}
OF_ENQUIRY = {"answer_enquiry"}

Keys = collections.namedtuple("Keys", "public secret server")


class PeerError(Exception):
    """The daemon broke its protocol, or did not answer in time."""


def new_uuid():
    return str(uuid.uuid4())


def time_text(seconds_from_now=0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return moment.isoformat(timespec="milliseconds")


def referral_id(number):
    """As the network writes it: the two last digits are a checksum."""
    return f"R{number}-{(1 - number * 100) % 97:02d}"


class Peer:
    """One party on one connection. keys=None: an operator on the daemon's unix socket. confirms=False: its owner confirms
    by hand. shares: other connections of the party take of the same mailbox."""

    def __init__(self, endpoint, keys=None, name="", context=None, confirms=True, shares=False):
        self.endpoint, self.keys, self.name, self.confirms, self.shares = endpoint, keys, name, confirms, shares
        self.context = context or zmq.Context.instance()
        self.unanswered = collections.OrderedDict()  # request_id: [request, when to send it (again)]
        self.answers = collections.defaultdict(list)
        self.answered = collections.OrderedDict()    # request_id: the whole answer, until it is taken
        self.history = {}                            # mailbox number: what was pushed under it
        self.inbox = collections.deque()
        self.welcome = None
        self.confirmed_before = None                 # mailbox number up to which all was confirmed at the first welcome
        self.reconnects = -1
        self.repeats = 0
        self.socket = self.monitor = None
        self.connect()

    # ---- connection ----

    def connect(self):
        """A new socket; its first message is hello, then everything that has no answer yet."""
        self.close()
        self.reconnects += 1
        self.knock_at = None
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.sndhwm = self.socket.rcvhwm = 0
        if self.keys:
            self.socket.curve_publickey = self.keys.public
            self.socket.curve_secretkey = self.keys.secret
            self.socket.curve_serverkey = self.keys.server
        self.socket.reconnect_ivl = 20
        self.socket.reconnect_ivl_max = 200
        self.monitor = self.socket.get_monitor_socket(WATCHED)
        self.socket.connect(self.endpoint)
        self.greet()
        for request_id in list(self.unanswered):
            self.transmit(request_id)

    def greet(self):
        for request_id, (request, _) in list(self.unanswered.items()):
            if request["type"] == "hello":
                del self.unanswered[request_id]
        hello = self.post({"type": "hello", "protocol_version": 1, "client": "peer.py"}, hold=True)
        self.unanswered.move_to_end(hello, last=False)
        self.transmit(hello)

    def close(self):
        if self.socket:
            self.socket.disable_monitor()
            self.socket.close()
            self.monitor.close()
            self.socket = self.monitor = None

    # ---- sending ----

    def post(self, request, hold=False):
        """Sends a request and returns its request_id; the answer is awaited by step()."""
        request = dict(request)
        request_id = request.setdefault("request_id", new_uuid())
        self.unanswered[request_id] = [request, 0.0]
        self.answers.pop(request_id, None)
        if not hold:
            self.transmit(request_id)
        return request_id

    def transmit(self, request_id):
        request = self.unanswered[request_id]
        self.answers.pop(request_id, None)
        try:
            self.socket.send(msgpack.packb(request[0]), zmq.DONTWAIT)
        except zmq.Again:
            self.knock_at = self.knock_at or time.monotonic() + KNOCK_AGAIN_AFTER
        request[1] = time.monotonic() + REPEAT_AFTER

    def send_raw(self, *frames):
        self.socket.send_multipart(frames)

    def repeat_unanswered(self):
        now = time.monotonic()
        for request_id, (_, due) in list(self.unanswered.items()):
            if now >= due:
                self.repeats += 1
                self.transmit(request_id)

    # ---- receiving ----

    def step(self, wait=0.0):
        """Takes in all that has come, waiting at most so long for the first of it."""
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        events = dict(poller.poll(int(wait * 1000)))
        if self.socket in events:
            self.receive_all()
        if self.monitor in events:
            self.notice_disconnect()
        if self.knock_at and time.monotonic() > self.knock_at:
            self.connect()
        self.repeat_unanswered()

    def notice_disconnect(self):
        seen = set()
        while self.monitor.poll(0):
            seen.add(recv_monitor_message(self.monitor)["event"])
        if seen & REFUSED_AT_THE_DOOR:
            self.knock_at = time.monotonic() + KNOCK_AGAIN_AFTER
        elif zmq.EVENT_DISCONNECTED in seen:
            self.connect()

    def receive_all(self):
        while True:
            try:
                frame = self.socket.recv(zmq.DONTWAIT)
            except zmq.Again:
                return
            self.take(msgpack.unpackb(frame))

    def take(self, message):
        if "mailbox_number" in message and "request_id" not in message:
            self.take_push(message)
        elif message.get("request_id") in self.unanswered:
            self.take_answer(message)
        elif message["type"] == "refused" and "request_id" not in message:
            self.answered[None] = [message]

    def take_answer(self, message):
        request_id = message["request_id"]
        if message["type"] == "refused" and message["error"] == NO_HELLO:
            self.connect()
            return
        if message["type"] == "refused" and "retry_after_ms" in message:
            self.answered_later(request_id, message)
            return
        if message["type"] == "welcome":
            self.take_welcome(message)
        self.answers[request_id].append(message)
        if message["type"] in LAST_OF_ANSWER:
            self.answered[request_id] = self.answers.pop(request_id)
            del self.unanswered[request_id]

    def answered_later(self, request_id, message):
        """Busy: the same again, when the daemon says."""
        if self.unanswered[request_id][0].get("type") == "submit" and self.refuses_full(message):
            self.answered[request_id] = [message]
            del self.unanswered[request_id]
            return
        self.unanswered[request_id][1] = time.monotonic() + message["retry_after_ms"] / 1000

    @staticmethod
    def refuses_full(message):
        return message["error"] == "REF-0402"  # waiting would not help a test

    def take_welcome(self, message):
        self.welcome = message
        if self.confirmed_before is None:
            self.confirmed_before = message.get("mailbox_number", 0)
        known = range(self.confirmed_before + 1, message.get("mailbox_number", 0) + 1)
        if not self.shares and any(number not in self.history for number in known):
            raise PeerError(f"{self.name}: the daemon counts messages as confirmed that were never confirmed")

    def take_push(self, message):
        """Numbers ascend on a connection, and those that another connection gave back come later: each is known by
        itself. A repeat of what its owner has is confirmed again."""
        number = message["mailbox_number"]
        known = self.history.get(number)
        if known is not None and known != message and not self.has_been_updated(known, message):
            raise PeerError(f"{self.name}: mailbox number {number} was pushed with two contents")
        if known is None:
            self.history[number] = message
            self.inbox.append(message)
        elif self.confirms and known not in self.inbox:
            self.post({"type": "confirm", "mailbox_number": number})

    @staticmethod
    def has_been_updated(known, message):
        """A repeat tells what an update has changed meanwhile."""
        return known["type"] == message["type"] and known["type"] in ("offer", "person", "updated")

    # ---- what its owner does ----

    def pushes(self):
        """What has been pushed since the last call, in order; the newest number is confirmed."""
        taken = list(self.inbox)
        self.inbox.clear()
        if taken and self.confirms:
            self.confirm(max(push["mailbox_number"] for push in taken))
        return taken

    def confirm(self, number):
        for request_id, (request, _) in list(self.unanswered.items()):
            if request["type"] == "confirm" and request["mailbox_number"] <= number:  # the higher number says more
                del self.unanswered[request_id]
        return self.post({"type": "confirm", "mailbox_number": number})

    def say(self, kind, about=None, timeout=60.0, **fields):
        """Says any request; about: the push, or the answer, whose referral, offer or enquiry it names. Returns the one
        message that answers it."""
        names = ["enquiry_id"] if kind in OF_ENQUIRY else ["referral_id", "offer_number"][:1 + (kind in OF_OFFER)]
        named = {name: about[name] for name in names if about and name in about}
        return self.ask({"type": kind, **named, **fields}, timeout)[0]

    def await_answer(self, request_id, timeout=60.0):
        until = time.monotonic() + timeout
        while request_id not in self.answered:
            if time.monotonic() > until:
                raise PeerError(f"{self.name}: no answer in {timeout} s")
            self.step(0.05)
        return self.answered.pop(request_id)

    def ask(self, request, timeout=60.0):
        """All messages of the answer. A list of two or more ends with `end`, which is left out."""
        answer = self.await_answer(self.post(request), timeout)
        return answer[:-1] if len(answer) > 1 else answer

    def hello(self, timeout=60.0):
        self.wait_until(lambda: self.welcome is not None, timeout, "no welcome")
        return self.welcome

    def wait_until(self, condition, timeout=60.0, what="waited in vain"):
        until = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > until:
                raise PeerError(f"{self.name}: {what} ({timeout} s)")
            self.step(0.05)

    def wait_push(self, matches, timeout=60.0):
        """The first push that matches, among all that ever came."""
        def found():
            self.pushes()
            return any(matches(push) for push in self.history.values())
        self.wait_until(found, timeout, "the awaited push did not come")
        return next(push for push in self.history.values() if matches(push))


def step_all(peers, wait=0.0):
    """One round over many peers; waits for the first that has something."""
    poller = zmq.Poller()
    for peer in peers:
        poller.register(peer.socket, zmq.POLLIN)
        poller.register(peer.monitor, zmq.POLLIN)
    poller.poll(int(wait * 1000))
    for peer in peers:
        peer.step()
