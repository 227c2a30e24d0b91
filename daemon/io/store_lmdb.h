/* SPDX-License-Identifier: MIT
 * store_lmdb: the durable engine. One LMDB environment in a directory of its own, every commit synced by store_sync or
 * the next one, the data file preallocated to limit_bytes so that a full disk cannot stop a commit, single instance by
 * a lock file. */
#ifndef IO_STORE_LMDB_H
#define IO_STORE_LMDB_H

#include "daemon/io/store.h"

/* Opens or creates. On failure returns NULL and writes one sentence for people into why (what, where, what to do),
 * for example that another daemon (its pid) has the store. Files and directory get mode 0600 / 0700; looser modes of an
 * existing store are refused. Clears stale readers. */
struct store *store_lmdb_open(const char *directory, uint64_t limit_bytes, char *why, size_t why_size);

#endif
