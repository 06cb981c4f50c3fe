#!/usr/bin/env bash
# df tells what the store holds; prune frees what nobody names, and only says so with --dry-run.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN head -c 3000000 /dev/urandom > /x'
build -t app context
ok slipway df --format '{{.Type}}={{.TotalCount}}'
expect_in "$out" 'Images=2'
expect_in "$out" 'Dangling images=0'
ok slipway df
expect_match "$(head -n 1 <<<"$out")" '^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE$'

build -t app --no-cache context
ok slipway df --format '{{.Type}}={{.TotalCount}}'
expect_in "$out" 'Dangling images=1'
ok slipway prune --dry-run
expect_in "$out" 'Would delete dangling images'
ok slipway df --format '{{.Type}}={{.TotalCount}}'
expect_in "$out" 'Dangling images=1'
ok slipway prune --images
expect_match "$out" 'Total reclaimed space: [0-9.]+MB'
ok slipway df --format '{{.Type}}={{.TotalCount}}'
expect_in "$out" 'Dangling images=0'
expect_in "$out" 'Images=2'
verify_image app
ok slipway prune --all --until 24h
expect_in "$out" 'Total reclaimed space: 0B'
ok slipway prune --all
expect_eq "$(slipway images -q)" ""
fails 2 'no duration' slipway prune --until soon
fails 2 'no size' slipway prune --keep-storage much
