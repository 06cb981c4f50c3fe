#!/usr/bin/env bash
# Files that can't be copied as they are: a clear error, and no layer.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"

# archive FILE PYTHON: a tar of what the Python text adds: file(name, content), link(name, target), hard(...), node(...).
archive() {
  python3 - "$1" <<END
import io, sys, tarfile
tar = tarfile.open(sys.argv[1], "w")
def add(name, kind, content=b"", target="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode = kind, len(content), target, mode
    tar.addfile(info, io.BytesIO(content))
def file(name, content=b"x"): add(name, tarfile.REGTYPE, content)
def link(name, target): add(name, tarfile.SYMTYPE, target=target)
def hard(name, target): add(name, tarfile.LNKTYPE, target=target)
def node(name): add(name, tarfile.CHRTYPE)
$2
tar.close()
END
}
files_of() { (cd "$1" && find . -mindepth 1 | sort | tr '\n' ' '); }

# --- names and links of an archive do not lead out of where it is unpacked
echo secret | file outside
mkdir c
file c/Dockerfile <<<$'FROM scratch\nADD bad.tar /in/\nCOPY after /'
echo x | file c/after
archive c/bad.tar 'file("../../up"); file("/abs"); link("out", "/"); file("out/through"); link("up2", "../.."); file("up2/more")'
build -o result c
expect_eq "$(files_of result)" './after ./in ./in/abs ./in/more ./in/out ./in/through ./in/up ./in/up2 '
expect_eq "$(cat outside)" secret
archive c/bad.tar 'hard("h", "../../outside")'
fails 1 'bad.tar' slipway build -o other c
expect_no_file other

# --- the same as a context
archive bad.tar 'file("Dockerfile", b"FROM scratch\nCOPY link /\nCOPY sub /sub\n"); link("link", "../../../outside"); file("sub/../../q")'
slipway build -o other - <bad.tar >log 2>&1 && fail "a link led out of the context"
expect_in "$(cat log)" '"/link": not found'
expect_no_file other

# --- sources above the context are the context's own
file c/Dockerfile <<<$'FROM scratch\nCOPY ../outside /'
fails 1 '"/outside": not found' slipway build -o other c
ln -s ../outside c/link
file c/Dockerfile <<<$'FROM scratch\nCOPY link /'
fails 1 '"/link": not found' slipway build -o other c

# --- devices: only root can make them
file c/Dockerfile <<<$'FROM scratch\nADD node.tar /'
archive c/node.tar 'node("null")'
build -o type=tar,dest=node-out.tar c
expect_in "$(tar -tvf node-out.tar)" 'crw'

# --- what is no archive after all, and one that claims more than there can be
archive c/node.tar 'file("f", b"x" * 100000)'
truncate -s 5000 c/node.tar
fails 1 'node.tar' slipway build -o other c
python3 - c/node.tar <<'END'
import sys
block = bytearray(512)
block[0:1], block[100:108], block[108:116], block[116:124] = b"s", b"0000644\0", b"0000000\0", b"0000000\0"
block[124:136], block[136:148], block[156:157], block[257:265] = b"00000000004\0", b"00000001750\0", b"S", b"ustar  \0"
block[386:398], block[398:410] = b"00000000000\0", b"00000000004\0"
block[483:495] = bytes([0x80]) + (1 << 45).to_bytes(11, "big")
block[148:156] = b" " * 8
block[148:156] = b"%06o\0 " % sum(block)
open(sys.argv[1], "wb").write(bytes(block) + b"data" + bytes(508) + bytes(1024))
END
fails 1 '17592186044416' slipway build -o other c

# --- files that may not be read
if [ "$MODE" = rootless ]; then
  file df <<<$'FROM scratch\nCOPY shadow /'
  fails 3 shadow slipway build -o other -f df /etc
fi
expect_no_file other

# --- a file that changes while it is read
file c/Dockerfile <<<$'FROM scratch\nCOPY moving /'
echo start | file c/moving
(while echo more >>c/moving; do :; done) &
writer=$!
head -c 20000000 /dev/zero >>c/moving
try slipway build -o other c
kill $writer
wait $writer 2>/dev/null || true
expect_eq "$status" 1
expect_in "$err" '/moving changed while it was read'
expect_no_file other
