/* SPDX-License-Identifier: MIT
 * redo: what commits have changed since LMDB's own file was last on the disk, in two files beside it that are written
 * over by turns. A batch is what one commit has changed; it is written in one piece, so that one sync makes it durable.
 * An interval is what stands between two commits of LMDB, and begins with the number of the first (`base`): its batches
 * stand one behind the other in one of the files. That of the interval before stays whole in the other one, since
 * LMDB's commit may be lost with the power until the next.
 *
 * A batch names its base, the opening of the files that it was written in (a random number), its own number (one more
 * than the one before) and how far batches were known to be on the disk then, and has a digest: a batch that a power
 * cut has torn is where reading ends; one that was on the disk and cannot be read now is damage. */
#ifndef IO_REDO_H
#define IO_REDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REDO_BYTES_MAX = 8 << 20, REDO_BATCH_BYTES_MAX = 2 << 20, REDO_KEY_BYTES_MAX = 16 };

struct redo;

/* One entry that was put, or deleted (then it has no bytes). */
struct redo_change {
    uint8_t table;
    bool deleted;
    const void *key;
    size_t key_length;
    const void *bytes;
    size_t length;
};

/* Makes the files where they are missing, and gives each of them so many bytes, at most REDO_BYTES_MAX, in blocks of
 * its own. NULL: errno says why. */
struct redo *redo_open(int directory_fd, size_t bytes);
void redo_close(struct redo **);

/* Adds a change to the batch that is being gathered. */
void redo_add(struct redo *, const struct redo_change *);
bool redo_is_empty(const struct redo *);
void redo_forget(struct redo *);

/* Bytes of this interval, and whether it should end: behind it there may be no room for a large batch. */
size_t redo_used(const struct redo *);
bool redo_is_full(const struct redo *);

enum redo_result {
    REDO_DONE,
    REDO_NO_ROOM,
    REDO_FAILED, /* errno says why */
    REDO_DAMAGED,
    REDO_STOPPED /* by who takes the changes */
};

/* Writes the gathered batch under this number, behind the others of its interval, and gathers anew. `durable`: the
 * newest that is on the disk. NO_ROOM: nothing is written. FAILED: nobody knows; a short write is one. */
enum redo_result redo_write(struct redo *, uint64_t number, uint64_t durable);
/* From any thread, but not beside redo_begin: what was written before is on the disk. False: nobody knows. */
bool redo_sync(struct redo *);
/* A new interval, in the file that the newest does not use. `base` is greater than any before. */
void redo_begin(struct redo *, uint64_t base);

/* Hands over each change of the batches of the interval on `base`, in order, until `take` returns false. *number
 * becomes the last batch's; when it was not 0 before, the first must follow it. A base without batches is no fault. */
enum redo_result redo_read(struct redo *, uint64_t base, uint64_t *number,
                           bool (*take)(void *, const struct redo_change *), void *argument);
/* The lowest and the highest base of all batches on this base and later ones; 0: there is none. */
enum redo_result redo_bases(struct redo *, uint64_t from, uint64_t *lowest, uint64_t *highest);

#endif
