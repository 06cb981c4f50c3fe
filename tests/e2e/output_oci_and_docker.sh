#!/usr/bin/env bash
# --output type=oci and type=docker write archives that other tools read; umoci unpacks what the image holds.
. "$(dirname "$0")/lib.bash"
command -v skopeo >/dev/null || skip "skopeo is not installed"
command -v umoci >/dev/null || skip "umoci is not installed"
load_busybox
file context/data.txt <<<"some data"
file context/Dockerfile <<'END'
FROM busybox
COPY --chown=33:33 data.txt /data/
RUN rm /bin/yes && ln /data/data.txt /data/hard && chmod 600 /data/data.txt
ENV KEY=value
EXPOSE 8080/tcp
CMD ["cat", "/data/data.txt"]
END
build -t example.com/out:1 --output type=oci,dest=oci.tar --output type=docker,dest=docker.tar context
ok python3 "$library/verify_image.py" oci.tar
skopeo inspect --config oci-archive:oci.tar >oci.json
expect_json "$(cat oci.json)" '.config.Env[-1], .config.ExposedPorts, .config.Cmd[0]' $'KEY=value\n{"8080/tcp":{}}\ncat'
skopeo inspect --config docker-archive:docker.tar:example.com/out:1 >docker.json
expect_eq "$(jq -c .rootfs docker.json)" "$(jq -c .rootfs oci.json)"

mkdir layout && tar -C layout -xf oci.tar
tag=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' layout/index.json)
rootless=(); [ "$MODE" = root ] || rootless=(--rootless)
ok umoci unpack "${rootless[@]}" --image "layout:$tag" bundle
expect_eq "$(cat bundle/rootfs/data/data.txt)" "some data"
expect_eq "$(stat -c %a bundle/rootfs/data/data.txt)" 600
expect_eq "$(stat -c %i bundle/rootfs/data/data.txt)" "$(stat -c %i bundle/rootfs/data/hard)"
expect_no_file bundle/rootfs/bin/yes
expect_json "$(cat bundle/config.json)" '.process.args | join(" ")' "cat /data/data.txt"
ok skopeo copy oci-archive:oci.tar docker-archive:copied.tar:out:copied
ok slipway load -i copied.tar
expect_eq "$(diff_ids out:copied)" "$(jq -r '.rootfs.diff_ids[]' oci.json)"

# tar=false makes a folder; dest=- writes to standard output.
build --output type=oci,dest=folder,tar=false context
expect_json "$(skopeo inspect --config oci:folder)" '.config.Env[-1]' KEY=value
slipway build --output type=oci,dest=- context 2>/dev/null >stdout.tar
ok python3 "$library/verify_image.py" stdout.tar
