#!/bin/sh
# SPDX-License-Identifier: MIT
# Core is pure: what its library does not define itself comes from proto's tables and messages, or from this list. No
# clock, no memory, no files, no threads. Usage: check_core_symbols.sh NM LIBCORE LIBPROTO; NM may have options.
set -eu
allowed='memcpy|memmove|memset|memcmp|bcmp|strlen|__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_'
sanitizers='__asan_.*|__ubsan_.*'

names() { awk '{ print $NF }' | sort -u; }

own=$($1 -A --defined-only "$2" | names)
vocabulary=$($1 -A --defined-only "$3" | grep -E ':(vocabulary|message)\.c\.o:' | names)
wanted=$($1 -A -u "$2" | names)

echo "$own" | grep -qx decide || { echo "$2 does not define decide: is this core?"; exit 2; }
echo "$vocabulary" | grep -qx message_spec || { echo "$3 does not define message_spec: is this proto?"; exit 2; }

foreign=$(printf '%s\n' "$wanted" | grep -vxE "$allowed|$sanitizers" | grep -vxF -e "$own" -e "$vocabulary" || true)
[ -z "$foreign" ] && exit 0
echo "core calls what is not pure:"
$1 -A -u "$2" | grep -wF "$foreign"
exit 1
