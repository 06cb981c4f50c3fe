#!/usr/bin/env bash
# --jobs bounds the steps that run at once, whatever could.
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
{
  for i in 1 2 3 4 5 6; do
    # A step that finds another one running fails.
    printf 'FROM busybox AS s%s\nRUN --mount=type=cache,target=/c mkdir /c/running && sleep 0.1 && rmdir /c/running && echo %s > /r%s\n' "$i" "$i" "$i"
  done
  printf 'FROM scratch\n'
  for i in 1 2 3 4 5 6; do printf 'COPY --from=s%s /r%s /\n' "$i" "$i"; done
} >context/Dockerfile
build --jobs 1 -t one context
verify_image one
fails 2 '--jobs=0' slipway build --jobs 0 context
fails 2 '--jobs=many' slipway build --jobs many context
# As many as there are may meet: the same steps with room for all, which wait for each other, end only if they do.
{
  for i in 1 2 3; do
    printf 'FROM busybox AS s%s\nRUN --mount=type=cache,id=meet,target=/c touch /c/%s; until [ -e /c/1 ] && [ -e /c/2 ] && [ -e /c/3 ]; do sleep 0.02; done; echo > /r%s\n' "$i" "$i" "$i"
  done
  printf 'FROM scratch\n'
  for i in 1 2 3; do printf 'COPY --from=s%s /r%s /\n' "$i" "$i"; done
} >context/Dockerfile
build --jobs 3 --timeout 60s context
