#!/usr/bin/env python3
"""Renders the PNG, ICO and ICNS files from icons/sources. Needs rsvg-convert (Debian: librsvg2-bin)."""

import pathlib
import struct
import subprocess

HERE = pathlib.Path(__file__).parent
SOURCES = HERE / "sources"
APP_SIZES = (16, 24, 32, 48, 64, 128, 256, 512, 1024)
ICO_SIZES = (16, 24, 32, 48, 64, 256)
ICNS_TYPES = {b"icp4": 16, b"icp5": 32, b"ic11": 32, b"ic12": 64, b"ic07": 128, b"ic13": 256, b"ic08": 256, b"ic14": 512, b"ic09": 512, b"ic10": 1024}
PANEL_SIZES = (16, 22, 24, 32, 44, 48, 64)
TEMPLATE_SIZES = (18, 22, 36, 44)


def main():
    app = {size: png(source_of_app(size), size) for size in APP_SIZES}
    write("app/32x32.png", app[32])
    write("app/128x128.png", app[128])
    write("app/128x128@2x.png", app[256])
    write("app/icon.png", app[512])
    write("app/icon.ico", ico([(size, app[size]) for size in ICO_SIZES]))
    write("app/icon.icns", icns([(kind, app[size]) for kind, size in ICNS_TYPES.items()]))
    for source in sorted(SOURCES.glob("tray-*.svg")):
        state = source.stem.removeprefix("tray-")
        for panel, sizes in (("dark", PANEL_SIZES), ("light", PANEL_SIZES), ("template", TEMPLATE_SIZES)):
            for size in sizes:
                image = png(source, size, SOURCES / f"panel-{panel}.css")
                write(f"tray/{panel}/{state}-{size}.png", image)


def source_of_app(size):
    """Below 32 px the mark is drawn larger on its ground."""
    return SOURCES / ("app-small.svg" if size <= 32 else "app.svg")


def png(source, size, stylesheet=None):
    command = ["rsvg-convert", "--width", str(size), "--height", str(size)]
    if stylesheet:
        command += ["--stylesheet", str(stylesheet)]
    return subprocess.run([*command, str(source)], check=True, capture_output=True).stdout


def ico(images):
    offset = 6 + 16 * len(images)
    entries, bodies = b"", b""
    for size, image in images:
        side = 0 if size == 256 else size
        entries += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(image), offset + len(bodies))
        bodies += image
    return struct.pack("<HHH", 0, 1, len(images)) + entries + bodies


def icns(images):
    body = b"".join(kind + struct.pack(">I", 8 + len(image)) + image for kind, image in images)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def write(name, content):
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


main()
