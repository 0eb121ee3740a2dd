#!/usr/bin/env python3
"""Makes ops.json: what PyTorch says about the ops of the catalogue, in f64, and roundings.json: what it stores in f8. For
developers; no test needs PyTorch.

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 numpy==2.4.6 && venv/bin/python tests/golden/make_ops.py

The files are the same each time on one machine. Inputs are not stored: golden_file.py and ops_golden_test.cc make them by
the same hash.
"""
import torch

import array_cases
import block_cases
import image_cases
import stored_cases
from golden_file import Golden, check_versions

check_versions()
torch.set_num_threads(1)
golden = Golden()
for module in (image_cases, block_cases, array_cases, stored_cases):
    module.add_all(golden)
golden.write("ops.json")
stored_cases.write_roundings("roundings.json")
