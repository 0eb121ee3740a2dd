#!/usr/bin/env bash
# out_of_tree.sh SOURCE BUILD: installs flamehost, builds the template from the installed package alone in an empty
# folder, and holds what a stranger's plugin must hold.
set -euo pipefail
source_folder=$1 build=$2

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 002 # the modes of installed plugins must not depend on it
prefix=$work/prefix plugins=$work/plugins
mkdir "$work/home"

cmake --install "$build" --prefix "$prefix" >/dev/null
cp -r "$prefix/share/flamehost/template" "$plugins"
# Nothing of this environment may help: no variable, no folder of the source tree.
run() { env -i PATH=/usr/bin:/bin HOME="$work/home" "$@"; }
run cmake -S "$plugins" -B "$plugins/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" || fail "$(cat "$work/log")"
run cmake --build "$plugins/build" --parallel 2 >"$work/log" || fail "$(cat "$work/log")"

if grep -rlF -e "$source_folder/" -e "$build/" "$plugins/build"; then
  fail "these files of the out-of-tree build name the source tree"
fi

# A plugin has one door, and brings its own symbols.
libraries=("$plugins"/build/*.so)
[ ${#libraries[@]} -eq 8 ] || fail "${#libraries[@]} libraries, expected 8"
for library in "${libraries[@]}"; do
  exported=$(nm -D --defined-only "$library" | awk '{print $3}')
  [ "$exported" = flame_plugin_entry_v1 ] || fail "$library exports: $exported"
  ! readelf -d "$library" | grep -q RUNPATH || fail "$library has a RUNPATH"
  ! readelf -sW "$library" | grep -q UNIQUE || fail "$library has symbols that are unique in the process"
  [ -f "${library%.so}.flame.json" ] || fail "$library has no manifest"
done

# The host finds them, knows their options, and proves them.
program=$prefix/bin/flamehost
chmod -R go-w "$plugins/build"
run "$program" plugins list --plugin-path "$plugins/build" >"$work/list"
for name in backend model adapter optimizer sampler data data-in-c exporter; do
  grep -q "org.example.$name" "$work/list" || fail "plugins list lacks org.example.$name: $(cat "$work/list")"
  run "$program" plugins inspect "$plugins/build/example-$name.so" >"$work/page" || fail "inspect example-$name.so"
  grep -q "org.example.$name 0.1.0" "$work/page" || fail "inspect example-$name.so: $(cat "$work/page")"
done
for library in "${libraries[@]}"; do
  run "$program" plugins validate "$library" >"$work/report" || fail "$(cat "$work/report")"
  tail -1 "$work/report"
done

# Installed, also stripped, they are still what their manifests say, and nobody else may write to them.
run cmake --install "$plugins/build" --prefix "$work/installed" --strip >/dev/null
run "$program" plugins inspect --plugin-path "$work/installed/lib/flamehost/plugins" example-sgd >/dev/null
for library in "$work"/installed/lib/flamehost/plugins/*.so; do
  hash=$(sha256sum "$library" | cut -d' ' -f1)
  grep -q "$hash" "${library%.so}.flame.json" || fail "$library is not the one of its manifest"
done
loose=$(find "$work/installed" -perm /022)
[ -z "$loose" ] || fail "others may write to: $loose"

# The package says which versions fit, and the linker finds a symbol that nobody has.
mkdir "$work/newer" "$work/undefined"
printf 'cmake_minimum_required(VERSION 3.25)\nproject(p CXX)\nfind_package(FlameSDK 99 REQUIRED)\n' >"$work/newer/CMakeLists.txt"
! run cmake -S "$work/newer" -B "$work/newer/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 ||
  fail "a package that asks for FlameSDK 99 was configured"
grep -q 'version: 0' "$work/log" || fail "no word of the versions that are here: $(cat "$work/log")"
printf 'cmake_minimum_required(VERSION 3.25)\nproject(p CXX)\nfind_package(FlameSDK REQUIRED)\nflame_add_plugin(lost SOURCES lost.cc)\n' >"$work/undefined/CMakeLists.txt"
printf 'int nobody_has_this(int);\nint use = nobody_has_this(1);\n' >"$work/undefined/lost.cc"
run cmake -S "$work/undefined" -B "$work/undefined/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
! run cmake --build "$work/undefined/build" >"$work/log" 2>&1 || fail "a plugin with an undefined symbol was linked"
grep -q nobody_has_this "$work/log" || fail "the linker names no symbol: $(cat "$work/log")"

echo "the template builds from the package alone, and its plugins are sound"
