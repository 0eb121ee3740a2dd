#!/usr/bin/env python3
"""Reads the #include lines and fails where one breaks the order of the layers.

sdk/include takes C standard headers only, sdk/cpp takes sdk/include, plugins and backends take sdk, and a folder of core
takes the folders before it. Heavy headers stay in the one file that is theirs.
"""
import pathlib
import re
import sys

LAYERS = ["base", "tensor", "ops", "program", "passes", "runtime", "plugin", "io", "sample", "train", "pipeline", "cli"]
C_STANDARD = {"stddef.h", "stdint.h"}
# A header that costs seconds a file, and the only files that may have it: one of the host, one of a plugin that needs
# it too.
HEAVY = {
    "nlohmann/": ["core/base/json.cc", "plugins/data/image_folder/captions.cc"],
    "spdlog/": ["core/base/log.cc"],
    "CLI/": ["core/cli/main.cc"],
    "yaml-cpp/": ["core/io/yaml_reader.cc"],
    "boost/": ["core/plugin/library.cc"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def top(path):
    return path.parts[0] if path.parts[0] != "sdk" else "/".join(path.parts[:2])


def problem(path, header):
    """Why `path` may not include `header`, or None."""
    place, inside = top(path), header.split("/")
    for heavy, homes in HEAVY.items():
        if header.startswith(heavy) and str(path) not in homes:
            return f"only {' and '.join(homes)} may include it"
    if place == "sdk/include":
        return None if inside[0] == "flame" or header in C_STANDARD else "sdk/include takes C standard headers only"
    if inside[0] in ("plugins", "backends", "tests"):
        own = place == "tests" or path.parts[:2] == tuple(inside[:2])
        return None if own else "a plugin is known through the contract alone"
    if inside[0] != "core":
        return None
    if place == "tests":
        return None
    if place != "core":
        return f"{place} must not know core"
    if len(inside) < 3 or inside[1] not in LAYERS:
        return "core has no such layer"
    if LAYERS.index(inside[1]) > LAYERS.index(path.parts[1]):
        return f"layer {path.parts[1]} comes before {inside[1]}"
    return None


def main(root):
    count, failures = 0, []
    for folder in ("core", "sdk", "plugins", "backends"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".hpp", ".c", ".cc", ".cu", ".cuh"):
                continue
            relative = path.relative_to(root)
            if relative.parts[0] == "core" and relative.parts[1] not in LAYERS:
                failures.append(f"{relative}: core has no layer '{relative.parts[1]}'")
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                count += 1
                why = problem(relative, found[2])
                if why:
                    failures.append(f"{relative}:{number}: includes {found[2]}: {why}")
    print("\n".join(failures))
    print(f"{count} includes, {len(failures)} against the order of the layers")
    return 1 if failures or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
