#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hub: accepts every offer, from PROTOCOL.md alone: hub.py ENDPOINT KEY_FILE SERVER_KEY_FILE [UPDATES]"""
import sys
import uuid

import msgpack
import zmq

from submit import connect, hello


def main():
    socket = connect(*sys.argv[1:4])
    left = int(sys.argv[4]) if len(sys.argv) > 4 else -1
    welcome = hello(socket)
    if welcome["type"] != "welcome":
        raise SystemExit(welcome["sentence"])
    stored = welcome["mailbox_number"]
    unanswered = {}  # request_id: request; sent again until it is answered
    while left != 0:
        try:
            message = msgpack.unpackb(socket.recv())
        except zmq.Again:
            hello(socket)  # the daemon may have been restarted: greet again, and repeat what had no answer
            for request in unanswered.values():
                socket.send(msgpack.packb(request))
            continue
        unanswered.pop(message.get("request_id"), None)
        if message.get("mailbox_number") != stored + 1 or "request_id" in message:
            continue  # an answer, a repeat, or a gap that the daemon fills
        stored += 1
        left -= 1
        print(message["type"], message["referral_id"], flush=True)  # a real hub stores it here, then confirms
        requests = [{"type": "confirm", "mailbox_number": stored}]
        if message["type"] == "offer":
            requests.append({"type": "accept", "referral_id": message["referral_id"],
                             "offer_number": message["offer_number"]})
        for request in requests:
            request["request_id"] = str(uuid.uuid4())
            unanswered[request["request_id"]] = request
            socket.send(msgpack.packb(request))


if __name__ == "__main__":
    main()
