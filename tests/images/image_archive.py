"""Writes an image of one layer as a file that `slipway load` and other tools read. The same input gives the same bytes."""

import gzip
import hashlib
import io
import json
import platform
import shutil
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

CREATED = "2024-01-01T00:00:00Z"
EPOCH = 1704067200
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}

OCI = "application/vnd.oci.image"


@dataclass
class Image:
    name: str  # in full, as docker.io/library/busybox:latest
    layer: Path  # an uncompressed tar
    command: list[str]
    comment: str
    labels: dict[str, str] = field(default_factory=dict)
    machine: str = field(default_factory=platform.machine)  # as uname -m has it


def write_oci_archive(image: Image, target: Path) -> None:
    """An OCI image layout in a tar."""
    packed = target.with_name(target.name + ".layer.gz")
    _gzip(image.layer, packed)
    config = _json(_config(image))
    manifest = _json({
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": _descriptor(f"{OCI}.config.v1+json", _digest(config), len(config)),
        "layers": [_descriptor(f"{OCI}.layer.v1.tar+gzip", _file_digest(packed), packed.stat().st_size)],
    })
    named = _descriptor(f"{OCI}.manifest.v1+json", _digest(manifest), len(manifest))
    named["annotations"] = {
        "io.containerd.image.name": image.name,
        "org.opencontainers.image.ref.name": image.name.rpartition(":")[2],
    }
    index = _json({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [named]})
    with _Archive(target) as archive:
        archive.add("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        archive.add("index.json", index)
        for blob in (config, manifest):
            archive.add(_blob_path(_digest(blob)), blob)
        archive.add_file(_blob_path(_file_digest(packed)), packed)
    packed.unlink()


def write_docker_archive(image: Image, target: Path) -> None:
    """What `docker save` writes: manifest.json, the config and the uncompressed layer."""
    config = _json(_config(image))
    config_name = _digest(config).removeprefix("sha256:") + ".json"
    layer_name = _file_digest(image.layer).removeprefix("sha256:") + "/layer.tar"
    name = image.name.removeprefix("docker.io/").removeprefix("library/")
    manifest = _json([{"Config": config_name, "RepoTags": [name], "Layers": [layer_name]}])
    with _Archive(target) as archive:
        archive.add("manifest.json", manifest)
        archive.add(config_name, config)
        archive.add_file(layer_name, image.layer)


def _config(image: Image) -> dict:
    settings: dict = {"Env": [PATH], "Cmd": image.command}
    if image.labels:
        settings["Labels"] = image.labels
    return {
        "created": CREATED,
        "architecture": ARCHITECTURES.get(image.machine, image.machine),
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [_file_digest(image.layer)]},
        "history": [{"created": CREATED, "created_by": image.comment}],
    }


class _Archive:
    """A tar written beside its target and renamed onto it: others see all of it or none."""

    def __init__(self, target: Path):
        self.target = target
        self.partial = target.with_name(target.name + ".partial")
        self.tar = tarfile.open(self.partial, "w", format=tarfile.PAX_FORMAT)

    def __enter__(self):
        return self

    def __exit__(self, failure, *_) -> None:
        self.tar.close()
        if failure is None:
            self.partial.rename(self.target)
        else:
            self.partial.unlink()

    def add(self, name: str, content: bytes) -> None:
        self._add(name, len(content), io.BytesIO(content))

    def add_file(self, name: str, path: Path) -> None:
        with open(path, "rb") as file:
            self._add(name, path.stat().st_size, file)

    def _add(self, name: str, size: int, content) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, EPOCH, 0o644
        self.tar.addfile(info, content)


def _gzip(source: Path, target: Path) -> None:
    with open(source, "rb") as plain, open(target, "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)


def _json(document) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _descriptor(media_type: str, digest: str, size: int) -> dict:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _blob_path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
