#!/bin/sh
# Compiles the unit tests of a component for this machine, with the played host, and runs them. In
# the component's folder, after `lithe build`:
#
#     sh .lithe/KIND/lithe_test.sh
#
# C and C++: each file of `tests` is a program that is linked with the component's sources. It fails
# unless `main` returns 0. Zig: the `test` blocks of `main.zig`, and of what it imports.
#
# `CC`, `CXX` and `CFLAGS` are those of `make`. Without them it takes the system's compilers, or
# Zig's.
set -eu
sdk=$(dirname "$0")
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

has() { command -v "$1" >/dev/null; }
if has zig; then zig=zig; else zig="python3 -m ziglang"; fi

for main in main.zig src/main.zig; do
  [ -f "$main" ] || continue
  $zig test -lc -I"$sdk" -cflags -w -- "$sdk/lithe_testing.c" \
    --dep lithe "-Mroot=$main" "-Mlithe=$sdk/lithe.zig"
  exit
done

system() { if has "$1"; then echo "$1"; elif has "$2"; then echo "$2"; else echo "$zig $1"; fi; }
cc=${CC:-$(system cc clang)}
cxx=${CXX:-$(system c++ clang++)}
link=$cc

# Compiles a file, and says where its object is.
compile() {
  object=$made/$(echo "$1" | tr -c 'A-Za-z0-9\n' _).o
  case $1 in
    *.c) $cc ${CFLAGS:--g -Wall -Wextra -Wno-unused-parameter} -I"$sdk" -c "$1" -o "$object" ;;
    *)
      $cxx ${CFLAGS:--g -Wall -Wextra -Wno-unused-parameter} -Wno-missing-field-initializers -std=c++20 -fno-exceptions \
        -fno-rtti -I"$sdk" -c "$1" -o "$object"
      ;;
  esac
  echo "$object"
}

$cc ${CFLAGS:--g} -w -I"$sdk" -c "$sdk/lithe_testing.c" -o "$made/lithe.o"
set -- "$made/lithe.o"
for source in *.c *.cc *.cpp *.cxx src/*.c src/*.cc src/*.cpp src/*.cxx; do
  [ -f "$source" ] || continue
  case $source in *.c) ;; *) link=$cxx ;; esac
  object=$(compile "$source")
  set -- "$@" "$object"
done

count=0
for test in tests/*.c tests/*.cc tests/*.cpp tests/*.cxx; do
  [ -f "$test" ] || continue
  case $test in *.c) ;; *) link=$cxx ;; esac
  object=$(compile "$test")
  $link ${CFLAGS:-} "$@" "$object" -lm -o "$made/test"
  "$made/test"
  echo "ok: $test"
  count=$((count + 1))
done
if [ "$count" = 0 ]; then
  echo "there is no test in \`$(pwd)/tests\`" >&2
  exit 1
fi
