/* SPDX-License-Identifier: MIT
 * seal: everything that is encrypted at rest. libsodium, XChaCha20-Poly1305; the tag is also the checksum. What a
 * sealed value is bound to (table and key) is authenticated, so that two sealed values cannot change places.
 * What is known of a person is sealed under a key of its referral's own, which stands in one row alone, beside what was
 * submitted, sealed under the store's key; destroying that row erases the person. */
#ifndef IO_SEAL_H
#define IO_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_BYTES 32
#define SEAL_OVERHEAD 30 /* nonce 14, tag 16 */
#define SEAL_HASH_BYTES 32
#define SEAL_HASH_TEXT_BYTES (2 * SEAL_HASH_BYTES + 1)

struct seal;

/* master: 32 bytes. seed: 32 bytes that start the stream of keys and nonces; NULL takes it from the system. The
 * simulator gives one so that a run repeats. The keys are held in locked memory. NULL: out of memory. */
struct seal *seal_open(const uint8_t master[SEAL_KEY_BYTES], const uint8_t *seed);
void seal_close(struct seal **); /* wipes */

/* Seals `length` bytes under the store's own key (or under a referral's key) bound to (place, number). out needs
 * length + SEAL_OVERHEAD bytes. Cannot fail. */
void seal_bytes(struct seal *, int place, uint64_t number, const void *bytes, size_t length, void *out);
void seal_bytes_with(struct seal *, const uint8_t key[SEAL_KEY_BYTES], int place, uint64_t number, const void *bytes,
                     size_t length, void *out);
/* Opens; out needs length - SEAL_OVERHEAD bytes. False: damaged, or bound to something else. */
bool unseal_bytes(const struct seal *, int place, uint64_t number, const void *sealed, size_t length, void *out);
bool unseal_bytes_with(const uint8_t key[SEAL_KEY_BYTES], int place, uint64_t number, const void *sealed, size_t length,
                       void *out);

/* What was sealed since the same start of the daemon as this (SEAL_OVERHEAD bytes at least) opens quicker from now on,
 * until the next such call. As long as no other thread opens anything. */
void seal_expect(struct seal *, const void *sealed);

/* A fresh key for a referral. */
void seal_new_key(struct seal *, uint8_t key[SEAL_KEY_BYTES]);

/* Keyed hash of content (BLAKE2b, key derived from master): for "same request, other content" and for persons. */
void seal_digest(const struct seal *, const void *bytes, size_t length, uint8_t digest[16]);
/* Keyed short hash for tables in memory (SipHash): peers choose request ids. */
uint64_t seal_short_hash(const struct seal *, const void *bytes, size_t length);
/* The chain of history: out = hash(previous, bytes). Unkeyed BLAKE2b, so that anybody can verify it. */
void seal_chain(const uint8_t previous[SEAL_HASH_BYTES], const void *bytes, size_t length,
                uint8_t out[SEAL_HASH_BYTES]);
/* As parties are told it: hexadecimal digits. */
void seal_hash_text(const uint8_t hash[SEAL_HASH_BYTES], char text[SEAL_HASH_TEXT_BYTES]);

/* Reads the 32-byte master key (64 hex digits in a file of mode 0400 or 0600, owned by this user or root), or, with
 * create, makes it when the file is missing. On failure writes a sentence into why. */
bool seal_master_load(const char *path, bool create, uint8_t master[SEAL_KEY_BYTES], char *why, size_t why_size);
void seal_wipe(void *bytes, size_t length);

#endif
