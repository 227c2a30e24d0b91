#!/bin/sh
# SPDX-License-Identifier: MIT
# clang-tidy finds nothing in what is shipped but what tidy_known.txt argues. Usage: check_tidy.sh SOURCE_DIR BUILD_DIR
# (one that was configured with CMAKE_EXPORT_COMPILE_COMMANDS).
set -eu
cd "$1"
build=$2
known=tests/tidy_known.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Findings are no failure of clang-tidy's: one that fails has not looked.
find proto daemon clients -name '*.c' ! -path 'clients/examples/*' | sort |
    xargs -P 2 -n 1 clang-tidy --quiet -p "$build" >"$work/said" 2>"$work/noise" || { cat "$work/noise"; exit 2; }
grep -E '^/.*: (warning|error): .*\[[a-z]' "$work/said" | sed "s|^$PWD/||" | sort -u >"$work/lines" || true
sed -E 's/^([^:]*):[0-9]*:[0-9]*: .*\[([^],]*).*$/\1 \2/' "$work/lines" | sort -u >"$work/found"
grep -v '^#' "$known" | cut -d' ' -f1,2 | sort -u >"$work/known"
comm -23 "$work/found" "$work/known" >"$work/new"
comm -13 "$work/found" "$work/known" >"$work/stale"
while read -r file check; do grep -F "$file:" "$work/lines" | grep -F "[$check"; done <"$work/new"
sed 's/^/no such finding any more, take it out of tidy_known.txt: /' "$work/stale"
[ ! -s "$work/new" ] && [ ! -s "$work/stale" ]
