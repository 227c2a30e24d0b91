# SPDX-License-Identifier: MIT
"""receiver: a hub's own web service, on loopback with TLS, that verifies what referral-hub posts as
standardwebhooks.com says, with nothing of referral-hub's own code."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import ssl
import subprocess
import threading
import time


def make_certificate(directory, name, subject):
    """A certificate that is its own authority, for the host names of `subject` (subjectAltName)."""
    key, certificate = os.path.join(directory, f"{name}.key"), os.path.join(directory, f"{name}.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName={subject}", "-keyout", key, "-out", certificate],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return key, certificate


def make_secret(path, count=1):
    """A file of secrets; returns them as bytes."""
    secrets = [os.urandom(32) for _ in range(count)]
    with open(path, "w", encoding="ascii") as file:
        for secret in secrets:
            file.write(f"whsec_{base64.b64encode(secret).decode()}\n")
    os.chmod(path, 0o600)
    return secrets


class Receiver:
    """Answers each POST with what `answer(post)` returns: a status, or (status, headers, body). Each post is a dict with
    id, body (decoded) and answered. One whose signature is wrong, or whose time is not now, is kept in `forged`."""

    def __init__(self, secret, key=None, certificate=None, answer=lambda post: 204):
        self.posts, self.forged, self.answer, self.secret = [], [], answer, secret
        self.changed = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                post = {"id": self.headers["webhook-id"], "path": self.path, "body": json.loads(raw)}
                receiver.take(post, receiver.is_signed(self.headers, raw))
                said = receiver.answer(post)
                if said is None:
                    self.close_connection = True
                    return
                status, headers, body = said if isinstance(said, tuple) else (said, {}, "")
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        if key:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if key else 'http'}://localhost:{self.server.server_port}/cases"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def is_signed(self, headers, raw):
        name, moment = headers["webhook-id"], headers["webhook-timestamp"]
        signed = f"{name}.{moment}.".encode() + raw
        right = "v1," + base64.b64encode(hmac.new(self.secret, signed, hashlib.sha256).digest()).decode()
        is_now = abs(time.time() - int(moment)) < 300
        return is_now and "." not in name and any(hmac.compare_digest(right, one)
                                                  for one in headers["webhook-signature"].split(" "))

    def take(self, post, is_signed):
        with self.changed:
            (self.posts if is_signed else self.forged).append(post)
            self.changed.notify_all()

    def wait(self, condition, timeout=60.0):
        """Until the condition holds for the posts; returns them."""
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self.posts), timeout):
                raise TimeoutError(f"{len(self.posts)} posts, {len(self.forged)} forged; the awaited one did not come")
            return list(self.posts)

    def about(self, referral, kind="offer"):
        return [post for post in self.posts if post["body"].get("referral_id") == referral and post["body"]["type"] == kind]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
