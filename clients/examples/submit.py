#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""submit: refers an invented person, from PROTOCOL.md alone: submit.py ENDPOINT KEY_FILE SERVER_KEY_FILE"""
import datetime
import re
import sys
import uuid

import msgpack
import zmq


def read_keys(path):
    with open(path, encoding="ascii") as file:
        return {name: value.encode() for name, value in re.findall(r'(\w+) = "([^"]*)"', file.read())}


def connect(endpoint, key_file, server_key_file):
    own, server = read_keys(key_file), read_keys(server_key_file)
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.curve_publickey, socket.curve_secretkey = own["public_key"], own["secret_key"]
    socket.curve_serverkey = server["public_key"]
    socket.linger, socket.rcvtimeo, socket.rcvhwm = 0, 2000, 0  # else it can hang at exit, or for ever
    socket.connect(endpoint)
    return socket


def ask(socket, request, repeats=5):
    """Sends the same request again while no answer comes: the same request_id is never done twice."""
    for _ in range(repeats):
        socket.send(msgpack.packb(request))
        try:
            while True:
                answer = msgpack.unpackb(socket.recv())
                if answer.get("request_id") == request["request_id"]:
                    return answer
        except zmq.Again:
            continue
    raise SystemExit("no answer")


def hello(socket):
    return ask(socket, {"type": "hello", "request_id": str(uuid.uuid4()), "protocol_version": 1, "client": "submit.py"})


def main():
    socket = connect(*sys.argv[1:4])
    welcome = hello(socket)
    if welcome["type"] != "welcome":
        raise SystemExit(welcome["sentence"])
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    answer = ask(socket, {
        "type": "submit", "request_id": str(uuid.uuid4()), "correlation_id": str(uuid.uuid4()),
        "sent_at": now, "authored_on": now, "referral_identifier": "example-2", "priority": "routine",
        "referral_source": "gp_link_worker", "referrer_name": "Rowan Example", "referrer_role": "Social prescriber",
        "referrer_phone": "01632960001", "nhs_number": "9990000026", "family_name": "Example", "given_name": "Robin",
        "date_of_birth": "1946-05-09", "gender": "X", "ethnic_category": "Z",
        "address_lines": ["1 Example Street", "Plymouth"], "postcode": "PL1 1AE", "contact_permissions": ["phone"],
        "needs": [{"code": "befriending", "is_primary": True, "detail": "since the move"}, {"code": "housing"}],
        "reason_for_referral": "Would like company.", "consent_to_share": "given", "consent_recorded_at": now,
        "consent_recorded_by": "Rowan Example", "consent_message_back": ["referrer"]})
    if answer["type"] != "committed":
        raise SystemExit(f"{answer['error']} {answer.get('field', '')}: {answer['sentence']}")
    print(answer["referral_id"])


if __name__ == "__main__":
    main()
