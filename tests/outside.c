/* SPDX-License-Identifier: MIT
 * outside: a table of calls, each of which fails once when its count is reached. */
#include "tests/outside.h"

#include <assert.h>
#include <errno.h>
#include <lmdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

static struct fault {
    const char *call;
    unsigned left;
    int error;
} faults[4];
static size_t faults_count;
static unsigned failures;
static const char *met;
static void (*meeting)(void);

/* Those that return -1 and set errno, those that return a code of LMDB, and those that return nothing. */
#define OF_ERRNO(CALL)                                                                                                 \
    CALL(int, mkdir, (const char *path, mode_t mode), (path, mode))                                                    \
    CALL(int, mkdirat, (int directory, const char *path, mode_t mode), (directory, path, mode))                        \
    CALL(int, renameat, (int from_directory, const char *from, int to_directory, const char *to),                      \
         (from_directory, from, to_directory, to))                                                                     \
    CALL(int, fsync, (int file), (file))                                                                               \
    CALL(int, fdatasync, (int file), (file))                                                                           \
    CALL(int, fstat, (int file, struct stat *status), (file, status))                                                  \
    CALL(int, fstatat, (int directory, const char *path, struct stat *status, int flags),                              \
         (directory, path, status, flags))                                                                             \
    CALL(int, flock, (int file, int operation), (file, operation))                                                     \
    CALL(int, ftruncate, (int file, off_t length), (file, length))                                                     \
    CALL(int, fallocate, (int file, int mode, off_t offset, off_t length), (file, mode, offset, length))               \
    CALL(ssize_t, pwrite, (int file, const void *bytes, size_t length, off_t offset), (file, bytes, length, offset))   \
    CALL(ssize_t, pread, (int file, void *bytes, size_t length, off_t offset), (file, bytes, length, offset))          \
    CALL(off_t, lseek, (int file, off_t offset, int from), (file, offset, from))                                       \
    CALL(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))                          \
    CALL(ssize_t, read, (int file, void *bytes, size_t length), (file, bytes, length))                                 \
    CALL(uid_t, geteuid, (void), ())                                                                                   \
    CALL(int, sodium_init, (void), ())                                                                                 \
    CALL(int, sodium_mlock, (void *memory, size_t size), (memory, size))

#define OF_LMDB(CALL)                                                                                                  \
    CALL(int, mdb_env_create, (MDB_env * *env), (env))                                                                 \
    CALL(int, mdb_env_open, (MDB_env * env, const char *path, unsigned flags, mdb_mode_t mode),                        \
         (env, path, flags, mode))                                                                                     \
    CALL(int, mdb_env_set_mapsize, (MDB_env * env, size_t size), (env, size))                                          \
    CALL(int, mdb_env_set_maxdbs, (MDB_env * env, MDB_dbi tables), (env, tables))                                      \
    CALL(int, mdb_env_set_maxreaders, (MDB_env * env, unsigned readers), (env, readers))                               \
    CALL(int, mdb_reader_check, (MDB_env * env, int *dead), (env, dead))                                               \
    CALL(int, mdb_txn_begin, (MDB_env * env, MDB_txn * parent, unsigned flags, MDB_txn **txn),                         \
         (env, parent, flags, txn))                                                                                    \
    CALL(int, mdb_dbi_open, (MDB_txn * txn, const char *name, unsigned flags, MDB_dbi *table),                         \
         (txn, name, flags, table))                                                                                    \
    CALL(int, mdb_get, (MDB_txn * txn, MDB_dbi table, MDB_val * key, MDB_val * value), (txn, table, key, value))       \
    CALL(int, mdb_cursor_put, (MDB_cursor * cursor, MDB_val * key, MDB_val * value, unsigned flags),                   \
         (cursor, key, value, flags))                                                                                  \
    CALL(int, mdb_put, (MDB_txn * txn, MDB_dbi table, MDB_val * key, MDB_val * value, unsigned flags),                 \
         (txn, table, key, value, flags))                                                                              \
    CALL(int, mdb_env_sync, (MDB_env * env, int force), (env, force))                                                  \
    CALL(int, mdb_del, (MDB_txn * txn, MDB_dbi table, MDB_val * key, MDB_val * value), (txn, table, key, value))       \
    CALL(int, mdb_cursor_open, (MDB_txn * txn, MDB_dbi table, MDB_cursor * *cursor), (txn, table, cursor))             \
    CALL(int, mdb_cursor_get, (MDB_cursor * cursor, MDB_val * key, MDB_val * value, MDB_cursor_op operation),          \
         (cursor, key, value, operation))

