#!/usr/bin/env bash
# Makes the base images that the scripts load: FOLDER/busybox.tar, FOLDER/busybox-docker.tar, and the
# debian image where it can be made: FOLDER/debian.tar.
set -euo pipefail
folder=$1 makers=$(dirname "$0")/../images
mkdir -p "$folder"
"$makers/make-busybox-image" "$folder/busybox.tar"
"$makers/make-busybox-image" --format docker "$folder/busybox-docker.tar"
rm -f "$folder/debian.tar"
if command -v mmdebstrap >/dev/null; then
  made=$("$makers/make-debian-image")
  ln "$made" "$folder/debian.tar" 2>/dev/null || cp "$made" "$folder/debian.tar"
fi
