#!/usr/bin/env bash
# inspect and history show what docker shows, under its names.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'END'
FROM busybox
ENV A=1
RUN echo x > /x
COPY Dockerfile /
LABEL maintainer="someone"
EXPOSE 80
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD true
CMD ["sh"]
END
build -t shown:v1 context
ok slipway inspect shown:v1
image=$(jq '.[0]' <<<"$out")
expect_json "$image" '.RepoTags[0], .Os, .Config.Env[-1], .Config.Labels.maintainer' $'shown:v1\nlinux\nA=1\nsomeone'
expect_json "$image" '.Config.ExposedPorts, .Config.Volumes, .Config.StopSignal' $'{"80/tcp":{}}\n{"/data":{}}\nSIGINT'
expect_json "$image" '.Config.Healthcheck.Interval, (.RootFS.Layers | length), .RootFS.Type' $'5000000000\n3\nlayers'
expect_match "$(jq -r '.Id, .Created, .Size' <<<"$image")" $'^sha256:[0-9a-f]{64}\n20[0-9]{2}-[0-9T:.-]+Z\n[0-9]+$'
ok slipway inspect --format '{{.Id}} {{.Config.StopSignal}}' shown:v1
expect_eq "$out" "$(jq -r .Id <<<"$image") SIGINT"

ok slipway history shown:v1
expect_match "$(head -n 1 <<<"$out")" '^IMAGE +CREATED +CREATED BY +SIZE +COMMENT'
expect_match "$(sed -n 2p <<<"$out")" '^[0-9a-f]{12} .*CMD \["sh"\] +0B'
expect_eq "$(wc -l <<<"$out")" 11
ok slipway history --no-trunc --format '{{.CreatedBy}}' shown:v1
expect_eq "$(sed -n 8p <<<"$out")" 'RUN /bin/sh -c echo x > /x # buildkit'
expect_in "$out" 'COPY Dockerfile / # buildkit'
fails 1 'no-such-image' slipway history no-such-image
fails 1 'no-such-image' slipway inspect no-such-image

ok slipway version
expect_match "$out" '[0-9]+\.[0-9]+\.[0-9]+'
ok slipway --version
ok slipway --help
for verb in build run pull push images tag rmi inspect history load save import version; do
  expect_match "$out" $'\n'" +$verb "
done
for verb in build run pull push images tag rmi inspect history load save import version; do
  ok slipway "$verb" --help
  expect_in "$out" "$verb"
done
