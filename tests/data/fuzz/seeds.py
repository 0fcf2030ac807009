"""Writes a few small valid files of every format into FOLDER/FORMAT/: where the fuzzers start from.

    /usr/bin/python3 tests/data/fuzz/seeds.py FOLDER
"""

import io
import json
import pathlib
import struct
import sys
import zlib

import numpy as np


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npz(pack, **arrays):
    out = io.BytesIO()
    pack(out, **arrays)
    return out.getvalue()


def idx(kind, shape, payload):
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + payload


def png(width, height, depth, colour, channels, extra=b"", interlace=0):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    row = (width * channels * depth + 7) // 8
    pixels = b"".join(bytes([y % 5]) + bytes((7 * y + x) % 256 for x in range(row)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    palette = chunk(b"PLTE", bytes(range(48))) if colour == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + extra + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def safetensors(tensors, metadata=None):
    header, body = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def seeds():
    cloud = np.arange(6, dtype=np.float32).reshape(3, 2)
    yield "npy", [
        npy(cloud),
        npy(np.asfortranarray(cloud.astype(">f8"))),
        npy(np.float64(3)),
        npy(np.arange(4, dtype=np.float16)),
        npy(np.zeros((2, 2, 2), dtype=np.uint8)),
        npy(np.array([True, False])),
    ]
    yield "npz", [
        npz(np.savez, x=cloud, y=np.arange(3)),
        npz(np.savez_compressed, points=cloud, labels=np.arange(3, dtype=np.int8)),
        npz(np.savez),
    ]
    yield "png", [
        png(4, 3, 8, 0, 1),
        png(4, 3, 8, 2, 3),
        png(4, 3, 16, 6, 4),
        png(5, 2, 1, 0, 1),
        png(5, 2, 4, 3, 1),
        png(3, 2, 8, 4, 2),
    ]
    yield "idx", [
        idx(0x08, [2, 2, 2], bytes(8)),
        idx(0x0D, [2], struct.pack(">2f", 1, 2)),
        idx(0x0E, [1, 1], struct.pack(">d", 1)),
        idx(0x0B, [3], struct.pack(">3h", 1, 2, 3)),
    ]
    yield "csv", [b"x,y,label\n1,2,a\n3,4,b\n", b"1;2\r\n3;nan\r\n", b'"a ""b""",2\n"c",1e-5\n', b"1\t2\n3\t4", b"1 2\n-inf 4\n"]
    yield "safetensors", [
        safetensors({"a": ("F32", [2, 2], bytes(16)), "b": ("I64", [1], bytes(8))}, {"format": "pt"}),
        safetensors({"a": ("U8", [0], b"")}, {"checksum": "00000000"}),
        safetensors({}),
    ]
    yield "network", [
        npz(np.savez, w=cloud, a=np.ones(3), bias=np.zeros(3)),
        npz(np.savez, **{"0.weight": cloud, "2.weight": np.ones((1, 3))}),
        safetensors({"fc1.weight": ("F32", [2, 2], bytes(16)), "fc1.bias": ("F32", [2], bytes(8)), "fc2.weight": ("F32", [1, 2], bytes(8))}),
    ]
    yield "equation", [
        b"u_t + u*u_x - nu*u_xx = 0\nu(x, 0) = -sin(pi*x) where x > 0 and x < 1\ndomain x = -1..1, t = 0..1\nperiodic x",
        b"unknowns u, v; axes x, y, t; param k = 1/2; learn c init 0.1 positive; u_t - c*laplacian(u) = v^2/k; v_xxyy = biharmonic(v)",
        b"unknowns n; let u = x*(1 - x)*n # hard\nu_xx + exp(-u_x**2) = sqrt(abs(x)); hole x = 0..1e-1",
        b"unknowns u, v; param k = 0.1; u_t = k*u_xx; v_x = 1/x\ndomain x = 0..1, t = 0..1\nexact u = exp(-k*pi^2*t)*sin(pi*x); exact v = log(x)",
    ]
    words = json.dumps({"a": 0, "b": 1, "ab": 2, "\u0120": 3, "\u0120ab": 4, "<|endoftext|>": 5}).encode()
    yield "tokens", [
        words + b"\0#version: 0.2\na b\n\xc4\xa0 ab\n\0ab ab\nba abab",
        b"abc \xc3\xa9\xe2\x82\xac\0\0c\xc3\xa9 ab\xe2\x82\xac",
        words + b"\0a b\r\nab a\n\0ab",
    ]
    yield "table", [
        b"cx,y\n1,2\n-0,4e-310\n",
        b"c1;0.1\n2;-3.5e300\n",
        b"n" + npy(cloud),
        b"n" + npy(np.asfortranarray(cloud.astype(">f8"))),
        b"n" + npy(np.zeros((2, 0))),
    ]
    yield "sweep", [
        b"train.steps=1,2,0x10",
        b"field.scales=[0.1,0.3],[0.6]",
        b'train.path="a,b","\\"",\'c,d\'',
        b"field.kernel=gaussian,laplace",
        b"seed=1,1",
    ]
    # The run, the file, how it is changed, and what that takes; see tests/cli/fuzz/run.cc.
    yield "run", [
        bytes([system, file, how]) + what
        for system in range(7)
        for file in range(6)
        for how, what in [
            (0, b"{}"),
            (1, bytes([1, 1, 0])),
            (1, bytes([0, 0, 3, 255, 1, 7, 8])),
            (2, b"\x03-1"),
            (2, b"\x0b1e300"),
            (2, b"\x14[\"../../x\"]"),
            (2, bytes([0, 0, 2, 1, 5, 0, 3, 9, 255])),
            (2, bytes([11, 0, 0]) + b'{"kind": "lines", "series": [{"x": 3}]}'),
            (3, bytes([3, 1, 0])),
        ]
    ]
    yield "toml", [
        b'system = "toy"\nseed = 3\n[field]\ntemperature = 0.5\nkernel = "gaussian"\nscales = [0.1, 2e3]\n[train]\nsteps = 7\nexact = true\n',
        b'system = "toy" # words\ntrain = {path = """\na\u00e9""", sizes = [\n1_0, 0x10, 0b1]}\n',
        b"field.temperature = inf\n[train]\npath = 'c:\\x'\nending = 'done'\n",
        b"train.sizes=[1, 2]",
        b"a = 1979-05-27T07:32:00Z\n[[b]]\nc = {d.e = [{}, []]}\n",
    ]


def main():
    folder = pathlib.Path(sys.argv[1])
    for name, files in seeds():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(files):
            (folder / name / f"seed-{number}").write_bytes(content)


if __name__ == "__main__":
    main()
