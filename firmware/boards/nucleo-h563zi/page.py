#!/usr/bin/env python3
"""Writes the page of settings of a board: ./page.py SETTINGS FOLDER PAGE

SETTINGS  text, one key=value a line (firmware/README.md)
FOLDER    what `muster enroll node ID` wrote: site-ca.der, node.der, node.key.der
PAGE      to be written at 0x081FE000, and as its spare at 0x081FC000; readable by its owner only, and as secret as the key in it

Layout: firmware/node/src/page.rs. Standard library only.
"""

import os
import struct
import sys
import zlib
from pathlib import Path

PAGE_BYTES = 8192


def page(parts):
    lengths = struct.pack("<4H", *(len(part) for part in parts))
    body = b"MUSTERP1" + lengths + b"".join(parts)
    return body + struct.pack("<I", zlib.crc32(body))


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    settings, folder, out = map(Path, sys.argv[1:])
    names = ["site-ca.der", "node.der", "node.key.der"]
    try:
        parts = [settings.read_bytes(), *((folder / name).read_bytes() for name in names)]
    except OSError as fault:
        sys.exit(f"{fault.filename}: {fault.strerror}")
    if not all(parts):
        sys.exit("one of the files is empty")
    written = page(parts)
    if len(written) > PAGE_BYTES:
        sys.exit(f"{len(written)} bytes do not fit into the page of {PAGE_BYTES}")
    with open(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(written.ljust(PAGE_BYTES, b"\xff"))
    print(f"{out}: {len(written)} of {PAGE_BYTES} bytes")


if __name__ == "__main__":
    main()
