"""What of a compose file can be judged without an engine: its YAML (no key twice), the keys of each
section (compose-spec), and that whatever is named is also there.

    check_compose.py compose.yaml    prints what is wrong, a line each; nothing when all is well
"""

import pathlib
import sys

import yaml

TOP = {"name", "services", "volumes", "secrets", "networks", "configs"}
SERVICE = {
    "build", "image", "restart", "depends_on", "ports", "volumes", "secrets", "tmpfs", "read_only", "user",
    "cap_drop", "security_opt", "stop_grace_period", "environment", "hostname", "healthcheck", "shm_size",
    "command", "entrypoint", "networks", "profiles", "init", "configs",
}
HEALTHCHECK = {"test", "interval", "timeout", "retries", "start_period", "disable"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


class Strict(yaml.SafeLoader):
    """YAML in which a key twice is an error, as the compose-spec wants it."""


def mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    double = {key for key in keys if keys.count(key) > 1}
    if double:
        raise yaml.constructor.ConstructorError(None, None, f"twice: {double}", node.start_mark)
    return {loader.construct_object(key): loader.construct_object(value, deep=True) for key, value in node.value}


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def service(name, told, whole, here, made):
    """What is wrong with one service."""
    for key in told.keys() - SERVICE:
        yield f"{name}: no such key: {key}"
    if ":" not in told.get("image", ""):
        yield f"{name}: the image has no version"
    if "build" in told and not (here / told["build"] / "Dockerfile").is_file():
        yield f"{name}: no Dockerfile in {told['build']}"
    for other, how in told.get("depends_on", {}).items():
        if other not in whole["services"]:
            yield f"{name}: depends on {other}, which is not there"
        elif how["condition"] not in CONDITIONS:
            yield f"{name}: no such condition: {how['condition']}"
        elif how["condition"] == "service_healthy" and "healthcheck" not in whole["services"][other]:
            yield f"{name}: waits for the health of {other}, which tells none"
    for key in told.get("healthcheck", {}).keys() - HEALTHCHECK:
        yield f"{name}: no such key in healthcheck: {key}"
    for volume in told.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            if not (here / source).exists() and source not in made:
                yield f"{name}: {source} is not there"
        elif source not in (whole.get("volumes") or {}):
            yield f"{name}: the volume {source} is not declared"
    for secret in told.get("secrets", []):
        source = secret if isinstance(secret, str) else secret["source"]
        if source not in whole.get("secrets", {}):
            yield f"{name}: the secret {source} is not declared"
    for port in told.get("ports", []):
        if not port.startswith("127.0.0.1:"):
            yield f"{name}: {port} is open to the network"


def wrong(path, made):
    whole = yaml.load(path.read_text(), Strict)
    for key in whole.keys() - TOP:
        yield f"no such key: {key}"
    for name, told in whole["services"].items():
        yield from service(name, told, whole, path.parent, made)
    for name, secret in whole.get("secrets", {}).items():
        if secret["file"] not in made:
            yield f"nothing makes the secret {name}: {secret['file']}"
    used = [s if isinstance(s, str) else s["source"] for told in whole["services"].values() for s in told.get("secrets", [])]
    for name in whole.get("secrets", {}).keys() - set(used):
        yield f"nobody uses the secret {name}"


if __name__ == "__main__":
    # The files that `packaging/compose/secrets.sh` makes are named after the compose file.
    for line in wrong(pathlib.Path(sys.argv[1]), sys.argv[2:]):
        print(line)
