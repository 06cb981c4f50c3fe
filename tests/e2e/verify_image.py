#!/usr/bin/env python3
"""Checks every image of an OCI layout in a tar, with nothing but the standard library and zstd.

    verify_image.py ARCHIVE

Each blob has the digest and size that it is named for; every manifest, config and layer is there; each layer is a
readable tar whose names stay inside the root; the config's diff IDs are those of the layers, in order, and its history
has one entry with content per layer. Prints one line per problem.
"""

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import PurePosixPath

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")


class Archive:
    def __init__(self, tar: tarfile.TarFile):
        self.tar = tar
        self.names = {name.removeprefix("./"): name for name in self.tar.getnames()}
        self.problems: list[str] = []

    def read(self, name: str) -> bytes:
        if name not in self.names:
            self.problems.append(f"{name} is missing")
            return b""
        file = self.tar.extractfile(self.names[name])
        return file.read() if file else b""

    def blob(self, descriptor: dict, what: str) -> bytes:
        digest = descriptor["digest"]
        content = self.read("blobs/" + digest.replace(":", "/"))
        if len(content) != descriptor["size"]:
            self.problems.append(f"{what} {digest} has {len(content)} bytes, not {descriptor['size']}")
        seen = digest_of(content, digest.partition(":")[0])
        if digest != seen:
            self.problems.append(f"{what} {digest} has the digest {seen}")
        return content


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def verify(path: str) -> list[str]:
    with tarfile.open(path) as tar:
        return verify_archive(Archive(tar))


def verify_archive(archive: Archive) -> list[str]:
    for name in archive.names:
        if name.startswith("blobs/sha256/") and len(name) > len("blobs/sha256/"):
            if digest_of(archive.read(name)) != "sha256:" + name.rpartition("/")[2]:
                archive.problems.append(f"{name} does not have the digest it is named for")
    if json.loads(archive.read("oci-layout") or b"{}").get("imageLayoutVersion") != "1.0.0":
        archive.problems.append("oci-layout does not say version 1.0.0")
    index = json.loads(archive.read("index.json") or b"{}")
    if not index.get("manifests"):
        archive.problems.append("the index has no images")
    verify_index(archive, index)
    return archive.problems


def verify_index(archive: Archive, index: dict) -> None:
    for descriptor in index.get("manifests", []):
        if descriptor["mediaType"] in INDEXES:
            verify_index(archive, json.loads(archive.blob(descriptor, "index") or b"{}"))
        else:
            verify_manifest(archive, json.loads(archive.blob(descriptor, "manifest") or b"{}"))


def verify_manifest(archive: Archive, manifest: dict) -> None:
    if manifest.get("schemaVersion") != 2:
        archive.problems.append(f"a manifest has schemaVersion {manifest.get('schemaVersion')}")
        return
    config = json.loads(archive.blob(manifest["config"], "config") or b"{}")
    if all(layer["mediaType"] == "application/vnd.in-toto+json" for layer in manifest["layers"]):
        for layer in manifest["layers"]:
            json.loads(archive.blob(layer, "attestation") or b"{}")
        return
    diff_ids = []
    for number, layer in enumerate(manifest["layers"]):
        plain = decompress(layer["mediaType"], archive.blob(layer, "layer"))
        diff_ids.append(digest_of(plain))
        archive.problems += [f"layer {number}: {problem}" for problem in verify_layer(plain)]
    if config.get("rootfs") != {"type": "layers", "diff_ids": diff_ids}:
        archive.problems.append(f"rootfs is {config.get('rootfs')}, the layers are {diff_ids}")
    for member in ("architecture", "os", "created"):
        if not config.get(member):
            archive.problems.append(f"the config has no {member}")
    entries = [entry for entry in config.get("history", []) if not entry.get("empty_layer")]
    if len(entries) != len(diff_ids):
        archive.problems.append(f"{len(entries)} history entries with content for {len(diff_ids)} layers")


def decompress(media_type: str, content: bytes) -> bytes:
    if media_type.endswith(("+zstd", ".zstd")):
        return subprocess.run(["zstd", "-dc"], input=content, check=True, stdout=subprocess.PIPE).stdout
    return gzip.decompress(content) if media_type.endswith(("+gzip", ".gzip")) else content


def verify_layer(plain: bytes) -> list[str]:
    problems, seen = [], set()
    with tarfile.open(fileobj=io.BytesIO(plain)) as layer:
        for entry in layer:
            path = PurePosixPath(entry.name)
            if path.is_absolute() or ".." in path.parts:
                problems.append(f"{entry.name!r} leaves the root")
            if path in seen:
                problems.append(f"{entry.name!r} is there twice")
            seen.add(path)
            if entry.islnk() and PurePosixPath(entry.linkname) not in seen:
                problems.append(f"{entry.name!r} is a hard link to {entry.linkname!r}, which does not stand before it")
            if entry.name.rpartition("/")[2].startswith(".wh.") and entry.size:
                problems.append(f"the whiteout {entry.name!r} has content")
            if entry.isreg():
                layer.extractfile(entry).read()
    if len(plain) % 512 or not plain.endswith(b"\0" * 1024):
        problems.append("it does not end with two empty blocks")
    return problems


if __name__ == "__main__":
    found = verify(sys.argv[1])
    print("\n".join(found) or "every digest, size and layer is right")
    sys.exit(1 if found else 0)
