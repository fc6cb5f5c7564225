#!/usr/bin/env python3
"""Answers on a unix socket and a TCP port with what a file says: canned_api.py SOCKET ANSWERS REQUESTS

Prints "listening PORT" once it does.

ANSWERS: JSON object from "METHOD TARGET" to {"status", "type", "body"}; read again for each request. A body that is no
text is sent as JSON. "hang": true: the request is never answered. "gone": true: from this answer on connections are
refused; SOCKET.gone is where it listens then. REQUESTS: each request is written there as a line of JSON, and so is the
end of a connection that hung, as {"left": "METHOD TARGET"}.
"""
import http.server
import json
import os
import pathlib
import socket
import socketserver
import sys
import threading

answers, requests = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
lock = threading.Lock()


def record(entry):
    with lock, requests.open("a") as log:
        print(json.dumps(entry), file=log)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = f"{self.command} {self.path}"
        known = json.loads(answers.read_text()).get(asked)
        record({"request": asked, "headers": dict(self.headers), "body": body})
        if known is None:
            known = {"status": 404, "body": {"code": "no_such_path", "detail": f"not canned: {self.path}", "hint": "can it"}}
        if known.get("hang"):
            self.rfile.read()
            record({"left": asked})
            return
        if known.get("gone"):
            os.rename(sys.argv[1], sys.argv[1] + ".gone")
            with socket.socket(socket.AF_UNIX) as nobody_listens:
                nobody_listens.bind(sys.argv[1])
        text = known["body"] if isinstance(known["body"], str) else json.dumps(known["body"])
        data = text.encode("utf-8", "surrogateescape")
        self.send_response(known.get("status", 200))
        self.send_header("Content-Type", known.get("type", "application/json"))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_HEAD = answer


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class PortServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


by_port = PortServer(("127.0.0.1", 0), Handler)
threading.Thread(target=by_port.serve_forever, daemon=True).start()
by_socket = Server(sys.argv[1], Handler)
print("listening", by_port.server_address[1], flush=True)
by_socket.serve_forever()
