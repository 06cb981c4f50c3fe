#!/usr/bin/env bash
# A C program is compiled in a stage that has gcc; only the program is in the image.
# kinds: images
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
[ -e "$IMAGES/debian.tar" ] || skip "there is no debian image (mmdebstrap)"
load_busybox
ok slipway load -i "$IMAGES/debian.tar"
file context/main.c <<'END'
#include <stdio.h>
int main(int argc, char** argv) {
  printf("%s, %s (%ld)\n", GREETING, argc > 1 ? argv[1] : "world", __STDC_VERSION__);
  return argc - 1;
}
END
file context/Dockerfile <<'END'
FROM debian AS build
ARG GREETING=hello
WORKDIR /src
COPY main.c .
RUN gcc -O2 -static -DGREETING="\"$GREETING\"" -o /usr/local/bin/greet main.c && greet
FROM scratch
COPY --from=build /usr/local/bin/greet /greet
ENTRYPOINT ["/greet"]
END
build -t greet --build-arg GREETING=welcome context
ok slipway run --rm greet
expect_match "$out" '^welcome, world \(201[0-9]'
try slipway run --rm greet you
expect_eq "$status" 1
expect_match "$out" '^welcome, you '
expect_eq "$(diff_ids greet | wc -l)" 1
verify_image greet
build -t greet --build-arg GREETING=welcome context
expect_cached 'RUN gcc'
# A stage with many files is copied from without a mount.
file context/Dockerfile <<<$'FROM debian AS all\nFROM scratch\nCOPY --from=all /usr/lib /usr/lib'
build -t libraries context
verify_image libraries
