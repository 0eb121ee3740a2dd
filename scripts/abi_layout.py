#!/usr/bin/env python3
"""Writes and checks the record of the C ABI in sdk/abi.

  abi_layout.py layout [--compiler CC]   prints sizes, offsets and constants of the headers
  abi_layout.py check                    compares the headers with the record; says what broke
  abi_layout.py update [--breaking]      writes the record anew; a breaking change needs --breaking

The record is the layout (sizes, offsets, types, constants) and a baseline for abidiff. Interfaces
are reached through `const void *query(id)`, where abidiff sees no types, so the baseline is made
from an anchor library that exports `T *anchor_T(T *)` for every struct.

Fields may be added behind the last one, except in frozen structs. For that, new headers are
compared with the baseline by their first fields, as many as were recorded: what an old plugin sees.
abidiff's own way, the suppression has_data_member_inserted_between, also hides a field whose type
has changed (measured with libabigail 2.2; tests/sdk/abi_test.py has the cases).
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADERS = ROOT / "sdk/include"
RECORD = ROOT / "sdk/abi"
LAYOUT = "layout-x86_64.txt"
BASELINE = "baseline-x86_64.xml"
LANGUAGES = {"gcc": ["-x", "c", "-std=c11"], "clang": ["-x", "c", "-std=c11"],
             "g++": ["-x", "c++", "-std=c++17"], "clang++": ["-x", "c++", "-std=c++17"]}
# Handed over in arrays by value: these never grow.
FROZEN = ("flame_str", "flame_attribute", "flame_slice")


class Failure(Exception):
    pass


def run(command, **options):
    done = subprocess.run(command, text=True, capture_output=True, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def includes(headers):
    names = sorted(path.name for path in (headers / "flame").glob("*.h"))
    return "".join(f'#include "flame/{name}"\n' for name in names)


def fields_of(body):
    """(name, declaration) of each field of a struct's body."""
    fields, depth, start = [], 0, 0
    for place, letter in enumerate(body):
        depth += (letter in "{(") - (letter in "})")
        if letter != ";" or depth > 0:
            continue
        declaration = " ".join(body[start:place].split())
        start = place + 1
        pointer = re.match(r"[^(]*\(\s*\*\s*(\w+)\s*\)", declaration)
        name = pointer.group(1) if pointer else re.search(r"(\w+)(\[[^]]*\])?$", declaration).group(1)
        fields.append((name, declaration))
    return fields


def preprocessed(headers):
    return run(["gcc", "-E", "-P", "-x", "c", "-std=c11", "-I", headers, "-"], input=includes(headers))


def bodies_of(source):
    """(struct, first, end) of each struct's body in preprocessed text."""
    for match in re.finditer(r"\bstruct (flame_\w+)\s*\{", source):
        depth, end = 1, match.end()
        while depth:
            depth += (source[end] == "{") - (source[end] == "}")
            end += 1
        yield match.group(1), match.end(), end - 1


def structs_of(headers):
    """{struct: [(field, declaration)]}"""
    source = preprocessed(headers)
    return dict(sorted((name, fields_of(source[first:end])) for name, first, end in bodies_of(source)))


def constants_of(headers):
    """{name: value} of the constants; what they are called and worth is as fixed as a field."""
    source = run(["gcc", "-E", "-dM", "-x", "c", "-std=c11", "-I", headers, "-"], input=includes(headers))
    found = re.findall(r'^#define (FLAME_\w+) ("[^"]*"|0x[0-9a-f]+u?|\d+u?)$', source, re.MULTILINE)
    return dict(sorted(found))


def printer_of(headers, structs):
    """A program that prints the layout, and fails at padding."""
    lines = [includes(headers), "#include <stdio.h>\n", "#if defined(__cplusplus)\n#define ALIGN alignof\n",
             "#else\n#define ALIGN _Alignof\n#endif\n", "int main(void) {\n  int padded = 0;\n  size_t end;\n"]
    for name, fields in structs.items():
        lines.append(f'  printf("struct {name}: %zu bytes, aligned to %zu\\n", sizeof({name}), ALIGN({name}));\n')
        lines.append("  end = 0;\n")
        for field, declaration in fields:
            place, size = f"offsetof({name}, {field})", f"sizeof((({name} *)0)->{field})"
            lines.append(f'  printf("  %zu %zu {field}: {declaration}\\n", {place}, {size});\n')
            lines.append(f'  if ({place} != end) padded = fprintf(stderr, "{name} has padding before {field}\\n");\n')
            lines.append(f"  end = {place} + {size};\n")
        lines.append(f'  if (end != sizeof({name})) padded = fprintf(stderr, "{name} has padding at its end\\n");\n')
    lines.append("  return padded != 0;\n}\n")
    return "".join(lines)


