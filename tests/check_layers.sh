#!/bin/sh
# SPDX-License-Identifier: MIT
# Who may include whom. Usage: check_layers.sh SOURCE_DIR
set -u
cd "$1" || exit 2
faults=0

# All lines of a layer that include something, as file:line:text.
includes() { grep -rnE '^[[:space:]]*#[[:space:]]*include' --include='*.c' --include='*.h' --include='*.def' "$@"; }

fault()
{
    echo "$1"
    echo "$2"
    faults=1
}

# only LAYER PATTERN: it includes nothing else.
only()
{
    lines=$(includes "$1")
    [ -n "$lines" ] || fault "nothing found in" "$1"
    lines=$(echo "$lines" | grep -vE "include[[:space:]]*($2)")
    [ -z "$lines" ] || fault "$1 includes what is outside of its layer:" "$lines"
}

# never LAYER PATTERN
never()
{
    lines=$(includes "$1" | grep -E "include[[:space:]]*[<\"](\.\./)*($2)")
    [ -z "$lines" ] || fault "$1 may not include $2:" "$lines"
}

# owned HEADER FILE...: these files include it, and no other.
owned()
{
    header=$1
    shift
    expected=$(printf '%s\n' "$@" | sort)
    found=$(includes proto daemon clients | grep -E "include[[:space:]]*[<\"]$header" | cut -d: -f1 | sort -u)
    [ "$found" = "$expected" ] && return
    fault "<$header...> belongs to $*, but is included by:" "$found"
}

only daemon/core '"(daemon/core|proto)/|<(assert|stdbool|stddef|stdint|string)\.h>'
only proto '"proto/|<(assert|stdbool|stddef|stdint|stdio|stdlib|string)\.h>|<msgpack'
never daemon 'clients/'
never clients 'daemon/'

owned zmq daemon/io/link.c daemon/io/doors.c daemon/io/zap.c clients/exchange.c clients/evidence.c clients/keys.c clients/keygen.c
owned lmdb daemon/io/store_lmdb.c
owned xxhash daemon/io/redo.c
owned msgpack proto/pack.c
owned libconfig daemon/io/config.c
owned sodium daemon/io/seal.c clients/bulk.c clients/hub_webhook.c
owned csv daemon/io/postcodes.c clients/people_file.c
owned curl clients/hub_webhook.c
owned systemd/ daemon/io/service.c
exit $faults
