#!/usr/bin/env bash
# Ctrl-C ends the registry soon, also while somebody's upload is stalled or a TLS handshake was begun and left.
# kinds: registry
. "$(dirname "$0")/lib.bash"
file stall.py <<'END'
import socket, sys
port = int(sys.argv[1])
def connect():
    return socket.create_connection(("127.0.0.1", port))
start = connect()
start.sendall(b"POST /v2/app/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
answer = start.makefile("rb").read().decode()
place = [line.split(" ", 1)[1] for line in answer.split("\r\n") if line.startswith("Location: ")][0]
upload = connect()
upload.sendall(f"PATCH {place} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n".encode())
print(upload.recv(100).decode().split("\r")[0], flush=True)
upload.recv(100)
END
serve
python3 stall.py "${REGISTRY#*:}" >stalled 2>/dev/null &
wait_until grep -q '100 Continue' stalled
begin=$SECONDS
kill -INT "$server_pid"
wait "$server_pid" || true
[ $((SECONDS - begin)) -lt 15 ] || fail "took $((SECONDS - begin)) seconds"
wait %2 2>/dev/null || true
