#!/usr/bin/env bash
# --iidfile, --metadata-file and -q say what was built.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<<$'FROM busybox\nLABEL a=b'
build -t meta:1 -t meta:2 --iidfile id --metadata-file metadata.json context
id=$(image_id meta:1)
expect_match "$id" '^sha256:[0-9a-f]{64}$'
expect_eq "$(cat id)" "$id"
expect_eq "$(image_id meta:2)" "$id"
expect_json "$(cat metadata.json)" '."containerimage.config.digest"' "$id"
expect_match "$(jq -r '."containerimage.digest" // "none"' metadata.json)" '^(sha256:[0-9a-f]{64}|none)$'
expect_match "$(jq -r '."image.name"' metadata.json)" 'docker.io/library/meta:1,docker.io/library/meta:2'

ok slipway build -q context
expect_eq "$out" "$id"
expect_eq "$err" ""
# A failed build leaves no id of an older one behind, and no half-written file.
file context/Dockerfile <<<$'FROM busybox\nRUN false'
try slipway build --iidfile id --metadata-file metadata.json context
expect_eq "$status" 1
expect_no_file id
verify_image meta:2
