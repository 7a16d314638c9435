#!/usr/bin/env python3
"""Opens a wrapped data key by its description in docs/archive-format.md; shares no code with the engine.

    unwrap_key.py KEK_FILE KEK_ID KEY_REFERENCE TENANT < WRAPPED

KEK_FILE is what LETHE_KEK_FILE names, WRAPPED is hexadecimal. Prints a line of a key file for
`lethe archive`, or ends with 1 and a line that says what is wrong.
"""

import base64
import json
import sys

from read_archive import Invalid, check, open_gcm


def unwrap(wrapped, kek, bound_to):
    check(len(wrapped) == 61 and wrapped[0] == 1, "no wrapped key of layout 1")
    label = json.dumps(bound_to, separators=(",", ":"), ensure_ascii=False).encode()
    return open_gcm(kek, wrapped[1:13], label, wrapped[13:])


def main():
    kek_file, kek_id, key_ref, tenant = sys.argv[1:5]
    with open(kek_file) as file:
        kek = base64.b64decode(json.load(file)["keys"][kek_id])
    wrapped = bytes.fromhex(sys.stdin.read().strip())
    try:
        key = unwrap(wrapped, kek, ["lethe-wrapped-key", 1, key_ref, tenant, kek_id])
    except Invalid as problem:
        sys.exit(str(problem))
    print(key_ref, key.hex())


if __name__ == "__main__":
    main()
