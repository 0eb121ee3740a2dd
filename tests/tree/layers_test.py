#!/usr/bin/env python3
"""scripts/check_layers.py must catch each way of breaking the order: every line here is planted in a small tree."""
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check_layers.py"

# (file, include line, part of the message; None where it is allowed)
CASES = [
    ("core/base/a.h", '#include "core/base/b.h"', None),
    ("core/plugin/a.cc", '#include "core/base/b.h"', None),
    ("core/plugin/a.cc", '#include "flame/entry.h"', None),
    ("core/base/a.cc", '#include "core/plugin/b.h"', "layer base comes before plugin"),
    ("core/io/a.cc", '  #  include "core/cli/b.h"', "layer io comes before cli"),
    ("core/io/a.cc", '#include "core/nowhere/b.h"', "no such layer"),
    ("core/nowhere/a.cc", "#include <vector>", "no layer 'nowhere'"),
    ("core/plugin/a.cc", '#include "plugins/optimizers/a.h"', "through the contract alone"),
    ("plugins/models/a.cc", '#include "core/base/b.h"', "must not know core"),
    ("backends/cuda/a.cu", '#include "core/base/b.h"', "must not know core"),
    ("backends/cuda/a.cu", '#include "backends/onednn/b.h"', "through the contract alone"),
    ("backends/cuda/a.cu", '#include "backends/cuda/b.h"', None),
    ("sdk/include/flame/a.h", "#include <stdint.h>", None),
    ("sdk/include/flame/a.h", "#include <string>", "C standard headers only"),
    ("sdk/cpp/flame/a.hpp", "#include <string>", None),
    ("sdk/cpp/flame/a.hpp", '#include "core/base/b.h"', "must not know core"),
    ("core/io/a.cc", "#include <yaml-cpp/yaml.h>", "only core/io/yaml_reader.cc"),
    ("core/cli/a.cc", "#include <CLI/CLI.hpp>", "only core/cli/main.cc"),
    ("core/base/a.h", "#include <nlohmann/json.hpp>", "only core/base/json.cc"),
    ("plugins/data/a/a.cc", "#include <nlohmann/json.hpp>", "only core/base/json.cc"),
    ("plugins/data/image_folder/captions.cc", "#include <nlohmann/json.hpp>", None),
]


def check(file, line, expected):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / file
        path.parent.mkdir(parents=True)
        path.write_text(line + "\n")
        run = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False)
    right = run.returncode == (1 if expected else 0) and (expected or "") in run.stdout
    if not right:
        print(f"{file}: {line}\n  expected {expected or 'no complaint'}, got exit code {run.returncode}: {run.stdout}{run.stderr}")
    return right


if __name__ == "__main__":
    failed = [case for case in CASES if not check(*case)]
    print(f"{len(CASES) - len(failed)} of {len(CASES)} planted includes judged right")
    sys.exit(1 if failed else 0)
