/* SPDX-License-Identifier: MIT
 * store: what a store must do. A struct of functions, a name first; two engines (store_lmdb, and the simulator's
 * store_memory), one contract test. Tables map a 64-bit number (big-endian on disk, so keys ascend) to bytes; the
 * place table maps short texts. The store keeps bytes: it neither seals nor understands them. */
#ifndef IO_STORE_H
#define IO_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table {
    TABLE_META,     /* META_* -> what the store is, and the head of the journal */
    TABLE_PARTY,    /* party number -> its id, and how far it has confirmed its mailbox */
    TABLE_CAPACITY, /* party number << 32 | service number -> places as the hub stated them */
    TABLE_NETWORK,  /* network version -> text of the network file */
    TABLE_CONTENT,  /* referral (or enquiry) number -> its own key and the submit, as updates have made it, sealed; gone
                       when erased */
    TABLE_REFERRAL, /* referral number -> sealed record of the referral and its offers */
    TABLE_HISTORY,  /* history sequence -> sealed entry; ascending, never changed */
    TABLE_UNMET,    /* hash of week, neighbourhood, need and cause -> sealed count; outlives the erasure of a person */
    TABLE_REQUEST,  /* keyed hash of party and request id -> sealed: what a request came to that must not be done twice
                     */
    TABLE_ENQUIRY,  /* enquiry number -> sealed record; its content stands in TABLE_CONTENT */
    TABLE_OWED,     /* party number << 40 | mailbox number -> which letter; of parties that are far behind */
    TABLE_COUNT
};

enum meta { META_FORMAT = 1, META_HEAD = 2, META_EDITION = 3 };

/* What a commit or a sync came to. Answers leave on STORE_OK alone. */
enum store_result {
    STORE_OK = 0,
    STORE_NOT_FOUND,
    STORE_FULL,        /* the map is full: this transaction cannot be kept; later ones may */
    STORE_UNAVAILABLE, /* certainly not stored */
    STORE_UNKNOWN,     /* may be stored or not: stop, and let the restart decide from the store */
    STORE_FENCED,      /* somebody else owns the store now: stop */
    STORE_DAMAGED      /* what is stored cannot be read */
};

/* A transaction keeps its first error; later calls on it do nothing and return that error; look once, at commit. */
struct transaction;

struct store;
struct store_engine {
    const char *name;
    /* One write transaction at a time; read transactions may run beside it, one in each thread. NULL: out of
     * memory or store unusable (then *why is set when why is not NULL). */
    struct transaction *(*begin)(struct store *, bool write, enum store_result *why);
    /* *bytes is borrowed until the transaction ends or its next put or del. */
    enum store_result (*get)(struct transaction *, enum table, uint64_t key, const void **bytes, size_t *length);
    enum store_result (*put)(struct transaction *, enum table, uint64_t key, const void *bytes, size_t length);
    enum store_result (*del)(struct transaction *, enum table, uint64_t key);
    /* The first entry with a key >= *key (or, backward, the last with a key <= *key); sets *key. */
    enum store_result (*seek)(struct transaction *, enum table, bool backward, uint64_t *key, const void **bytes,
                              size_t *length);
    /* Postcodes: text keys of at most 16 bytes. */
    enum store_result (*place_get)(struct transaction *, const char *key, size_t key_length, const void **bytes,
                                   size_t *length);
    enum store_result (*place_put)(struct transaction *, const char *key, size_t key_length, const void *bytes,
                                   size_t length);
    /* Ends the transaction, always. What a write has committed is whole; it is on the disk after sync. */
    enum store_result (*commit)(struct transaction **);
    /* From any thread: returns when all that was committed before is on the disk. Who reads may see it earlier. NULL: a
     * commit is there at once. */
    enum store_result (*sync)(struct store *);
    /* From the thread that writes, between its transactions: before it rests, and before another thread writes. Who
     * begins to read sees all that was settled before; the thread that writes, all that was committed. NULL: that is
     * the same. */
    enum store_result (*settle)(struct store *);
    /* Before others read: whom to call when one of them waits in catch_up, so that the store is settled. */
    void (*when_wanted)(struct store *, void (*wake)(void *), void *argument);
    /* From another thread than that which writes: returns when all that was committed before is settled, or after so
     * many milliseconds. */
    void (*catch_up)(struct store *, int64_t most_ms);
    void (*abort)(struct transaction **);
    /* Bytes in use and bytes that may be used. */
    void (*usage)(struct store *, uint64_t *used, uint64_t *limit);
    void (*close)(struct store **);
};

/* Every engine's store begins with this. */
struct store {
    const struct store_engine *engine;
};

/* The same as calling the engine. */
struct transaction *store_begin(struct store *, bool write, enum store_result *why);
enum store_result store_get(struct store *, struct transaction *, enum table, uint64_t key, const void **bytes,
                            size_t *length);
enum store_result store_put(struct store *, struct transaction *, enum table, uint64_t key, const void *bytes,
                            size_t length);
enum store_result store_del(struct store *, struct transaction *, enum table, uint64_t key);
enum store_result store_seek(struct store *, struct transaction *, enum table, bool backward, uint64_t *key,
                             const void **bytes, size_t *length);
enum store_result store_place_get(struct store *, struct transaction *, const char *key, size_t key_length,
                                  const void **bytes, size_t *length);
enum store_result store_place_put(struct store *, struct transaction *, const char *key, size_t key_length,
                                  const void *bytes, size_t length);
enum store_result store_commit(struct store *, struct transaction **);
enum store_result store_sync(struct store *);
enum store_result store_settle(struct store *);
void store_when_wanted(struct store *, void (*wake)(void *), void *argument);
void store_catch_up(struct store *, int64_t most_ms);
void store_abort(struct store *, struct transaction **);
void store_usage(struct store *, uint64_t *used, uint64_t *limit);
void store_close(struct store **);

const char *store_result_text(enum store_result);

#endif
