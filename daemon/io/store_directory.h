/* SPDX-License-Identifier: MIT
 * store_directory: where a store's files stand: who may reach them, and the lock of the one process that has them. */
#ifndef IO_STORE_DIRECTORY_H
#define IO_STORE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

/* Descriptors; -1: none. The directory's is needed to open the store, the lock's is closed by who has the store. */
struct store_directory {
    int descriptor;
    int lock;
};

/* Makes the directory when there is none. False with a sentence in why: it, or a file in it, can be reached by others
 * or is not what it should be, or another process has the store; what is open then is closed by the caller. */
bool store_directory_open(const char *path, struct store_directory *, char *why, size_t why_size);

#endif
