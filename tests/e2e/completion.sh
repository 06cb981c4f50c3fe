#!/usr/bin/env bash
# Words are completed in bash: verbs, flags, their values, names of images and stages.
. "$(dirname "$0")/lib.bash"
load_busybox
slipway tag busybox library-of/tools:v2
printf 'FROM busybox AS first\nFROM busybox AS second\n' >Dockerfile
mkdir bin
printf '#!/bin/sh\nexec "%s" --root "%s" "$@"\n' "$SLIPWAY" "$ROOT" >bin/slipway
chmod +x bin/slipway
export PATH=$WORK/bin:$PATH

ok slipway completion bash
# shellcheck disable=SC1090
. <(printf '%s\n' "$out")

# completes EXPECTED WORD...: the last word may be completed to these, one a line, sorted.
completes() {
  local expected=$1
  shift
  COMP_WORDS=(slipway "$@")
  COMP_CWORD=$#
  _slipway
  expect_eq "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" "$expected"
}
completes $'images\nimport' im
completes 'build' --root x bu
completes $'--no-cache\n--no-cache-filter' build --no-c
completes '--progress' build -f x --prog
completes 'rawjson' build --progress r
completes 'rawjson' build --progress = r
completes $'first\nsecond' build --target ''
completes $'busybox:latest\nlibrary-of/tools:v2' run ''
completes 'library-of/tools:v2' rmi lib
completes 'v2' rmi library-of/tools : v
completes 'latest' rmi busybox :
completes 'fish' completion f

for shell in zsh fish; do
  ok slipway completion "$shell"
  expect_in "$out" 'slipway'
  if command -v "$shell" >/dev/null; then
    printf '%s\n' "$out" >"script.$shell"
    ok "$shell" -n "script.$shell"
  fi
done
fails 2 'use bash, zsh or fish' slipway completion tcsh
