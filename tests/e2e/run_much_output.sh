#!/usr/bin/env bash
# A step that prints without end: all of it is kept, and memory is not what pays for it. (1 GiB, measured: 31 MB.)
# as: root
# seconds: 300
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
echo "a line of output that is repeated many times" >line
size=$((256 << 20))
expected=$( (yes "$(<line)" || true) | head -c "$size" | sha256sum)
file context/Dockerfile <<END
FROM busybox
RUN yes "$(<line)" | head -c $size
RUN echo; echo "the last line"
END
python3 - "$SLIPWAY" "$ROOT" shown >memory <<'END'
import resource, subprocess, sys
watched = b"__asan_init" in open(sys.argv[1], "rb").read()
with open(sys.argv[3], "wb") as shown:
    done = subprocess.run([sys.argv[1], "--root", sys.argv[2], "build", "--progress", "plain", "--no-cache", "context"], stderr=shown)
# A sanitizer keeps what was freed: there the size says nothing.
print(done.returncode, watched or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 100_000)
END
expect_eq "$(<memory)" '0 True'
[ "$(stat -c %s shown)" -lt 3500000 ] || fail "$(stat -c %s shown) bytes are shown"
grep -q 'output clipped, log limit 2048KiB reached' shown || fail "nobody says that not all is shown"
grep -q 'the last line' shown || fail "the end is not shown"
# The log is a blob like others, compressed.
found=''
for blob in "$ROOT"/blobs/sha256/*; do
  [ "$(head -c 2 "$blob" | od -An -tx1)" = ' 1f 8b' ] && [ "$(zcat "$blob" | sha256sum)" = "$expected" ] && found=$blob
done
[ -n "$found" ] || fail "the output was not kept whole"
