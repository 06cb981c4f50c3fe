#!/usr/bin/env bash
# Packages are installed where there is but one id: apt drops its rights, dpkg sets owners, maintainer scripts add users.
# kinds: images
# as: rootless one-id
. "$(dirname "$0")/lib.bash"
[ -e "$IMAGES/debian.tar" ] || skip "there is no debian image (mmdebstrap)"
ok slipway load -i "$IMAGES/debian.tar"
file context/postinst 755 <<'END'
#!/bin/sh
set -e
addgroup --system --gid 345 tester 2>/dev/null || groupadd --system --gid 345 tester
useradd --system --uid 345 --gid 345 --create-home --home-dir /var/lib/tester tester
chown -R tester:tester /var/lib/tester /srv/tester
chmod 2755 /srv/tester/tool
END
file context/control <<'END'
Package: tester
Version: 1
Architecture: all
Maintainer: Nobody <nobody@localhost>
Description: a package for tests
END
file context/Dockerfile <<'END'
FROM debian
COPY control postinst /p/DEBIAN/
RUN mkdir -p /p/srv/tester && echo tool > /p/srv/tester/tool && ln -s tool /p/srv/tester/link && mkdir /r && dpkg-deb --build /p /r
RUN cd /r && hash=$(sha256sum tester_1_all.deb | cut -d' ' -f1) && size=$(stat -c %s tester_1_all.deb) \
  && { cat /p/DEBIAN/control; echo "Filename: ./tester_1_all.deb"; echo "Size: $size"; echo "SHA256: $hash"; } > Packages \
  && rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* && echo 'deb [trusted=yes] file:/r ./' > /etc/apt/sources.list
RUN apt-get update && apt-get install -y tester
RUN id tester && test "$(su tester -s /bin/sh -c 'id -u')" = 345 && chgrp 346 /srv/tester/tool && touch /f && chown 7 /f
END
build -t packaged context
expect_not_in "$err" 'W: '
expect_in "$err" 'Setting up tester (1)'
ok slipway export -o root.tar packaged
expect_eq "$(tar --numeric-owner -tvf root.tar | awk '$6 ~ /^(srv\/tester|var\/lib\/tester)\/(tool)?$/ {print $1, $2, $6}' | sort -k 3 | tr '\n' ',')" \
  'drwxr-xr-x 345/345 srv/tester/,-rwxr-xr-x 345/346 srv/tester/tool,drwxr-xr-x 345/345 var/lib/tester/,'
verify_image packaged
