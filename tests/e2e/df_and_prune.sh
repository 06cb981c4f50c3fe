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

# By label, and in detail.
file context/Dockerfile <<<$'FROM scratch\nCOPY Dockerfile /\nLABEL keep=no stage=ci'
build -t one --label keep=yes context
build -t two context
ok slipway df -v
expect_match "$(head -n 1 <<<"$out")" '^TYPE +ID +NAME +SIZE$'
expect_in "$(slipway df -v --format '{{.Type}} {{.Name}}')" 'Images docker.io/library/two:latest'
ok slipway prune -a --dry-run --filter label=stage=ci --filter 'label!=keep=yes'
expect_in "$out" 'Would delete images: docker.io/library/two:latest'
expect_not_in "$out" one
ok slipway prune --filter label=stage
expect_eq "$(slipway images --format '{{.Repository}}' | sort | xargs)" 'one two'
ok slipway prune -a --filter label=stage=ci --filter 'label!=keep=yes'
expect_eq "$(slipway images --format '{{.Repository}}' | sort | xargs)" one
verify_image one
# until= goes by the creation of images, --until by their last use.
SOURCE_DATE_EPOCH=1000000000 build -t old context
ok slipway prune -a --until 24h
expect_eq "$(slipway images --format '{{.Repository}}' | sort | xargs)" 'old one'
ok slipway prune -a --dry-run --filter until=24h
expect_in "$out" 'Would delete images: docker.io/library/old:latest'
expect_not_in "$out" 'library/one'
ok slipway prune -a --filter until=2001-09-09T01:46:40Z
expect_eq "$(slipway images --format '{{.Repository}}' | sort | xargs)" 'old one'
ok slipway prune -a --filter until=2001-09-09T01:46:41Z
expect_eq "$(slipway images --format '{{.Repository}}')" one
verify_image one
fails 2 'more than one filter' slipway prune --filter until=1h --filter until=2h
fails 2 'invalid filter' slipway prune --filter colour=red
fails 2 'exclude each other' slipway prune --filter label=a --keep-storage 1g
fails 2 'no size' slipway prune --keep-storage much
