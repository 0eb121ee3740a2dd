#!/usr/bin/env bash
# package_test.sh SOURCE BUILD: builds the packages; the tarball runs from an empty folder with an empty environment and
# goes away without a trace; lintian finds no error in the Debian packages, and they hold what they should.
set -euo pipefail
source_folder=$1 build=$2

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

"$source_folder/scripts/package" "$build"
packages=$source_folder/build/packages
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

mkdir "$work/place" "$work/home"
tar -xJf "$packages"/flamehost-*.tar.xz -C "$work/place" --strip-components=1
find "$work/place" "$work/home" | sort >"$work/before"
program=$work/place/bin/flamehost
cd "$work/home"
env -i "$program" doctor >"$work/doctor" || fail "doctor: exit code $?"
env -i "$program" plugins list >"$work/list" || fail "plugins list: exit code $?"
cat "$work/doctor" "$work/list"
grep -q "$work/place/lib/flamehost/libyaml-cpp" "$work/doctor" || fail "the tarball's own libraries are not used"
grep -q "$work/place/lib/flamehost/plugins" "$work/doctor" || fail "the tarball's own plugin folder is not searched"
grep -q "exporter png" "$work/list" || fail "the tarball lacks the exporter png"
if ls "$work"/place/lib/flamehost | grep -q '^libOpenImageIO'; then fail "the tarball carries OpenImageIO"; fi
grep -q "backend reference" "$work/list" || fail "the tarball lacks the reference backend"
find "$work/place" "$work/home" | sort | diff "$work/before" - || fail "running it left files behind"
mv "$work/place" "$work/elsewhere"
env -i "$work/elsewhere/bin/flamehost" plugins list | sed "s,$work/elsewhere,$work/place," | diff "$work/list" - || fail "it does not run from another folder"
rm -r "$work/elsewhere"
size=$(du -m "$packages"/flamehost-*.tar.xz | cut -f1)
[ "$size" -le 20 ] || fail "the tarball has $size MB, expected at most 20"

for package in "$packages"/*.deb; do
  dpkg-deb --contents "$package" >"$work/contents-$(basename "$package" | cut -d_ -f1)"
done
if grep -E '^.(....w|.......w)' "$work"/contents-*; then fail "files that others may write"; fi
grep -q '\./usr/bin/flamehost$' "$work/contents-flamehost" || fail "flamehost lacks the program"
grep -q 'flame/entry.h$' "$work/contents-flamehost-dev" || fail "flamehost-dev lacks the headers"
dpkg-deb --field "$packages"/flamehost_*.deb Depends >"$work/depends"
grep -q "lib/flamehost/plugins/reference.so$" "$work/contents-flamehost" || fail "flamehost lacks the reference backend"
grep -q "lib/flamehost/libflame-openimageio.so$" "$work/contents-flamehost" || fail "flamehost lacks the writer of pictures"
grep -q "lib/flamehost/flame-picture-decoder$" "$work/contents-flamehost" || fail "flamehost lacks the reader of pictures"
grep -q libopenimageio "$work/depends" || fail "flamehost depends on no OpenImageIO"
grep -q libyaml-cpp "$work/depends" || fail "flamehost depends on no yaml-cpp"
lintian --fail-on error --allow-root "$packages"/*.deb || fail "lintian has errors"
echo "the packages are sound"
