#!/usr/bin/env bash
# RUN --network: by default a network of the build's own, from which the machine's addresses can be reached and its
# loopback can't; none is none, host is the machine's. What carries the packets ends with the build, however that ends.
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox

# serve_text ADDRESS TEXT: answers every request to a free port with the text: $PORT.
servers=()
serve_text() {
  rm -f "$WORK/port"
  python3 - "$1" "$2" "$WORK/port" >"$WORK/server.log" 2>&1 <<'END' &
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(sys.argv[2])))
        self.end_headers()
        self.wfile.write(sys.argv[2].encode())
server = http.server.ThreadingHTTPServer((sys.argv[1], 0), Handler)
with open(sys.argv[3] + ".new", "w") as file:
    file.write(str(server.server_port))
os.rename(sys.argv[3] + ".new", sys.argv[3])
server.serve_forever()
END
  servers+=($!)
  wait_until test -e "$WORK/port"
  PORT=$(<"$WORK/port")
}
trap 'kill "${servers[@]}" 2>/dev/null || true' EXIT

serve_text 127.0.0.1 from-the-loopback
loopback=$PORT
file context/Dockerfile <<'END'
FROM busybox
ARG PORT
RUN echo "net $(readlink /proc/self/ns/net)"; ip -4 address show; cat /etc/resolv.conf
RUN for address in 127.0.0.1 $(ip route | sed -n 's/^default via \([^ ]*\).*/\1/p') $(ip -4 address | sed -n 's/.*inet \([^/]*\).*/\1/p') 10.83.71.3; do \
      if printf 'GET / HTTP/1.0\r\n\r\n' | timeout 2 nc -w 1 $address $PORT | grep from-the-loopback; then echo "reached by $address"; exit 1; fi; done
END
build --no-cache --build-arg "PORT=$loopback" context
if [[ $err == *"the machine's network"* ]]; then
  # It is said once, and there is nothing else to show here.
  expect_eq "$(grep -c "the machine's network" <<<"$err")" 1
  skip "$(grep -m 1 "the machine's network" <<<"$err")"
fi
expect_in "$err" 10.83.71.100
# Both steps are in one, and slipway run has its own.
expect_ne "$(grep -o 'net:\[[0-9]*\]' <<<"$err" | head -n 1)" "$(readlink /proc/self/ns/net)"
ok slipway run --rm busybox readlink /proc/self/ns/net
expect_ne "$out" "$(readlink /proc/self/ns/net)"
ok slipway run --rm --network host busybox readlink /proc/self/ns/net
expect_eq "$out" "$(readlink /proc/self/ns/net)"

# The machine's own address is one like any other.
address=$(hostname -I | tr ' ' '\n' | grep -m 1 -E '^[0-9.]+$' || true)
if [ -n "$address" ]; then
  serve_text "$address" from-the-machine
  file context/Dockerfile <<END
FROM busybox
RUN timeout 20 wget -qO- http://$address:$PORT/ | grep from-the-machine
RUN --network=none ip link | grep -c '^[0-9]' | grep -x 1 && ! timeout 2 nc -w 1 $address $PORT </dev/null
END
  build --no-cache context
fi

file context/Dockerfile <<END
FROM busybox
RUN --network=host timeout 20 wget -qO- http://127.0.0.1:$loopback/ | grep from-the-loopback
END
fails 1 'network.host is not allowed' slipway build context
build --no-cache --allow network.host context
sed -i 's/--network=host //' context/Dockerfile
fails 1 'did not complete' slipway build --no-cache context
build --no-cache --network=host context
fails 1 'did not complete' slipway build --no-cache --network=none context

# Killed, slipway can't end what it has started; it ends all the same.
file context/Dockerfile <<'END'
FROM busybox
RUN echo "it runs"; sleep 1000
END
programs_of() {
  local child
  for child in $(pgrep -P "$1"); do
    pgrep -f -P "$child" -- '--netns' || true
  done
}
for signal in KILL TERM; do
  rm -f "$WORK/log"
  "$SLIPWAY" --root "$ROOT" build --progress plain context >"$WORK/log" 2>&1 &
  build=$!
  wait_until grep -q '[0-9] it runs' "$WORK/log"
  program=$(programs_of "$build")
  expect_match "$program" '^[0-9]+$'
  kill -"$signal" "$build"
  wait "$build" 2>/dev/null || true
  wait_until eval "! kill -0 $program"
done

# A name server on the machine's loopback is reached by way of the network's own. The port takes root.
[ "$MODE" = root ] || exit 0
python3 - "$WORK/dns" >"$WORK/server.log" 2>&1 <<'END' &
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.53.53", 53))
open(sys.argv[1], "w").close()
while True:
    query, client = server.recvfrom(512)
    end = query.index(b"\0", 12) + 5
    answers = query[end - 4 : end - 2] == b"\0\1"
    header = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if answers else b"\0\0") + b"\0\0\0\0"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("198.51.100.7")
    server.sendto(header + query[12:end] + (record if answers else b""), client)
END
servers+=($!)
wait_until test -e "$WORK/dns"
echo 'nameserver 127.0.53.53' >"$WORK/resolv.conf"
file context/Dockerfile <<'END'
FROM busybox
RUN grep -x 'nameserver 10.83.71.3' /etc/resolv.conf && nslookup a.example | grep 198.51.100.7
END
ok unshare --mount sh -c 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' sh "$WORK/resolv.conf" \
  "$SLIPWAY" --root "$ROOT" build --no-cache --progress plain context
