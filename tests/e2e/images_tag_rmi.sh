#!/usr/bin/env bash
# images, tag and rmi: docker's columns, names that move, images that go with their last name.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN echo x > /x'
build -t one context
ok slipway images
expect_match "$(head -n 1 <<<"$out")" '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$'
id=$(image_id one)
short=${id:7:12}
expect_match "$out" $'\n'"one +latest +$short +[A-Za-z0-9 ]+ ago +[0-9.]+[kM]B"
expect_match "$out" $'\n''busybox +latest +[0-9a-f]{12} '

ok slipway tag one example.com/team/two:v1
ok slipway tag "$short" three
ok slipway images -q
expect_eq "$(grep -c "$short" <<<"$out")" 3
ok slipway images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' example.com/team/two
expect_eq "$out" "example.com/team/two:v1 $id"

# A new build takes the name; the old image keeps its others.
file context/Dockerfile <<<$'FROM busybox\nRUN echo y > /x'
build -t one context
expect_ne "$(image_id one)" "$id"
expect_eq "$(image_id three)" "$id"
ok slipway rmi three
expect_eq "$out" "Untagged: three:latest"
ok slipway rmi example.com/team/two:v1
expect_in "$out" "Untagged: example.com/team/two:v1"
expect_in "$out" "Deleted: $id"
fails 1 "$short" slipway inspect "$short"
fails 1 'no-such-image' slipway rmi no-such-image
fails 1 'no-such-image' slipway tag no-such-image x
fails 2 'UPPER' slipway tag one UPPER
fails 2 'UPPER' slipway push UPPER
# The steps are still in the cache, the name is not.
expect_eq "$(slipway images -q three)" ""
verify_image one
