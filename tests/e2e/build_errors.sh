#!/usr/bin/env bash
# A broken Dockerfile is shown with its lines, the cause and, where there is one, the nearest word.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context

# check TEXT...: building the Dockerfile on standard input fails, with each text in the message.
check() {
  file context/Dockerfile
  fails 1 "$1" slipway build --pull=never context
  for text in "${@:2}"; do expect_in "$err" "$text"; done
  expect_eq "$(slipway images -q | wc -l)" 1
}

check 'RUNN' 'Dockerfile:2' '>>> RUNN echo hi' 'did you mean RUN?' <<<$'FROM busybox\nRUNN echo hi'
check 'no build stage' <<<'RUN echo hi'
check 'Dockerfile' <<<''
check '--form' 'did you mean from?' '>>> COPY --form=x a b' <<<$'FROM busybox\nCOPY --form=x a b'
check 'biuld' 'build' '>>> COPY --from=biuld /a /b' <<<$'FROM busybox AS build\nFROM busybox\nCOPY --from=biuld /a /b'
check 'EOT' '>>> RUN <<EOT' <<<$'FROM busybox\nRUN <<EOT\necho'
check 'ENV' '>>> ENV =x' <<<$'FROM busybox\nENV =x'
check 'circular' <<<$'FROM busybox AS a\nCOPY --from=b / /\nFROM busybox AS b\nCOPY --from=a / /'
# The marked lines are all lines of the instruction.
check '>>> RUN exit 5 &&' $'>>>     echo never\n' <<<$'FROM busybox\nRUN exit 5 && \\\n    echo never\n'

fails 1 'missing/Dockerfile' slipway build -f missing/Dockerfile context
fails 1 'no-context' slipway build no-context
mkdir empty
fails 1 'Dockerfile' slipway build empty
printf 'FROM busybox\n\0\377RUN x\n' >context/Dockerfile
try slipway build context
expect_eq "$status" 1
