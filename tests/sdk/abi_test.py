#!/usr/bin/env python3
"""The record of the ABI in sdk/abi holds, and would notice every change that breaks plugins."""

import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import abi_layout  # noqa: E402


class TheRecord(unittest.TestCase):
    def test_layout_is_the_recorded_one_with_every_compiler(self):
        recorded = (abi_layout.RECORD / abi_layout.LAYOUT).read_text()
        for compiler in abi_layout.LANGUAGES:
            with self.subTest(compiler):
                self.assertEqual(recorded, abi_layout.layout_of(abi_layout.HEADERS, compiler))

    def test_every_struct_of_the_headers_is_in_the_layout_and_in_the_baseline(self):
        written = set()
        for header in (abi_layout.HEADERS / "flame").glob("*.h"):
            written |= set(re.findall(r"\bstruct\s+(\w+)\s*\{", header.read_text()))
        self.assertGreater(len(written), 25)
        self.assertEqual(written, set(abi_layout.structs_of(abi_layout.HEADERS)))
        self.assertEqual([], abi_layout.missing(abi_layout.HEADERS))

    def test_abidiff_finds_the_baseline_kept(self):
        self.assertEqual("", abi_layout.breaks(abi_layout.HEADERS))


class Changed(unittest.TestCase):
    """Negative controls: the headers with one change."""

    def breaks(self, header, old, new):
        with tempfile.TemporaryDirectory() as folder:
            headers = Path(folder) / "include"
            shutil.copytree(abi_layout.HEADERS, headers)
            file = headers / "flame" / header
            text = file.read_text()
            self.assertEqual(1, text.count(old), f"{header}: '{old}' is not there once")
            file.write_text(text.replace(old, new))
            differs = abi_layout.layout_of(headers) != (abi_layout.RECORD / abi_layout.LAYOUT).read_text()
            self.assertTrue(differs, "the layout file does not notice")
            return abi_layout.breaks(headers), abi_layout.missing(headers)

    def assert_breaks(self, *change):
        self.assertNotEqual("", self.breaks(*change)[0])

    def assert_legal(self, *change):
        self.assertEqual("", self.breaks(*change)[0])

    def test_a_field_in_the_middle_breaks(self):
        self.assert_breaks("call.h", "  void *sink;\n", "  void *more;\n  void *sink;\n")

    def test_a_function_in_the_middle_of_an_interface_breaks(self):
        self.assert_breaks("backend.h", "  void (*close)(flame_device *device)",
                           "  void (*reset)(flame_device *device);\n  void (*close)(flame_device *device)")

    def test_a_removed_field_breaks(self):
        self.assert_breaks("tensor.h", "  uint64_t buffer_size;\n", "")

    def test_a_removed_function_breaks(self):
        self.assert_breaks("model.h", "  void (*destroy)(flame_model *model) FLAME_NOEXCEPT;\n", "")

    def test_a_changed_type_of_the_same_size_breaks(self):
        self.assert_breaks("tensor.h", "  uint64_t byte_offset;\n", "  double byte_offset;\n")

    def test_a_changed_parameter_of_a_function_breaks(self):
        self.assert_breaks("sampler.h", "uint32_t steps,\n                         const flame_noise_levels", "uint64_t steps,\n                         const flame_noise_levels")

    def test_swapped_fields_break(self):
        self.assert_breaks("tensor.h", "  uint64_t byte_offset;\n  uint64_t buffer_size;\n",
                           "  uint64_t buffer_size;\n  uint64_t byte_offset;\n")

    def test_a_changed_constant_breaks(self):
        self.assert_breaks("tensor.h", "#define FLAME_DTYPE_I32 0x0520u", "#define FLAME_DTYPE_I32 0x0521u")

    def test_a_field_behind_the_last_of_a_frozen_struct_breaks(self):
        self.assert_breaks("abi.h", "  size_t size;\n} flame_str;", "  size_t size;\n  size_t more;\n} flame_str;")

    def test_a_field_behind_the_last_is_legal(self):
        self.assert_legal("tensor.h", "  uint64_t buffer_size;\n", "  uint64_t buffer_size;\n  uint64_t more;\n")

    def test_a_function_behind_the_last_is_legal(self):
        self.assert_legal("host.h", "  void (*discard)(flame_writer *writer) FLAME_NOEXCEPT;\n",
                          "  void (*discard)(flame_writer *writer) FLAME_NOEXCEPT;\n  void (*more)(void) FLAME_NOEXCEPT;\n")

    def test_a_new_struct_is_legal_but_must_be_recorded(self):
        found, missing = self.breaks("call.h", "/* Owned by the caller;",
                                     "typedef struct flame_more {\n  uint64_t size;\n} flame_more;\n/* Owned by the caller;")
        self.assertEqual("", found)
        self.assertEqual(["flame_more"], missing)

    def test_padding_is_refused(self):
        with self.assertRaisesRegex(abi_layout.Failure, "flame_tensor has padding at its end"):
            self.breaks("tensor.h", "  uint64_t buffer_size;\n", "  uint64_t buffer_size;\n  uint32_t more;\n")


if __name__ == "__main__":
    unittest.main()
