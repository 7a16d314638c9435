#!/usr/bin/env python3
"""Reads an archive by its description in docs/archive-format.md, with nothing but the standard library.

    read_archive.py DIR MANIFEST OUT < KEY

DIR holds objects under their names in the bucket, MANIFEST is the name of one, KEY is 64 hexadecimal
digits on standard input, OUT is a new folder that gets one file per location. Codecs: none and gzip;
brotli and zstd where the interpreter has them. Ends with 0, or with 1 and a line that says what is wrong.

It shares no code with the engine: it proves that an archive can be read without it. AES-GCM is written
out here, so it is slow (about 50 kB/s) and meant for small archives.
"""

import hashlib
import hmac
import json
import os
import re
import struct
import sys
import zlib

FRAME = 1 << 20


class Invalid(Exception):
    """The archive is not what it should be."""


def check(condition, problem):
    if not condition:
        raise Invalid(problem)


# --- AES-256-GCM (FIPS 197, SP 800-38D) -----------------------------------------------------------


def _sbox():
    box, p, q = [0] * 256, 1, 1
    while True:
        p ^= (p << 1) & 0xFF ^ (0x1B if p & 0x80 else 0)
        for shift in (1, 2, 4):
            q ^= (q << shift) & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = q
        for turn in (1, 2, 3, 4):
            turned ^= (q << turn | q >> (8 - turn)) & 0xFF
        box[p] = turned ^ 0x63
        if p == 1:
            box[0] = 0x63
            return box


SBOX = _sbox()
DOUBLE = [b << 1 ^ (0x11B if b & 0x80 else 0) for b in range(256)]
SHIFTED = [0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11]


