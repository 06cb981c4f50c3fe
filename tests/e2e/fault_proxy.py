#!/usr/bin/env python3
"""A proxy on 127.0.0.1 before a registry, which does to requests what bad networks and registries do.

    fault_proxy.py FOLDER UPSTREAM      serves until it is killed; its address is then in FOLDER/address

FOLDER/requests gets a line for each request: METHOD /path STATUS, and " authorized" behind it where it had credentials.
FOLDER/faults, a list in JSON that is read anew for each request, says what goes wrong. A fault is taken by requests whose
"METHOD /path" its "match" (a regular expression) finds; the first "skip" of them are spared, and it is over after "times".

    {"do": "answer", "status": 503, "body": "...", "headers": {...}}   an answer of its own, before the body is read
    {"do": "answer", "late": true, ...}                                the same once the body was read
    {"do": "reset"}                     the connection breaks before the answer
    {"do": "reset-request", "after": N} N bytes of the request's body get through, then it breaks
    {"do": "reset-body", "after": N}    N bytes of the answer's body come back, then it breaks
    {"do": "truncate", "after": N}      the same with an orderly end
    {"do": "stall", "after": N}         the same without one: silence
    {"do": "damage"}                    the answer's body has one other byte
    {"do": "header", "headers": {...}}  the answer has these headers, too (null: has them not)
"""

import http.client
import json
import re
import socket
import struct
import sys
import threading
from pathlib import Path

sys.dont_write_bytecode = True

import local_server

PIECE = 64 * 1024


class Faults:
    """What goes wrong, and how often it did."""

    def __init__(self, path: Path):
        self.path, self.lock, self.text, self.faults = path, threading.Lock(), "", []

    def take(self, line: str) -> dict:
        with self.lock:
            text = self.path.read_text() if self.path.exists() else "[]"
            if text != self.text:
                self.text, self.faults = text, json.loads(text)
            for fault in self.faults:
                if not re.search(fault["match"], line) or fault.get("times", 1) <= 0:
                    continue
                if fault.get("skip", 0) > 0:
                    fault["skip"] -= 1
                    continue
                fault["times"] = fault.get("times", 1) - 1
                return fault
        return {"do": "nothing"}


class Handler(local_server.Handler):
    faults: Faults
    upstream: str

    def answer(self):
        fault = self.faults.take(f"{self.command} {self.path}")
        # Of a chunked body: what is left of its current chunk.
        self.chunked = self.headers.get("Transfer-Encoding") == "chunked"
        self.left = self.chunk_size() if self.chunked else int(self.headers.get("Content-Length") or 0)
        what = fault["do"]
        if what == "answer":
            return self.answer_alone(fault)
        if what == "reset":
            return self.reset("reset")
        upstream = http.client.HTTPConnection(self.upstream, timeout=60)
        try:
            self.forward(upstream, fault)
        except OSError:
            self.close_connection = True
        finally:
            upstream.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def answer_alone(self, fault: dict):
        if fault.get("late"):
            while self.left:
                self.body_piece()
        body = fault.get("body", "").encode()
        self.note(fault["status"])
        self.send_response_only(fault["status"])
        for name, value in fault.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.left:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if self.left:  # a registry that refuses does not read on; what was sent must not reset its answer
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(5)
            while self.left and self.body_piece():
                pass
            self.close_connection = True

    def body_piece(self, most: int = PIECE) -> bytes:
        piece = self.rfile.read1(min(most, self.left))
        self.left -= len(piece)
        if not piece:
            self.left = 0
        elif self.chunked and not self.left:
            self.rfile.readline()
            self.left = self.chunk_size()
        return piece

    def chunk_size(self) -> int:
        size = int(self.rfile.readline() or b"0", 16)
        if not size:
            self.rfile.readline()
        return size

    def reset(self, status):
        self.note(status)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def forward(self, upstream: http.client.HTTPConnection, fault: dict):
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders()
        until = fault["after"] if fault["do"] == "reset-request" else None
        sent = 0
        while self.left and (until is None or sent < until):
            piece = self.body_piece(PIECE if until is None else min(PIECE, until - sent))
            upstream.send(b"%x\r\n%b\r\n" % (len(piece), piece) if self.chunked else piece)
            sent += len(piece)
        if until is not None:
            return self.reset("reset")
        if self.chunked:
            upstream.send(b"0\r\n\r\n")
        self.pass_back(upstream.getresponse(), fault)

    def pass_back(self, response: http.client.HTTPResponse, fault: dict):
        self.note(response.status)
        self.send_response_only(response.status)
        changed = fault.get("headers", {}) if fault["do"] == "header" else {}
        for name, value in response.getheaders():
            if name.title() not in changed and name.title() not in ("Connection", "Transfer-Encoding"):
                self.send_header(name, value)
        for name, value in changed.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        left = fault.get("after", 1 << 62)
        damaged = fault["do"] != "damage"
        while left and (piece := response.read(min(PIECE, left))):
            if not damaged:
                piece, damaged = bytes([piece[0] ^ 1]) + piece[1:], True
            self.wfile.write(piece)
            left -= len(piece)
        self.wfile.flush()
        if left:
            return
        if fault["do"] == "reset-body":
            self.reset("reset")
        elif fault["do"] == "stall":
            self.connection.settimeout(30)
            self.rfile.read1(1)  # until the other side has had enough
        self.close_connection = True

    def note(self, status):
        authorized = " authorized" if "Authorization" in self.headers else ""
        with self.faults.lock, (self.folder / "requests").open("a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {status}{authorized}\n")


def main():
    folder, Handler.upstream = Path(sys.argv[1]), sys.argv[2]
    Handler.faults = Faults(folder / "faults")
    local_server.serve(Handler, folder)


if __name__ == "__main__":
    main()
