#!/usr/bin/env python3
"""Copies the libraries that programs need, but only those that read and write PNG, JPEG and WebP.

OpenImageIO of Debian links libraries for dozens of formats, 300 MiB with what they need, which this program never
asks for. Each of them becomes an empty library of its name, and one library holds what they should have had: functions
that give the address of zeros, and data that is zero. For packs that try the program on another machine, never for
people.

usage: stand_in_libraries.py OUTPUT-FOLDER BINARY…
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

KEPT = r"lib(OpenImageIO|OpenImageIO_Util|Imath-|boost_thread|boost_filesystem|tbb|png16|jpeg|webp|webpdemux|sharpyuv|fmt)\b.*|libz\.so.*"
# The machine's own: the runtime of C and C++.
SYSTEM = r"(libc|libm|libmvec|libdl|librt|libpthread|libstdc\+\+|libgcc_s|ld-linux-x86-64)[.-].*"
HOLDER = "libflame-stand-in.so"


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(file):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "-d", file))


def symbols(file, defined):
    """Names of a library, without versions; with the kind of each that is not defined."""
    found = {}
    for line in output_of("readelf", "-W", "--dyn-syms", file).splitlines():
        words = line.split()
        if len(words) < 8 or not words[0].endswith(":") or words[0] == "Num:":
            continue
        kind, binding, section, name = words[3], words[4], words[6], words[7].split("@")[0]
        if binding == "WEAK" and not defined:
            continue  # may be missing
        if (section != "UND") == defined:
            found[name] = kind
    return found


def paths():
    listed = {}
    for line in output_of("ldconfig", "-p").splitlines():
        parts = re.match(r"\s+(\S+) \(.*x86-64.*\) => (\S+)", line)
        if parts:
            listed.setdefault(parts[1], parts[2])
    return listed


def build(output, name, source="", extra=()):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.s"
        file.write_text(source + '\n.section .note.GNU-stack,"",@progbits\n')
        command = ["gcc", "-shared", "-nostdlib", f"-Wl,-soname={name}", "-o", output / name, file, *extra]
        subprocess.run(command, check=True)


def holder_source(missing, addressed):
    """Functions return the address of zeros: an empty text, a null in a table. Data is zeros."""
    lines = [".data", ".balign 64", "zeros: .zero 4096", ".text"]
    for name in sorted(missing):
        if name in addressed:
            continue
        lines += [f".globl {name}", f".type {name},@function", f"{name}: lea zeros(%rip), %rax", "ret"]
    lines += [".data"]
    for name in sorted(missing & addressed):
        lines += [".balign 64", f".globl {name}", f".type {name},@object", f".size {name}, 512", f"{name}: .zero 512"]
    return "\n".join(lines)


def main():
    output, binaries = Path(sys.argv[1]), [Path(file) for file in sys.argv[2:]]
    places = paths()
    kept, empty, system, open_files = {}, set(), {}, list(binaries)
    while open_files:
        for name in needed(open_files.pop()):
            if name in kept or name in empty or name in system:
                continue
            if re.fullmatch(SYSTEM, name):
                system[name] = places[name]
            elif re.fullmatch(KEPT, name):
                kept[name] = places[name]
                open_files.append(Path(places[name]))
            else:
                empty.add(name)
    there = {}
    for file in [*kept.values(), *system.values()]:
        there.update(symbols(file, True))
    missing, addressed = set(), set()
    for file in [*binaries, *kept.values()]:
        wanted = set(symbols(file, False)) - set(there)
        missing |= wanted
        # What is not called by name alone is data: tables of classes, constants.
        for line in output_of("objdump", "-R", file).splitlines():
            words = line.split()
            if len(words) == 3 and words[1] in ("R_X86_64_GLOB_DAT", "R_X86_64_64", "R_X86_64_COPY"):
                name = words[2].split("@")[0].split("+")[0]
                if name in wanted and name.startswith(("_ZTI", "_ZTV", "_ZTS", "_ZN7openvdb", "_ZTT")):
                    addressed.add(name)
    output.mkdir(parents=True, exist_ok=True)
    for name, path in kept.items():
        shutil.copyfile(path, output / name)
    build(output, HOLDER, holder_source(missing, addressed))
    for name in sorted(empty):
        build(output, name, extra=["-Wl,--no-as-needed", output / HOLDER])
    print(f"{len(kept)} libraries, {len(empty)} stand-ins for {len(missing)} names")


if __name__ == "__main__":
    main()
