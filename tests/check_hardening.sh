#!/bin/sh
# SPDX-License-Identifier: MIT
# check_hardening READELF PROGRAM...: what the compiler and linker were told to do against attacks is read back from
# each program itself. Says all that is missing, and fails.
set -eu
readelf=$1
shift
failed=0
[ $# -gt 0 ] || { echo "no program is given"; exit 2; }

# expect PROGRAM WHAT PATTERN READELF-OPTIONS...: some line of readelf's answer matches.
expect() {
    program=$1 what=$2 pattern=$3
    shift 3
    "$readelf" -W "$@" "$program" | grep -Eq "$pattern" && return
    echo "$program: $what is missing"
    failed=1
}

for program in "$@"; do
    expect "$program" "position independence (PIE)" 'Type: +DYN' --file-header
    expect "$program" "relocations that become read-only (RELRO)" 'GNU_RELRO' --program-headers
    expect "$program" "binding before the first instruction (NOW)" '\(FLAGS_1\).*NOW' --dynamic
    expect "$program" "a stack that cannot be executed" 'GNU_STACK.* RW ' --program-headers
    expect "$program" "the stack protector" '__stack_chk_fail' --symbols
    expect "$program" "checked functions of libc (FORTIFY)" '__(memcpy|snprintf|vsnprintf|fprintf|printf|strncpy|read|fread|fdelt|memset|strcpy|strcat)_chk' --symbols
    if "$readelf" -W --program-headers "$program" | grep -Eq 'LOAD.* RWE '; then
        echo "$program: a segment can be written and executed"
        failed=1
    fi
    if "$readelf" -W --dynamic "$program" | grep -Eq '\((RPATH|RUNPATH|TEXTREL)\)'; then
        echo "$program: a path to libraries, or relocations in its code, are built in"
        failed=1
    fi
done
exit $failed
