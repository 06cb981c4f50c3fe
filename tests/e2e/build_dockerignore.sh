#!/usr/bin/env bash
# .dockerignore keeps files out; asking for one of them names the rule that hid it.
. "$(dirname "$0")/lib.bash"
load_busybox

file context/app/main.c <<<"main"
file context/app/main.o <<<"object"
file context/notes/keep.md <<<"keep"
file context/notes/drop.md <<<"drop"
file context/secret.env <<<"password"
file context/.dockerignore <<'END'
# objects and notes
**/*.o
notes/*
!notes/keep.md
*.env
END
file context/Dockerfile <<'END'
FROM busybox
COPY . /context
END
build -t ignored context
expect_eq "$(in_image ignored 'cd /context && find . -type f | sort | tr "\n" " "')" \
  "./.dockerignore ./Dockerfile ./app/main.c ./notes/keep.md "
verify_image ignored

# A change in what is ignored changes nothing.
file context/app/main.o <<<"other"
build -t ignored context
expect_cached "COPY . /context"

file context/Dockerfile <<'END'
FROM busybox
COPY secret.env /
END
fails 1 'secret.env' slipway build context
expect_in "$err" ".dockerignore"
expect_in "$err" '*.env'
expect_in "$err" '>>> COPY secret.env /'

# A file of its own for one Dockerfile comes first.
file context/other.Dockerfile <<'END'
FROM busybox
COPY . /context
END
file context/other.Dockerfile.dockerignore <<<'notes'
build -t other -f context/other.Dockerfile context
expect_eq "$(in_image other 'ls /context')" $'Dockerfile\napp\nother.Dockerfile\nother.Dockerfile.dockerignore\nsecret.env'
