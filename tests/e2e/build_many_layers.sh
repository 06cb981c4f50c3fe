#!/usr/bin/env bash
# More layers than one mount call could name work, and WORKDIR, LABEL and their kind cost no layer of their own.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
{
  echo 'FROM busybox'
  for n in $(seq 1 130); do
    echo "COPY Dockerfile /copies/$n"
    echo "LABEL n$n=$n"
  done
  echo 'RUN test $(ls /copies | wc -l) = 130'
} >context/Dockerfile
build -t deep context
# The base and each COPY; the RUN changes nothing, and makes a layer all the same, as in docker.
expect_eq "$(diff_ids deep | wc -l)" 132
verify_image deep
build -t deep context
expect_cached 'RUN test'
