#!/usr/bin/env python3
"""Compares what `ndreprod inspect` says of a labelled checkout with its label: inspect_checkout.py PROGRAM [CHECKOUT]

CHECKOUT holds expected.json; without it, it is repo/ of the corpus that NDREPRO_CORPUS names (not set: exit 77), with
its logs of failures (dev/). Every fact of the label must be there with the same value, and have a place where it was
read; the whole answer must be of the form that `inspect --schema` prints. Prints each difference; exit status 1 if
there is any.
"""
import json
import os
import pathlib
import subprocess
import sys

import jsonschema

NOT_FACTS = {"case"}  # which labelled log fails there: a key of the label itself


def logs_of(corpus, label):
    """The logs of the cases that the label names."""
    named = set()

    def collect(node):
        if isinstance(node, dict):
            if isinstance(node.get("case"), str):
                named.add(node["case"])
            for value in node.values():
                collect(value)

    collect(label)
    if corpus is None:
        return []
    cases = {case["case"]: case["files"] for case in json.loads((corpus / "dev" / "labels.json").read_text())}
    return [corpus / "dev" / name for case in sorted(named) for name in cases.get(case, [])]


def pointer_part(name):
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def has_origin(origins, pointer):
    while pointer:
        if pointer in origins:
            return bool(origins[pointer]["file"]) and origins[pointer]["line"] > 0
        pointer = pointer.rpartition("/")[0]
    return False


def compare(wanted, found, origins, pointer, complaints):
    """Every member of the label's objects; lists in their order, each item as far as the label tells it."""
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            complaints.append(f"{pointer}: want {json.dumps(wanted)}, got {json.dumps(found)}")
            return
        for key, value in wanted.items():
            if key not in NOT_FACTS:
                compare(value, found.get(key), origins, pointer + pointer_part(key), complaints)
        return
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found)):
            compare(one, other, origins, f"{pointer}/{index}", complaints)
        return
    if wanted != found:
        complaints.append(f"{pointer}: want {json.dumps(wanted)}, got {json.dumps(found)}")
    elif not has_origin(origins, pointer) and wanted is not None:
        complaints.append(f"{pointer}: no word of where it was read")


def count(node):
    if isinstance(node, dict):
        return sum(count(value) for key, value in node.items() if key not in NOT_FACTS)
    return sum(count(item) for item in node) if isinstance(node, list) else 1


def main():
    corpus = None
    if len(sys.argv) > 2:
        checkout = pathlib.Path(sys.argv[2])
    elif "NDREPRO_CORPUS" in os.environ:
        corpus = pathlib.Path(os.environ["NDREPRO_CORPUS"])
        checkout = corpus / "repo"
    else:
        print("skipped: NDREPRO_CORPUS is not set")
        return 77
    label = json.loads((checkout / "expected.json").read_text())
    logs = [word for log in logs_of(corpus, label) for word in ("--log", str(log))]
    command = [sys.argv[1], "inspect", "--repository", str(checkout), "--json", *logs]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        print(f"{' '.join(command)} ended with {answer.returncode}: {answer.stderr}")
        return 1
    found = json.loads(answer.stdout)
    schema = json.loads(subprocess.run([sys.argv[1], "inspect", "--schema"], capture_output=True, text=True, check=True).stdout)
    errors = jsonschema.Draft202012Validator(schema).iter_errors(found)
    complaints = [f"not as the schema says: /{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors]
    compare(label, found, found["origins"], "", complaints)
    print("\n".join(complaints))
    print(f"{count(label)} facts, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
