#!/usr/bin/env python3
"""A small web server on a free port of 127.0.0.1, for scripts that fetch things.

    web.py FOLDER      serves until it is killed; its address is then in FOLDER/address, its requests in FOLDER/requests

    /files/NAME        FOLDER/files/NAME, with ETag and Last-Modified; 304 for who has it already
    /git/NAME.git      FOLDER/git/NAME.git, a bare repository, by git's own smart HTTP
    /private/...       the same two below it, for requests whose Authorization is the text of FOLDER/authorization
    /truncated/NAME    the file, but half of it
    /loop              a redirect to itself
"""

import os
import subprocess
import sys
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path

sys.dont_write_bytecode = True

import local_server


class Handler(local_server.Handler):
    def do_GET(self):
        self.answer(b"")

    do_HEAD = do_GET

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def answer(self, body: bytes):
        path, _, query = self.path.partition("?")
        if path.startswith("/private/"):
            expected = (self.folder / "authorization").read_text().strip()
            if self.headers.get("Authorization", "") != expected:
                return self.reply(401, {"WWW-Authenticate": 'Basic realm="tests"'}, b"")
            path = path.removeprefix("/private")
        kind, _, name = path.lstrip("/").partition("/")
        if kind == "git":
            return self.serve_git("/" + name, query, body)
        if kind == "loop":
            return self.reply(302, {"Location": "/loop"}, b"")
        file = self.folder / "files" / name
        if kind not in ("files", "truncated") or not file.is_file():
            return self.reply(404, {}, b"")
        data = file.read_bytes()
        if kind == "truncated":
            self.reply(200, {}, data, data[: len(data) // 2])
            self.close_connection = True
            return None
        return self.serve_file(data, formatdate(file.stat().st_mtime, usegmt=True))

    def serve_file(self, data: bytes, modified: str):
        etag = f'"{sha256(data).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == etag:
            return self.reply(304, {"ETag": etag}, b"")
        return self.reply(200, {"ETag": etag, "Last-Modified": modified}, data)

    def serve_git(self, path: str, query: str, body: bytes):
        environment = {
            **os.environ, "GIT_PROJECT_ROOT": str(self.folder / "git"), "GIT_HTTP_EXPORT_ALL": "1", "REQUEST_METHOD": self.command,
            "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_ADDR": "127.0.0.1", "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE, check=False)
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        self.reply(int(headers.pop("Status", "200").split()[0]), headers, data)

    def log_request(self, code="-", size="-"):
        with (self.folder / "requests").open("a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {code}\n")


if __name__ == "__main__":
    local_server.serve(Handler, Path(sys.argv[1]))