def expand(key):
    words, rcon = [list(key[i : i + 4]) for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        word = words[i - 1]
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= rcon
            rcon = DOUBLE[rcon]
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return [sum(words[i : i + 4], []) for i in range(0, 60, 4)]


def encrypt_block(rounds, block):
    state = [a ^ b for a, b in zip(block, rounds[0])]
    for number in range(1, 15):
        state = [SBOX[state[i]] for i in SHIFTED]
        if number < 14:
            mixed = []
            for i in range(0, 16, 4):
                a, b, c, d = state[i : i + 4]
                every = a ^ b ^ c ^ d
                mixed += [
                    a ^ every ^ DOUBLE[a ^ b],
                    b ^ every ^ DOUBLE[b ^ c],
                    c ^ every ^ DOUBLE[c ^ d],
                    d ^ every ^ DOUBLE[d ^ a],
                ]
            state = mixed
        state = [a ^ b for a, b in zip(state, rounds[number])]
    return bytes(state)


def ghash(h, data):
    table = [0] * 128
    for i in range(128):
        table[i] = h
        h = h >> 1 ^ (0xE1 << 120 if h & 1 else 0)
    total = 0
    for i in range(0, len(data), 16):
        x, total = total ^ int.from_bytes(data[i : i + 16], "big"), 0
        for bit in range(128):
            if x >> (127 - bit) & 1:
                total ^= table[bit]
    return total


def open_gcm(key, nonce, aad, sealed):
    rounds = expand(key)
    body, tag = sealed[:-16], sealed[-16:]
    pad = lambda data: data + bytes(-len(data) % 16)
    lengths = struct.pack(">QQ", len(aad) * 8, len(body) * 8)
    h = int.from_bytes(encrypt_block(rounds, bytes(16)), "big")
    mask = encrypt_block(rounds, nonce + b"\0\0\0\1")
    own = ghash(h, pad(aad) + pad(body) + lengths) ^ int.from_bytes(mask, "big")
    check(hmac.compare_digest(own.to_bytes(16, "big"), tag), "a frame was altered or moved")
    out = bytearray()
    for i in range(0, len(body), 16):
        stream = encrypt_block(rounds, nonce + struct.pack(">I", i // 16 + 2))
        out += bytes(a ^ b for a, b in zip(body[i : i + 16], stream))
    return bytes(out)


# --- The format -------------------------------------------------------------------------------------


def hkdf(key, salt, info, length):
    secret = hmac.digest(salt or bytes(32), key, "sha256")
    out, block = b"", b""
    while len(out) < length:
        block = hmac.digest(secret, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:length]


def key_for(use, data_key):
    return hkdf(data_key, b"", b"lethe/archive/1/" + use, 32)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def unfold(codec, content):
    if codec == "none":
        plain = content
    elif codec == "gzip":
        stream = zlib.decompressobj(wbits=31)
        plain = stream.decompress(content, FRAME)
        check(stream.eof, "a frame is not whole or longer than a frame may be")
    elif codec == "brotli":
        import brotli

        plain = brotli.decompress(content)
    elif codec == "zstd":
        from compression import zstd

        plain = zstd.decompress(content)
    else:
        raise Invalid("codec " + codec)
    check(len(plain) <= FRAME, "a frame is longer than a frame may be")
    return plain


def read_part(part, expected, data_key):
    check(part[:10] == b"LETHEARC\0\1", "no part of format version 1")
    (length,) = struct.unpack(">I", part[10:14])
    head, at = part[: 14 + length], 14 + length
    header = json.loads(head[14:])
    salt, codec = header.pop("salt"), header.pop("codec")
    check(header == expected, "the part is another one than expected")
    again = canonical({**header, "salt": salt, "codec": codec}).encode()
    check(again == head[14:], "the header is not canonical")
    head_hash = hashlib.sha256(head).digest()
    keys = hkdf(data_key, bytes.fromhex(salt), b"lethe/archive/1/part" + head_hash, 64)
    check(hmac.compare_digest(part[at : at + 32], keys[32:]), "the header was altered, or wrong key")
    at += 32
    frames = []
    while True:
        check(at + 4 <= len(part), "the part ends early")
        (word,) = struct.unpack(">I", part[at : at + 4])
        last, end = word >> 31, at + 4 + (word & 0x7FFFFFFF)
        check(end <= len(part) and end - at >= 20, "the part ends early")
        nonce = len(frames).to_bytes(11, "big") + bytes([last])
        frames.append(unfold(codec, open_gcm(keys[:32], nonce, head_hash, part[at + 4 : end])))
        at = end
        check(last or len(frames[-1]) == FRAME, "a frame in the middle is short")
        if last:
            check(at == len(part), "something follows the end")
            check(frames[-1] or len(frames) == 1, "the last frame is empty")
            return b"".join(frames)


def read_manifest(text, data_key):
    signed, mac = text[:-65], text[-65:]
    own = hmac.new(key_for(b"manifest", data_key), signed, "sha256").hexdigest()
    check(hmac.compare_digest(mac, own.encode() + b"\n"), "the manifest was altered, or wrong key")
    first, content = signed.split(b"\n")[:2]
    check(first == b"LETHE-MANIFEST 1", "no manifest of format version 1")
    return json.loads(content)


def records_of(schema, plain):
    if schema["kind"] == "sql":
        check(not plain or plain.endswith(b"\n"), "the part ends inside a row")
        return plain.split(b"\n")[:-1]
    out, at = [], 0
    while at < len(plain):
        (length,) = struct.unpack("<i", plain[at : at + 4])
        check(length >= 5 and at + length <= len(plain), "the part ends inside a document")
        out.append(plain[at : at + length])
        at += length
    return out


def ids_of(schema, record):
    """Asset and version. Documents of the engine begin with text fields; others are not read here."""
    if schema["kind"] == "sql":
        names = [column["name"] for column in schema["columns"]]
        values = json.loads(record)
        return values[names.index("asset_id")], values[names.index("version_id")]
    texts, at = {}, 4
    while record[at] == 2:
        end = record.index(b"\0", at + 1)
        (length,) = struct.unpack("<i", record[end + 1 : end + 5])
        texts[record[at + 1 : end].decode()] = record[end + 5 : end + 4 + length].decode()
        at = end + 5 + length
    return texts["assetId"], texts["_id"]


def set_digest(data_key, location, schema, records):
    key, total = key_for(b"set-digest", data_key), 0
    for record in records:
        names = [name.encode() for name in (location, *ids_of(schema, record))]
        message = b"".join(struct.pack(">I", len(name)) + name for name in names)
        message += hashlib.sha256(record).digest()
        total += int.from_bytes(hmac.digest(key, message, "sha256"), "big")
    return "%064x" % (total % 2**256)


def restore(folder, name, out, data_key):
    with open(os.path.join(folder, name), "rb") as file:
        manifest = read_manifest(file.read(), data_key)
    fields = ("tenantId", "recordClass", "runId", "dueOn", "attempt")
    cohort = {field: manifest[field] for field in fields}
    named = "{tenantId}/{runId}/{dueOn}/{attempt}-manifest".format(**cohort)
    check(named == name, "the manifest is of another cohort or attempt")
    os.mkdir(out)
    for entry in manifest["locations"]:
        location, schema, plain = entry["location"], entry["schema"], b""
        for part in manifest["parts"]:
            if part["location"] != location:
                continue
            with open(os.path.join(folder, part["objectName"]), "rb") as file:
                stored = file.read()
            check(hashlib.sha256(stored).hexdigest() == part["sha256"], "a part was altered")
            expected = {**cohort, "location": location, "part": part["part"], "schema": schema}
            piece = read_part(stored, expected, data_key)
            mac = hmac.new(key_for(b"plaintext", data_key), piece, "sha256").hexdigest()
            check(mac == part["plaintextMac"], "a part holds other records")
            check(len(piece) == part["plaintextBytes"], "a part has another length")
            check(len(records_of(schema, piece)) == part["records"], "a part has another count")
            plain += piece
        records = records_of(schema, plain)
        check(len(records) == entry["records"], location + " has another count")
        digest = set_digest(data_key, location, schema, records)
        check(digest == entry["setDigest"], location + " has another digest")
        with open(os.path.join(out, re.sub("[:.]", "-", location)), "xb") as file:
            file.write(plain)
        print(location, len(records), digest)


def main():
    try:
        restore(*sys.argv[1:4], bytes.fromhex(sys.stdin.read().strip()))
    except Invalid as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
