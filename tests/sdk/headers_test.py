#!/usr/bin/env python3
"""The SDK's headers compile alone, in every language and with every compiler that they promise."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
C_HEADERS = sorted((ROOT / "sdk/include/flame").glob("*.h"))
GLUE = sorted((ROOT / "sdk/cpp/flame").glob("*.hpp"))
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
INCLUDES = ["-I", str(ROOT / "sdk/include"), "-I", str(ROOT / "sdk/cpp")]
C = [("gcc", "c11"), ("gcc", "c17"), ("clang", "c11"), ("clang", "c17")]
CPP = [("g++", "c++17"), ("g++", "c++20"), ("clang++", "c++17"), ("clang++", "c++20")]


def compile_text(compiler, standard, text, flags=()):
    language = "c++" if compiler.endswith("++") else "c"
    command = [compiler, f"-std={standard}", *STRICT, *flags, *INCLUDES, "-x", language, "-"]
    done = subprocess.run(command, input=text, text=True, capture_output=True)
    return "" if done.returncode == 0 else f"{' '.join(command)}\n{done.stderr}"


class Headers(unittest.TestCase):
    def compile_each(self, headers, compilers):
        self.assertTrue(headers)
        for compiler, standard in compilers:
            for header in headers:
                with self.subTest(compiler=compiler, standard=standard, header=header.name):
                    # Twice: the guard holds.
                    text = f'#include "flame/{header.name}"\n' * 2
                    self.assertEqual("", compile_text(compiler, standard, text))

    def test_each_c_header_compiles_alone_as_c(self):
        self.compile_each(C_HEADERS, C)

    def test_each_c_header_compiles_alone_as_cpp(self):
        self.compile_each(C_HEADERS, CPP)

    def test_each_header_of_the_glue_compiles_alone(self):
        self.compile_each(GLUE, [("g++", "c++17"), ("clang++", "c++20")])

    def test_the_whole_glue_compiles_with_every_compiler(self):
        self.compile_each([ROOT / "sdk/cpp/flame/plugin.hpp"], CPP)

    def test_c_headers_include_only_c_standard_headers_and_themselves(self):
        for header in C_HEADERS:
            for included in re.findall(r'^\s*#\s*include\s*(\S+)', header.read_text(), re.MULTILINE):
                with self.subTest(header=header.name, included=included):
                    own = re.fullmatch(r'"flame/(\w+\.h)"', included)
                    self.assertTrue(included in ("<stddef.h>", "<stdint.h>")
                                    or own and (header.parent / own.group(1)).exists())

    def test_glue_includes_only_the_sdk_and_the_standard_library(self):
        for header in GLUE:
            for included in re.findall(r'^\s*#\s*include\s*(\S+)', header.read_text(), re.MULTILINE):
                with self.subTest(header=header.name, included=included):
                    self.assertRegex(included, r'^(<[a-z_]+(\.h)?>|"flame/\w+\.(h|hpp)")$')

    def test_flame_h_includes_every_other_header(self):
        text = "".join(f"#ifndef FLAME_{header.stem.upper()}_H\n#error {header.name} is missing\n#endif\n"
                       for header in C_HEADERS)
        self.assertEqual("", compile_text("gcc", "c11", '#include "flame/flame.h"\n' + text))


class NoException(unittest.TestCase):
    TABLE = """
        #include "flame/host.h"
        void write(void *, uint32_t, flame_str) {};
        flame_log table = {sizeof table, 0, nullptr, %s, nullptr};
        """

    def test_a_function_that_may_throw_does_not_convert(self):
        quiet = self.TABLE.replace("{};", "noexcept {}") % "write"
        throwing = self.TABLE.replace("{};", "{}") % "write"
        for compiler, standard in CPP:
            with self.subTest(compiler=compiler, standard=standard):
                self.assertEqual("", compile_text(compiler, standard, quiet))
                self.assertRegex(compile_text(compiler, standard, throwing), "invalid conversion|cannot initialize")

    def test_a_class_that_is_no_component_is_refused(self):
        text = '#include "flame/plugin.hpp"\nstruct Nothing {};\n' \
               'FLAME_PLUGIN(plugin) { plugin.add<Nothing>("nothing", "Nothing."); }\n'
        for compiler, standard in CPP:
            with self.subTest(compiler=compiler, standard=standard):
                self.assertIn("kKind", compile_text(compiler, standard, text))

    def test_an_option_of_the_wrong_member_type_is_refused(self):
        text = '#include "flame/options.hpp"\nvoid f(flame::OptionTable &table, double &member) ' \
               '{ table.integer("steps", member, "Steps."); }\n'
        self.assertIn("the member's type does not fit", compile_text("g++", "c++17", text))


class TargetMinor(unittest.TestCase):
    def test_the_default_is_the_newest(self):
        text = '#include "flame/abi.h"\n#if FLAME_TARGET_MINOR != FLAME_ABI_MINOR\n#error\n#endif\n'
        self.assertEqual("", compile_text("gcc", "c11", text))

    def test_every_older_minor_compiles(self):
        minor = int(re.search(r"FLAME_ABI_MINOR (\d+)u", (ROOT / "sdk/include/flame/abi.h").read_text()).group(1))
        for target in range(minor + 1):
            with self.subTest(target=target):
                flags = [f"-DFLAME_TARGET_MINOR={target}"]
                self.assertEqual("", compile_text("gcc", "c11", '#include "flame/flame.h"\n', flags))
                self.assertEqual("", compile_text("g++", "c++17", '#include "flame/plugin.hpp"\n', flags))

    def test_a_minor_newer_than_the_headers_is_refused(self):
        self.assertIn("newer than these headers", compile_text("gcc", "c11", '#include "flame/abi.h"\n',
                                                               ["-DFLAME_TARGET_MINOR=4000"]))


if __name__ == "__main__":
    unittest.main()
