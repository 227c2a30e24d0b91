#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""submit: refers the person of standard input, from PROTOCOL.md alone: submit.py ENDPOINT KEY SERVER_KEY < person.json"""
import datetime, json, re, sys, uuid
import msgpack, zmq

def connect(endpoint, *key_files):
    own, server = [dict(re.findall(rb'(\w+) = "([^"]*)"', open(path, "rb").read())) for path in key_files]
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.curve_publickey, socket.curve_secretkey = own[b"public_key"], own[b"secret_key"]
    socket.curve_serverkey = server[b"public_key"]
    socket.linger, socket.rcvtimeo, socket.sndtimeo, socket.rcvhwm = 0, 2000, 2000, 0  # else it can hang for ever
    socket.connect(endpoint)
    return socket

if __name__ == "__main__":
    now, socket = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), connect(*sys.argv[1:4])
    submit = {"type": "submit", "correlation_id": str(uuid.uuid4()), "sent_at": now, "authored_on": now, **json.load(sys.stdin)}
    for request in {"type": "hello", "protocol_version": 1, "takes_pushes": False}, submit:
        socket.send(msgpack.packb({"request_id": str(uuid.uuid4()), **request}))
        answer = msgpack.unpackb(socket.recv())  # after zmq.Again send the same again: it is stored once
    print(answer.get("referral_id", answer))
