#!/usr/bin/env bash
# Makes the base images that the scripts load: FOLDER/busybox.tar, FOLDER/busybox-docker.tar, and the
# debian image where it can be made: FOLDER/debian.tar. For steps of another machine, where Debian's packages can be had:
# FOLDER/busybox-arm64.tar and FOLDER/qemu-aarch64.
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
rm -f "$folder/busybox-arm64.tar" "$folder/qemu-aarch64"
if foreign=$("$makers/fetch-foreign-programs"); then
  "$makers/make-busybox-image" --program "$foreign/busybox" --machine aarch64 "$folder/busybox-arm64.tar"
  cp "$foreign/qemu-aarch64" "$folder/qemu-aarch64"
fi
