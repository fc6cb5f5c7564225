#!/usr/bin/env python3
"""Compares what `ndreprod inspect` says of a labelled checkout with what its label says: inspect_corpus.py PROGRAM

NDREPRO_CORPUS names a folder with repo/ and repo/expected.json, and the labelled logs of failures in it (dev/); without
it there is nothing to compare (exit 77). Every fact of the label must be there with the same value, and have a place
where it was read. Prints each difference; exit status 1 if there is any.
"""
import json
import os
import pathlib
import subprocess
import sys

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
    if "NDREPRO_CORPUS" not in os.environ:
        print("skipped: NDREPRO_CORPUS is not set")
        return 77
    corpus = pathlib.Path(os.environ["NDREPRO_CORPUS"])
    label = json.loads((corpus / "repo" / "expected.json").read_text())
    logs = [word for log in logs_of(corpus, label) for word in ("--log", str(log))]
    command = [sys.argv[1], "inspect", "--repository", str(corpus / "repo"), "--json", *logs]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        print(f"{' '.join(command)} ended with {answer.returncode}: {answer.stderr}")
        return 1
    found = json.loads(answer.stdout)
    complaints = []
    compare(label, found, found["origins"], "", complaints)
    print("\n".join(complaints))
    print(f"{count(label)} facts, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
