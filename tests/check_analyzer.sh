#!/bin/sh
# SPDX-License-Identifier: MIT
# gcc -fanalyzer finds nothing in what is shipped but what analyzer_known.txt argues. Usage: check_analyzer.sh SOURCE_DIR
set -eu
cd "$1"
known=tests/analyzer_known.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

off=$(grep '^-W' "$known" | cut -d' ' -f1)
# shellcheck disable=SC2086
find proto daemon clients -name '*.c' ! -path 'clients/examples/*' | sort | xargs -P 2 -I FILE \
    gcc -std=c17 -O1 -D_GNU_SOURCE '-DREFERRALD_VERSION="0"' -I. -fanalyzer $off -c FILE -o /dev/null >"$work/said" 2>&1 ||
    { cat "$work/said"; exit 2; }
grep -oE '^[^ ]*:[0-9]+:[0-9]+: warning: .*\[-Wanalyzer[a-z-]*\]' "$work/said" | sort -u >"$work/lines" || true
sed -E 's/^([^:]*):.*\[-W(analyzer[a-z-]*)\]$/\1 \2/' "$work/lines" | sort -u >"$work/found"
grep -v '^[#-]' "$known" | cut -d' ' -f1,2 | sort -u >"$work/known"
comm -23 "$work/found" "$work/known" >"$work/new"
comm -13 "$work/found" "$work/known" >"$work/stale"
while read -r file check; do grep -F "$file:" "$work/lines" | grep -F "[-W$check]"; done <"$work/new"
sed 's/^/no such finding any more, take it out of analyzer_known.txt: /' "$work/stale"
[ ! -s "$work/new" ] && [ ! -s "$work/stale" ]
