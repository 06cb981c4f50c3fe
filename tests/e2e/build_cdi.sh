#!/usr/bin/env bash
# Devices of device files: RUN --device, --allow device, run --device.
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir -p low high context
echo shown >shown.txt
cat >low/vendor.yaml <<END
cdiVersion: 0.6.0
kind: vendor.example/thing
containerEdits:
  env: [THING=low]
devices:
- name: one
  containerEdits:
    deviceNodes:
    - {path: /dev/thing-one, hostPath: /dev/null}
    mounts:
    - {hostPath: $WORK/shown.txt, containerPath: /opt/thing/shown.txt, options: [ro, nosuid, bind]}
- name: two
  annotations: {org.mobyproject.buildkit.device.class: pair}
  containerEdits:
    deviceNodes:
    - {path: /dev/thing-two, hostPath: /dev/zero, type: c, major: 1, minor: 5, fileMode: 0666, permissions: rwm}
- name: hooked
  containerEdits:
    hooks:
    - {hookName: createContainer, path: /usr/bin/thing-hook, args: [thing-hook]}
- name: gone
  containerEdits:
    deviceNodes: [{path: /dev/no-such-thing}]
END
echo '{"cdiVersion": "0.6.0", "kind": 7}' >low/wrong.json
dockerfile() { { echo 'FROM busybox'; cat; } >context/Dockerfile; }
devices=(--cdi-spec-dir "$WORK/low" --cdi-spec-dir "$WORK/high")

# A device brings its node, its mount and the variables of its file; nothing of it stays in the layer.
dockerfile <<'END'
RUN --device=vendor.example/thing=one echo x >/dev/thing-one && test -c /dev/thing-one && test ! -e /dev/thing-two && \
  test "$(cat /opt/thing/shown.txt)" = shown && ! touch /opt/thing/shown.txt && test "$THING" = low && echo did >/did
RUN test -z "$THING" && test ! -e /dev/thing-one
END
fails 1 'device vendor.example/thing=one is requested by the build but not allowed' slipway build "${devices[@]}" context
expect_in "$err" '--allow device=vendor.example/thing=one'
build "${devices[@]}" --allow device=vendor.example/thing=one -o type=tar,dest=out.tar context
expect_not_in "$(tar -tf out.tar)" opt/thing
expect_not_in "$(tar -tf out.tar)" dev/thing
build "${devices[@]}" --allow device context
expect_in "$err" CACHED

# All of a kind, by class, the first; another name in the place of the asked one.
dockerfile <<'END'
RUN --device=vendor.example/thing=pair,required head -c 3 /dev/thing-two | wc -c | grep -qx 3
RUN --device=any.example/thing=other,required test -c /dev/thing-two
END
build "${devices[@]}" --allow device=vendor.example/thing=two --allow device=vendor.example/thing=two,alias=any.example/thing=other context

# Optional ones are done without, required ones are missed.
dockerfile <<<'RUN --device=vendor.example/thing=three test ! -e /dev/thing-one'
build "${devices[@]}" context
expect_in "$err" 'optional device "vendor.example/thing=three" is not registered'
dockerfile <<<'RUN --device=vendor.example/thing=three,required=true true'
fails 1 'required device "vendor.example/thing=three" is not registered' slipway build "${devices[@]}" --allow device context
expect_in "$err" "$WORK/low and $WORK/high"
expect_in "$err" 'vendor.example/thing=one'
expect_in "$err" 'wrong.json: member "kind" is not text'

# What can't be given is refused.
dockerfile <<<'RUN --device=vendor.example/thing=hooked true'
fails 1 'the hook /usr/bin/thing-hook (createContainer)' slipway build "${devices[@]}" --allow device context
expect_in "$err" '--runtime'
dockerfile <<<'RUN --device=vendor.example/thing=gone true'
fails 1 'there is no device /dev/no-such-thing on this machine' slipway build "${devices[@]}" --allow device context

# A later folder overrides an earlier one.
cat >high/vendor.json <<'END'
{"cdiVersion": "0.6.0", "kind": "vendor.example/thing", "devices": [{"name": "one", "containerEdits": {"env": ["THING=high"]}}]}
END
dockerfile <<<'RUN --device=vendor.example/thing=one test "$THING" = high && test ! -e /dev/thing-one'
build --no-cache "${devices[@]}" --allow device context

# `run` takes devices of files and nodes of the machine; whoever names one allows it.
ok slipway run --cdi-spec-dir low --device vendor.example/thing=one busybox sh -c 'echo x >/dev/thing-one && echo "$THING"'
expect_eq "$out" low
ok slipway run --device /dev/null:/dev/nothing:rw busybox sh -c 'echo x >/dev/nothing; test -c /dev/nothing'
fails 125 'there is no device /dev/no-such-thing' slipway run --device /dev/no-such-thing busybox true
fails 125 "can't be enforced" slipway run --device /dev/null:/dev/n:r busybox true
