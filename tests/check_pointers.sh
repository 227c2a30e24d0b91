#!/bin/sh
# SPDX-License-Identifier: MIT
# Every test that README.md (chapter Faults) and THREATS.md point to exists. Usage: check_pointers.sh TESTS_DIR CTEST
# BUILD_DIR. A pointer stands in backquotes in a row of a table: suite/name, test_..., or the name of a ctest. Every fault
# has one, or the reason why not, and most are shown.
set -eu
cd "$1"
ctests=$("$2" --test-dir "$3" -N | sed -n 's/^ *Test *#[0-9]*: //p')
faults=0
count=0

exists()
{
    case "$1" in
    */*)
        suite=${1%%/*} name=${1#*/}
        grep -rqE "^Test\($suite, $name[,)]" unit contract && return
        # A promise of every store engine is one macro.
        case "$suite" in lmdb | memory) grep -rqE "^BEHAVIOUR\($name\)" contract && return ;; esac
        return 1
        ;;
    test_*) grep -rqE "^    def $1\(" system ;;
    *) printf '%s\n' "$ctests" | grep -qxF "$1" ;;
    esac
}

for file in README.md THREATS.md; do
    rows=$(sed '1,/^## /d' "$file" | grep '^|' | grep -v '^| *|---' || true)
    for pointer in $(printf '%s\n' "$rows" | grep -o '`[^`]*`' | tr -d '`' | sort -u); do
        count=$((count + 1))
        exists "$pointer" && continue
        echo "$file points to $pointer, which does not exist"
        faults=1
    done
done
[ "$count" -ge 100 ] || { echo "only $count pointers found: has the form of the tables changed?"; exit 2; }

faults_of() { grep -E '^\| [A-Z][0-9]+ \|' README.md; }
reason='(not shown|does not apply)'
shown=$(faults_of | grep -F '`' | grep -cvE "\| $reason")
bare=$(faults_of | grep -vE "\| $reason[^|]*: " | grep -vF '`' || true)
[ -z "$bare" ] || { echo "neither a test nor a reason:"; echo "$bare"; faults=1; }
[ "$shown" -ge 85 ] || { echo "only $shown faults are shown"; faults=1; }
echo "$count pointers, $shown of $(faults_of | wc -l) faults shown"
exit $faults