def layout_of(headers, compiler="gcc"):
    structs = structs_of(headers)
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "printer", Path(folder) / "program"
        source.write_text(printer_of(headers, structs))
        run([compiler, *LANGUAGES[compiler], "-I", headers, "-o", program, source])
        layout = run([program])
    constants = "".join(f"{name} = {value}\n" for name, value in constants_of(headers).items())
    return layout + "constants\n" + "".join(f"  {line}\n" for line in constants.splitlines())


def recorded_fields():
    """{struct: number of fields} of the record."""
    counts, struct = {}, None
    for line in (RECORD / LAYOUT).read_text().splitlines():
        found = re.match(r"struct (\w+):", line)
        struct = found.group(1) if found else struct if line.startswith("  ") else None
        if struct:
            counts[struct] = counts.get(struct, -1) + 1
    return counts


def write_baseline(headers, file, fields={}):
    """The anchor library's types, as abidiff reads them; of structs in `fields` that many fields."""
    source, names = preprocessed(headers), []
    for name, first, end in reversed(list(bodies_of(source))):
        names.append(name)
        if name in fields and name not in FROZEN:
            kept = fields_of(source[first:end])[:fields[name]]
            source = source[:first] + "".join(f" {declaration};" for _, declaration in kept) + source[end:]
    anchors = "".join(f"{name} *anchor_{name}({name} *value) {{ return value; }}\n" for name in sorted(names))
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "libanchor.so"
        run(["gcc", *LANGUAGES["gcc"], "-g", "-shared", "-fPIC", "-o", library, "-"], input=source + anchors)
        run(["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs",
             "--no-write-default-sizes", "--no-parameter-names", "--out-file", file, library])


def missing(headers):
    """The structs that the record does not know."""
    baseline = (RECORD / BASELINE).read_text()
    layout = (RECORD / LAYOUT).read_text()
    return [name for name in structs_of(headers)
            if f"'anchor_{name}'" not in baseline or f"struct {name}:" not in layout]


def breaks(headers):
    """What is held against the headers; empty if every change since the record is a legal one."""
    recorded = (RECORD / LAYOUT).read_text()
    constants = constants_of(headers)
    for name, value in re.findall(r"^  (FLAME_\w+) = (.*)$", recorded, re.MULTILINE):
        if name != "FLAME_ABI_MINOR" and constants.get(name) != value:
            return f"{name} was {value} and is {constants.get(name, 'gone')}\n"
    with tempfile.TemporaryDirectory() as folder:
        now = Path(folder) / "now.xml"
        write_baseline(headers, now, recorded_fields())
        done = subprocess.run(["abidiff", "--no-added-syms", RECORD / BASELINE, now], text=True, capture_output=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def check():
    recorded = (RECORD / LAYOUT).read_text()
    problems = [f"{name} is not in the record" for name in missing(HEADERS)]
    for compiler in LANGUAGES:
        if layout_of(HEADERS, compiler) != recorded:
            problems.append(f"{compiler}: the layout is not that of sdk/abi/{LAYOUT}")
    return problems + [problem for problem in [breaks(HEADERS)] if problem]


def update(breaking):
    problem = breaks(HEADERS) if (RECORD / BASELINE).exists() else ""
    if problem and not breaking:
        raise Failure(f"{problem}This breaks plugins that are built already. Add at the end instead; or, before "
                      "release 1.0, write a line in docs/abi-changes.md and run update --breaking.")
    RECORD.mkdir(exist_ok=True)
    (RECORD / LAYOUT).write_text(layout_of(HEADERS))
    write_baseline(HEADERS, RECORD / BASELINE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["layout", "check", "update"])
    parser.add_argument("--compiler", choices=LANGUAGES, default="gcc")
    parser.add_argument("--breaking", action="store_true")
    given = parser.parse_args()
    try:
        if given.action == "layout":
            print(layout_of(HEADERS, given.compiler), end="")
        elif given.action == "update":
            update(given.breaking)
        else:
            problems = check()
            print("\n".join(problems + ["if that is meant: scripts/abi_layout.py update"]) if problems
                  else "the headers are as recorded")
            return 1 if problems else 0
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
