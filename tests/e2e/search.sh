#!/usr/bin/env bash
# search: the Hub's search as a table, filtered; answers that are none are errors of the network.
. "$(dirname "$0")/lib.bash"
mkdir -p site/v1
file server.py <<'END'
import http.server, json, urllib.parse
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        term = query["q"][0]
        body = b"<html>" if term == "broken" else json.dumps({"results": [
            {"name": "alpine", "description": "small\x1b[31m " * 20, "star_count": 100, "is_official": True},
            {"name": "me/alpine", "description": None, "star_count": 2, "is_official": False}][: int(query["n"][0])]}).encode()
        self.send_response(503 if term == "down" else 200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
END
python3 server.py >port 2>/dev/null &
trap 'kill %1' EXIT
wait_until test -s port
host=127.0.0.1:$(cat port)
ok slipway search "$host/alpine"
expect_match "$(head -n 1 <<<"$out")" '^NAME +DESCRIPTION +STARS +OFFICIAL$'
expect_match "$out" 'alpine +small.*… +100 +\[OK\]'
expect_not_in "$out" $'\x1b'
ok slipway search --filter stars=10 --format '{{.Name}}' "$host/alpine"
expect_eq "$out" alpine
ok slipway search --limit 1 --format '{{.Name}}' "$host/alpine"
expect_eq "$out" alpine
fails 4 503 slipway search "$host/down"
try slipway search "$host/broken"
expect_ne "$status" 0
fails 2 'invalid filter' slipway search --filter color=red "$host/alpine"
fails 2 'limit' slipway search --limit 1000 "$host/alpine"
