#!/usr/bin/env bash
# --provenance and --sbom: what is said of an image, in registries, layouts, folders and tars.
# as: root rootless
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
start_registry
image=$REGISTRY/app

mkdir context
cat >context/database.py <<'END'
import sqlite3, struct
def header(entries):
    index = data = b""
    for tag, text in entries:
        index += struct.pack(">IIII", tag, 6, len(data), 1)
        data += text.encode() + b"\0"
    return struct.pack(">II", len(entries), len(data)) + index + data
db = sqlite3.connect("context/rpmdb.sqlite")
db.execute("create table Packages (hnum integer primary key, blob blob not null)")
db.execute("insert into Packages values (1, ?)", (header([(1000, "gawk"), (1001, "5.3"), (1002, "1.fc40"), (1014, "GPL-3.0-or-later")]),))
db.commit()
END
python3 context/database.py
printf 'word' >secret
cat >context/Dockerfile <<'END'
FROM busybox AS build
ARG HOW=none
RUN --mount=type=secret,id=key mkdir -p /var/lib/dpkg /lib/apk/db /app/node_modules/left-pad && \
  printf 'ID=debian\nVERSION_ID="12"\n' >/etc/os-release && \
  printf 'Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2\n' >/var/lib/dpkg/status && \
  printf 'P:musl\nV:1.2.5-r0\nL:MIT\n' >/lib/apk/db/installed && \
  printf '{"name":"left-pad","version":"1.3.0","license":"WTFPL"}' >/app/node_modules/left-pad/package.json
COPY rpmdb.sqlite /var/lib/rpm/
FROM build AS unused
RUN touch /never
FROM build
RUN mkdir -p /usr/lib/python3/x.dist-info && printf 'Name: Flask\nVersion: 3.0\nLicense: BSD-3-Clause\n' >/usr/lib/python3/x.dist-info/METADATA
END
purls='pkg:apk/debian/musl@1.2.5-r0?distro=debian-12
pkg:deb/debian/zlib1g@1:1.2?arch=amd64&distro=debian-12
pkg:npm/left-pad@1.3.0
pkg:pypi/flask@3.0
pkg:rpm/debian/gawk@5.3-1.fc40?distro=debian-12'
purls_of() { jq -r '.predicate.packages[].externalRefs[]?.referenceLocator' <<<"$1" | LC_ALL=C sort; }

# Nothing is said that nobody asked for; what is said changes nothing of the image.
build -t "$image:plain" --push --build-arg HOW=loud --secret id=key,src=secret context
plain=$(skopeo inspect --raw --tls-verify=false "docker://$image:plain" | sha256sum)
fails 1 'has no attestations' slipway manifest attestations "$image:plain"
build -t "$image:1" --push --provenance=mode=max --sbom --build-arg HOW=loud --secret id=key,src=secret context
expect_eq "$(skopeo inspect --raw --tls-verify=false "docker://$image:1" | sha256sum)" "$plain"

# This registry has no list of referrers: they are found by the tag for it.
digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$image:1")
noted=$(skopeo inspect --raw --tls-verify=false "docker://$image:${digest/:/-}")
expect_json "$noted" '[.manifests[].artifactType]' '["application/vnd.docker.attestation.manifest.v1+json"]'
ok slipway manifest attestations --type sbom "$image:1"
expect_eq "$(purls_of "$out")" "$purls"
expect_json "$out" '.subject[0].digest.sha256' "${digest#sha256:}"
expect_json "$out" '[.predicate.spdxVersion, .predicate.packages[0].name]' "[\"SPDX-2.3\",\"$image:1\"]"
ok slipway manifest attestations --type provenance "$image:1"
expect_json "$out" '.predicate.buildDefinition.externalParameters.request.args["build-arg:HOW"]' loud
expect_json "$out" '.predicate.buildDefinition.externalParameters.request.secrets' '[{"id":"key","optional":true}]'
expect_json "$out" '[.predicate.buildDefinition.resolvedDependencies[].uri | test("^pkg:docker/busybox@latest")]' '[true]'
expect_not_in "$out" never
ok slipway manifest attestations "$image:1"
expect_eq "$(wc -l <<<"$out")" 2

