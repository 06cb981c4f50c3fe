#!/usr/bin/env bash
# Makes the base images that the scripts load: FOLDER/busybox.tar, FOLDER/busybox-docker.tar, and in FOLDER/debian the
# path of the debian image's file, or nothing where it can't be made.
set -euo pipefail
folder=$1 makers=$(dirname "$0")/../images
mkdir -p "$folder"
"$makers/make-busybox-image" "$folder/busybox.tar"
"$makers/make-busybox-image" --format docker "$folder/busybox-docker.tar"
: >"$folder/debian"
if command -v mmdebstrap >/dev/null; then
  "$makers/make-debian-image" >"$folder/debian"
fi
