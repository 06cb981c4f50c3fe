"""What the servers of these tests have in common: a free port of 127.0.0.1, and answers that need no client's mercy."""

import http.server
import socket
import sys
from pathlib import Path


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def reply(self, status: int, headers: dict[str, str], data: bytes, sent: bytes | None = None):
        """The data, or less of it than the headers say: what is sent."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data if sent is None else sent)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), OSError):  # connections that break are no news here
            super().handle_error(request, client_address)


def serve(handler: type[Handler], folder: Path):
    """Until it is killed; the address is then in FOLDER/address."""
    handler.folder = folder
    server = Server(("127.0.0.1", 0), handler)
    address = folder / "address.new"
    address.write_text(f"127.0.0.1:{server.server_port}\n")
    address.rename(folder / "address")
    server.serve_forever()