# An index that names both, as BuildKit writes it; tools that don't know attestations see the image.
build -t "$image:2" --push --attest type=sbom --attest type=provenance --attest-as index context
raw=$(skopeo inspect --raw --tls-verify=false "docker://$image:2")
expect_json "$raw" '[.manifests[].platform.os]' '["linux","unknown"]'
expect_json "$raw" '.manifests[1].annotations["vnd.docker.reference.digest"] == .manifests[0].digest' true
ok skopeo copy --all --src-tls-verify=false "docker://$image:2" oci:copied:2
ok skopeo inspect --tls-verify=false "docker://$image:2"
ok slipway manifest attestations --type sbom "$image:2"
expect_eq "$(purls_of "$out")" "$purls"
ok slipway manifest attestations --type provenance "$image:2"
expect_not_in "$out" build-arg
ok slipway --root "$WORK/other" pull -q "$image:2"
ok slipway --root "$WORK/other" run --rm "$image:2" cat /etc/os-release
ok slipway copy -a "$image:2" "$REGISTRY/other:2"
ok slipway manifest attestations --type sbom "$REGISTRY/other:2"

# The same time gives the same bytes.
for i in 1 2; do
  SOURCE_DATE_EPOCH=1700000000 build --no-cache --provenance --sbom --output "type=oci,dest=$i.tar,rewrite-timestamp=true" context
done
expect_eq "$(sha256sum <1.tar)" "$(sha256sum <2.tar)"

# A layout has one entry, with everything below it; files stand beside files.
build --sbom --provenance -t app:1 --output type=oci,tar=false,dest=layout --output type=local,dest=folder,attestation-prefix=x. \
  --output type=tar,dest=files.tar context
expect_eq "$(jq '.manifests | length' layout/index.json)" 1
ok skopeo inspect oci:layout
expect_eq "$(purls_of "$(<folder/x.sbom.spdx.json)")" "$purls"
ok tar -xOf files.tar provenance.json
expect_json "$out" '[.subject[].name | select(test("/db/|/dpkg/"))]' '["lib/apk/db/installed","var/lib/dpkg/status"]'
ok slipway --root "$WORK/third" load -i layout
build --sbom --attest-as referrers -t app:1 --output type=oci,tar=false,dest=listed context
expect_eq "$(jq -c '[.manifests[].artifactType]' listed/index.json)" '[null,"application/vnd.docker.attestation.manifest.v1+json"]'
ok skopeo inspect oci:listed:1
ok umoci unpack --rootless --image listed:1 bundle

# Said once where there is no place, and refused where it can't be done.
build --sbom -t app:1 --output type=docker,dest=docker.tar context
expect_in "$err" 'left out'
fails 2 'no other programs are run' slipway build --sbom=generator=docker/scout context
fails 2 'use min or max' slipway build --provenance=mode=some context
fails 2 'type=provenance or type=sbom' slipway build --attest type=other context
fails 2 "Docker's own form" slipway build --sbom --output type=oci,dest=x,oci-mediatypes=false context
printf 'FROM busybox\nRUN touch /sbom.spdx.json\n' >context/Dockerfile
fails 1 'attestation-prefix' slipway build --sbom --output type=local,dest=clash context

# Whatever lies where a database should: the image is built, and what can't be read is told.
cat >context/Dockerfile <<'END'
FROM busybox
RUN mkdir -p /var/lib/dpkg/status /var/lib/rpm /usr/lib/sysimage/rpm /a/node_modules/b && \
  head -c 100000 /dev/urandom >/var/lib/rpm/rpmdb.sqlite && touch /usr/lib/sysimage/rpm/Packages && \
  printf '\377\376' >/a/node_modules/b/package.json && truncate -s 300M /a/package-lock.json && mkfifo /x.egg-info
END
build --sbom --output type=oci,dest=odd.tar context
expect_in "$err" 'SBOM: /a/package-lock.json: too large'
expect_in "$err" 'SBOM: /usr/lib/sysimage/rpm/Packages'
expect_in "$err" 'SBOM: /var/lib/rpm/rpmdb.sqlite: the database is damaged'
