"""The manifests of a folder against the schemas of Kubernetes, strictly: a field that is unknown is an error.

    validate.py FOLDER KEDA_SCHEMA

Each kustomization in the folder is rendered as `kubectl kustomize` does it, as far as these go (resources, patches of RFC 6902,
images, namespace), and each manifest that comes of it is validated. The last line counts: `N passed, M failed`.
"""

import copy
import json
import sys
from pathlib import Path

import jsonpatch
import jsonschema
import kubernetes_validate
import yaml

FOLDER, KEDA = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
# From the first in which all that is used here is stable, to the newest that is known.
VERSIONS = ["1.33", kubernetes_validate.latest_version()]

KUSTOMIZATION = {"apiVersion", "kind", "namespace", "resources", "patches", "images"}
CONTAINERS = ("containers", "initContainers")


def read(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def render(folder):
    """The manifests of a kustomization."""
    (own,) = read(folder / "kustomization.yaml")
    unknown = set(own) - KUSTOMIZATION
    assert not unknown, f"{folder}: {unknown} is more than this renders"
    manifests = []
    for resource in own["resources"]:
        path = folder / resource
        manifests += render(path) if path.is_dir() else read(path)
    for patch in own.get("patches", []):
        manifests = patched(manifests, patch["target"], read(folder / patch["path"])[0], folder)
    for manifest in manifests:
        for container in containers(manifest):
            container["image"] = renamed(container["image"], own.get("images", []))
        if "namespace" in own:
            manifest["metadata"]["namespace"] = own["namespace"]
    return manifests


def patched(manifests, target, operations, folder):
    def matches(manifest):
        return manifest["kind"] == target["kind"] and manifest["metadata"]["name"] == target["name"]

    assert any(map(matches, manifests)), f"{folder}: no {target} to patch"
    return [jsonpatch.apply_patch(one, operations) if matches(one) else one for one in manifests]


def containers(manifest):
    spec = manifest.get("spec", {}).get("template", {}).get("spec", {})
    return [container for kind in CONTAINERS for container in spec.get(kind, [])]


def renamed(image, images):
    name, _, tag = image.partition(":")
    for change in images:
        if change["name"] == name:
            return f"{change.get('newName', name)}:{change.get('newTag', tag)}"
    return image


def validate(manifest):
    if manifest["apiVersion"].startswith("keda.sh/"):
        jsonschema.Draft202012Validator(KEDA).validate(manifest)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)
    for container in containers(manifest):
        assert ":" in container["image"], f"{container['image']} has no tag"


def mistakes(manifest):
    """Manifests that must not pass: a misspelt field where its kind has one, and a wrong type."""
    misspelt, wrong = copy.deepcopy(manifest), copy.deepcopy(manifest)
    holder = next(iter(containers(misspelt)), misspelt.get("spec", misspelt))
    holder["imagePulPolicy"] = "Always"
    wrong["metadata"]["labels"] = ["a"]
    return misspelt, wrong


counts = {True: 0, False: 0}


def tell(passed, what, why=""):
    counts[passed] += 1
    print(f"{'passed' if passed else 'FAILED'}: {what}{why}")


def name_of(manifest):
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def errors_of(manifest):
    try:
        validate(manifest)
    except (jsonschema.ValidationError, kubernetes_validate.SchemaNotFoundError, AssertionError) as error:
        return f": {getattr(error, 'message', error)}"
    return None


seen = set()
for kustomization in sorted(FOLDER.glob("*/kustomization.yaml")):
    for manifest in render(kustomization.parent):
        what = f"{kustomization.parent.name}: {name_of(manifest)}"
        error = errors_of(manifest)
        tell(error is None, what, error or "")
        if manifest["kind"] not in seen:
            seen.add(manifest["kind"])
            caught = all(map(errors_of, mistakes(manifest)))
            tell(caught, f"a wrong {manifest['kind']} is refused")

print(f"{counts[True]} passed, {counts[False]} failed")