#define OF_MEMORY(CALL)                                                                                                \
    CALL(void *, malloc, (size_t size), (size))                                                                        \
    CALL(void *, calloc, (size_t count, size_t size), (count, size))                                                   \
    CALL(void *, realloc, (void *memory, size_t size), (memory, size))                                                 \
    CALL(void *, sodium_malloc, (size_t size), (size))

#define NAME(type, name, parameters, arguments) #name,
const char *const outside_calls[] = {OF_ERRNO(NAME) OF_LMDB(NAME) OF_MEMORY(NAME) "mdb_txn_commit", "open", "openat",
                                     "dprintf"};
const size_t outside_calls_count = sizeof outside_calls / sizeof outside_calls[0];

void outside_fails(const char *call, unsigned n, int error)
{
    assert(faults_count < sizeof faults / sizeof faults[0]);
    faults[faults_count++] = (struct fault){call, n, error};
}

void outside_meets(const char *call, void (*what)(void))
{
    met = call;
    meeting = what;
}

unsigned outside_works(void)
{
    unsigned were = failures;

    failures = 0;
    faults_count = 0;
    return were;
}

/* The error; 0: it is not to fail. */
static int error_of(const char *call)
{
    if (met && strcmp(met, call) == 0) {
        met = NULL;
        meeting();
    }
    for (size_t i = 0; i < faults_count; i++)
        if (strcmp(faults[i].call, call) == 0 && faults[i].left > 0 && --faults[i].left == 0) {
            failures++;
            return faults[i].error;
        }
    return 0;
}

static bool fails_with_errno(const char *call)
{
    int error = error_of(call);

    if (error != 0)
        errno = error;
    return error != 0;
}

#define DECLARE(type, name, parameters)                                                                                \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;
#define WRAP_ERRNO(type, name, parameters, arguments)                                                                  \
    DECLARE(type, name, parameters)                                                                                    \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return fails_with_errno(#name) ? (type)-1 : __real_##name arguments;                                           \
    }
#define WRAP_MEMORY(type, name, parameters, arguments)                                                                 \
    DECLARE(type, name, parameters)                                                                                    \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return error_of(#name) != 0 ? NULL : __real_##name arguments;                                                  \
    }

OF_ERRNO(WRAP_ERRNO)
OF_MEMORY(WRAP_MEMORY)

#define WRAP_LMDB(type, name, parameters, arguments)                                                                   \
    DECLARE(type, name, parameters)                                                                                    \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        int error = error_of(#name);                                                                                   \
        return error != 0 ? error : __real_##name arguments;                                                           \
    }
OF_LMDB(WRAP_LMDB)

/* It has ended its transaction also when it fails. */
DECLARE(int, mdb_txn_commit, (MDB_txn * txn))
int __wrap_mdb_txn_commit(MDB_txn *txn)
{
    int error = error_of("mdb_txn_commit");

    if (error == 0)
        return __real_mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

DECLARE(int, open, (const char *path, int flags, ...))
int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t); /* rubbish, and not looked at, when no file is made */
    va_end(arguments);
    return fails_with_errno("open") ? -1 : __real_open(path, flags, mode);
}

DECLARE(int, openat, (int directory, const char *path, int flags, ...))
int __wrap_openat(int directory, const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return fails_with_errno("openat") ? -1 : __real_openat(directory, path, flags, mode);
}

int __wrap_dprintf(int file, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_dprintf(int file, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = fails_with_errno("dprintf") ? -1 : vdprintf(file, format, arguments);
    va_end(arguments);
    return length;
}

/* The same as a fortified build calls it. */
int __wrap___dprintf_chk(int file, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));
int __wrap___dprintf_chk(int file, int flag, const char *format, ...)
{
    va_list arguments;

    (void)flag;
    va_start(arguments, format);
    int length = fails_with_errno("dprintf") ? -1 : vdprintf(file, format, arguments);
    va_end(arguments);
    return length;
}
