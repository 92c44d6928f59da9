# hostile.py - what a store must survive from whoever reaches its port.
#
# Usage: hostile.py HOST PORT STORE CLUSTER [SEED]
#
# Speaks just enough of the protocol between stores to get past the greeting, then misbehaves; the same
# with the Redis protocol. Prints a line a scenario; the caller looks whether the store still serves.
#
# SPDX-License-Identifier: Apache-2.0
import random
import socket
import struct
import sys

HOST, PORT, STORE, CLUSTER = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
SEED = int(sys.argv[5]) if len(sys.argv) > 5 else 1
HELLO, RAFT, FORWARD, FORWARD_REPLY, BEGIN, CHUNK, END, ACK = range(1, 9)
rng = random.Random(SEED)

TABLE = []
for i in range(256):
    c = i
    for _ in range(8):
        c = (c >> 1) ^ (0x82F63B78 if c & 1 else 0)
    TABLE.append(c)


def crc32c(data):
    c = 0xFFFFFFFF
    for b in data:
        c = TABLE[(c ^ b) & 0xFF] ^ (c >> 8)
    return c ^ 0xFFFFFFFF


def frame(kind, payload=b"", magic=0xC5, version=1):
    head = struct.pack("<BBBBI", magic, version, kind, 0, len(payload))
    return head + struct.pack("<I", crc32c(head + payload)) + payload


def hello(store=99, cluster=CLUSTER, target=STORE, version=1):
    return frame(HELLO, struct.pack("<IQQQ", version, cluster, store, target) + b"127.0.0.1:1")


def talk(*parts, wait=0.2):
    """Sends, then reads until the store closes or says nothing more; what it said."""
    s = socket.create_connection((HOST, PORT))
    out = b""
    try:
        for part in parts:
            s.sendall(part)
        s.settimeout(wait)
        while True:
            more = s.recv(65536)
            if not more:
                return out, True
            out += more
    except (ConnectionError, BrokenPipeError):
        return out, True
    except socket.timeout:
        return out, False
    finally:
        s.close()


def expect(name, condition):
    if not condition:
        print("not as expected:", name)
        sys.exit(1)


def greetings():
    _, closed = talk(frame(RAFT, b"x"))
    expect("a frame before the greeting closes", closed)
    said, closed = talk(hello(cluster=CLUSTER + 1), wait=2)
    expect("a foreign cluster is answered and closed", closed and said[:1] == b"\xc5")
    _, closed = talk(hello(target=STORE + 1000), wait=2)
    expect("who looks for another store is closed", closed)
    _, closed = talk(hello(store=STORE), wait=2)
    expect("a double is closed", closed)
    _, closed = talk(hello(version=2), wait=2)
    expect("another version is closed", closed)
    said, closed = talk(hello())
    expect("a store of the cluster is welcome", not closed and said[2] == HELLO)
    for n in range(len(hello())):
        talk(hello()[:n], wait=0.001)


def broken_frames():
    good = frame(RAFT, b"payload")
    for i in range(len(good)):
        bad = bytearray(good)
        bad[i] ^= 1 << rng.randrange(8)
        talk(hello(), bytes(bad), wait=0.001)
    _, closed = talk(hello(), struct.pack("<BBBBII", 0xC5, 1, RAFT, 0, 0xFFFFFFFF, 0), wait=2)
    expect("an endless frame closes", closed)
    _, closed = talk(hello(), frame(77, b"?"), wait=2)
    expect("an unknown kind closes", closed)


def protobuf_like(depth=0):
    out = bytearray()
    for _ in range(rng.randrange(8)):
        field, kind = rng.randrange(1, 16), rng.choice((0, 0, 1, 2, 2, 5))
        out.append(field << 3 | kind)
        if kind == 0:
            out += bytes(rng.randrange(128, 256) for _ in range(rng.randrange(10)))
            out.append(rng.randrange(128))
        elif kind == 1:
            out += rng.randbytes(8)
        elif kind == 5:
            out += rng.randbytes(4)
        else:
            inner = protobuf_like(depth + 1) if depth < 4 and rng.random() < 0.6 else rng.randbytes(
                rng.randrange(20))
            length = len(inner) if rng.random() < 0.9 else rng.randrange(128)
            out.append(length % 128)
            out += inner
    return bytes(out)


def random_payloads():
    for _ in range(40):
        parts = [hello()]
        for _ in range(100):
            payload = protobuf_like() if rng.random() < 0.7 else rng.randbytes(rng.randrange(200))
            parts.append(frame(rng.choice((RAFT, RAFT, FORWARD, FORWARD, FORWARD_REPLY)), payload))
        talk(*parts, wait=0.01)


def snapshots():
    talk(hello(), frame(CHUNK, b"data"), frame(END))
    talk(hello(), frame(BEGIN), frame(CHUNK, b"data"), frame(END))
    talk(hello(), frame(BEGIN, protobuf_like()), frame(BEGIN, b"again"))
    talk(hello(), frame(BEGIN, b"x"), frame(CHUNK, bytes(300 << 10)))
    for _ in range(30):
        parts = [hello()]
        for _ in range(rng.randrange(30)):
            kind = rng.choice((BEGIN, CHUNK, CHUNK, END, ACK))
            parts.append(frame(kind, protobuf_like()))
        talk(*parts, wait=0.005)


def random_requests():
    words = (b"*3\r\n", b"$3\r\n", b"SET", b"\r\n", b"$1\r\nk\r\n", b"*-1\r\n", b"PING\r\n", b"'", b'"',
             b"$99999999\r\n", b"*99999999\r\n", b"\x00", b"HELLO 3\r\n", b"SCAN 0 COUNT 5\r\n",
             b"GET \"\\x00\\xff\"\r\n", b"INCR k\r\n", b"MGET a b c\r\n", b"RESET\r\n", b"$0\r\n\r\n")
    for _ in range(300):
        talk(b"".join(rng.choice(words) for _ in range(rng.randrange(60))), wait=0.002)
        talk(rng.randbytes(rng.randrange(1, 300)), wait=0.001)


def many_silent_connections():
    held = [socket.create_connection((HOST, PORT)) for _ in range(400)]
    for i, s in enumerate(held):
        if i % 2:
            s.sendall(b"*2\r\n$8000000\r\nx")
    said, _ = talk(b"PING\r\n", wait=2)
    expect("others are served meanwhile", said == b"+PONG\r\n")
    for s in held:
        s.close()


def reader_that_does_not_read():
    value = b"v" * (1 << 20)
    said, _ = talk(b"*3\r\n$3\r\nSET\r\n$4\r\nlong\r\n$%d\r\n%s\r\n" % (len(value), value), wait=10)
    expect("a long value is taken", said == b"+OK\r\n")
    s = socket.create_connection((HOST, PORT))
    s.settimeout(0.5)
    try:
        for _ in range(2000):
            s.sendall(b"GET long\r\n" * 100)
    except (socket.timeout, ConnectionError):
        pass
    said, _ = talk(b"PING\r\n", wait=2)
    expect("others are served meanwhile", said == b"+PONG\r\n")
    s.close()


for scenario in (greetings, broken_frames, random_payloads, snapshots, random_requests,
                 many_silent_connections, reader_that_does_not_read):
    scenario()
    print("survived:", scenario.__name__)
