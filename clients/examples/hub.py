#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hub: accepts every offer, from PROTOCOL.md alone: hub.py ENDPOINT KEY SERVER_KEY [UPDATES]"""
import sys, uuid
import msgpack, zmq
from submit import connect

socket, stored, unanswered = connect(*sys.argv[1:4]), set(), {}

def say(kind, **fields):
    request = {"type": kind, "request_id": str(uuid.uuid4()), **fields}
    unanswered[request["request_id"]] = request
    socket.send(msgpack.packb(request))

say("hello", protocol_version=1)
while unanswered or len(stored) < int((sys.argv + [sys.maxsize])[4]):
    try:
        message = msgpack.unpackb(socket.recv())
    except zmq.Again:  # the daemon may have been restarted: greet again, and repeat what had no answer
        say("hello", protocol_version=1)
        for request in unanswered.values():
            socket.send(msgpack.packb(request))
        continue
    if "retry_after_ms" not in message:
        unanswered.pop(message.get("request_id"), None)
    if "mailbox_number" in message and "request_id" not in message:
        if message["type"] == "offer" and message["mailbox_number"] not in stored:
            say("accept", referral_id=message["referral_id"], offer_number=message["offer_number"])
        stored.add(message["mailbox_number"])  # a real hub stores the message on disk before it confirms it
        print(message["type"], message.get("referral_id"), flush=True)
        say("confirm", mailbox_number=message["mailbox_number"])
