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

# A step that mounts a very deep stack gets a shorter one that means the same, whiteouts included.
{
  echo 'FROM busybox'
  for n in $(seq 1 140); do
    echo "COPY Dockerfile /copies/$n"
  done
  echo 'RUN rm /copies/3 && mkdir /copies/d && echo x >/copies/d/f'
  for n in $(seq 141 290); do
    echo "COPY Dockerfile /copies/$n"
  done
  echo 'RUN test $(ls /copies | wc -l) = 290 && test ! -e /copies/3 && rm -r /copies/d /copies/4 && mkdir /copies/d'
  echo 'RUN test $(ls /copies | wc -l) = 289 && test -z "$(ls /copies/d)"'
} >context/Dockerfile
build -t deeper context
expect_eq "$(diff_ids deeper | wc -l)" 294
verify_image deeper
