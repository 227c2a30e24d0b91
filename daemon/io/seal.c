/* SPDX-License-Identifier: MIT
 * seal: the only file of the daemon that knows libsodium. A sealed value is nonce, ciphertext, tag; 10 bytes of
 * XChaCha20's nonce are zero, and are not kept. One thread seals; others may open and hash at the same time. */
#include "daemon/io/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/io/explanation.h"

enum {
    NONCE_START_BYTES = 8,
    NONCE_COUNT_BYTES = 6,
    NONCE_BYTES = NONCE_START_BYTES + NONCE_COUNT_BYTES,
    EXTENDED_BYTES = crypto_core_hchacha20_INPUTBYTES,
    REST_BYTES = crypto_aead_chacha20poly1305_ietf_NPUBBYTES,
    BOUND_BYTES = 16, /* place and number */
    STREAM_BLOCK_BYTES = 1024,
    DIGEST_BYTES = 16,
    KEY_HEX_BYTES = 2 * SEAL_KEY_BYTES,
    PATH_BYTES = 4096
};

static_assert(SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
static_assert(SEAL_KEY_BYTES == crypto_kdf_KEYBYTES, "master");
static_assert(SEAL_KEY_BYTES == crypto_stream_chacha20_ietf_KEYBYTES, "stream");
static_assert(SEAL_OVERHEAD == NONCE_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES, "overhead");

/* The keys derived from the master key; each serves one purpose. Numbers are never reused. */
enum { SUBKEY_STORE = 1, SUBKEY_DIGEST = 3, SUBKEY_SHORT_HASH = 4 };
static const char subkey_context[crypto_kdf_CONTEXTBYTES] = {'r', 'e', 'f', 'e', 'r', 'r', 'a', 'l'};

/* A stream of random bytes without a system call for each. Every block begins with the key of the next one, and what
 * has been handed out is wiped: the memory of now does not tell the keys of before. */
struct stream {
    uint8_t key[SEAL_KEY_BYTES];
    uint8_t block[STREAM_BLOCK_BYTES];
    size_t used;
};

/* What XChaCha20 makes of the store's key and the start of a nonce: the same for all that is sealed between two opens.
 */
struct start {
    uint8_t nonce[NONCE_START_BYTES];
    uint8_t key[SEAL_KEY_BYTES];
};

struct seal {
    uint8_t store_key[SEAL_KEY_BYTES];
    uint8_t digest_key[SEAL_KEY_BYTES];
    uint8_t short_hash_key[crypto_shorthash_KEYBYTES];
    struct stream stream;
    /* A nonce is 8 random bytes of this start and a counter of 6, which no run comes to the end of. The start is drawn
     * anew by every open, so neither a restart nor a restored backup, which would repeat any stored counter, can repeat
     * a nonce: two of a million starts are the same once in 37 million such stores. A seed that the caller gives must
     * therefore differ from open to open of one store. */
    struct start start;
    uint64_t nonce_count;
    struct start expected; /* of what is opened next */
};

static void number_write(uint8_t bytes[8], uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        bytes[i] = (uint8_t)number;
}

static void stream_refill(struct stream *stream)
{
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES]; /* each key makes one block: zero is enough */
    crypto_stream_chacha20_ietf(stream->block, sizeof stream->block, nonce, stream->key);
    memcpy(stream->key, stream->block, sizeof stream->key);
    sodium_memzero(stream->block, sizeof stream->key);
    stream->used = sizeof stream->key;
}

static void stream_take(struct stream *stream, uint8_t *bytes, size_t length)
{
    assert(length <= STREAM_BLOCK_BYTES - SEAL_KEY_BYTES);
    if (length > STREAM_BLOCK_BYTES - stream->used)
        stream_refill(stream);
    memcpy(bytes, stream->block + stream->used, length);
    sodium_memzero(stream->block + stream->used, length);
    stream->used += length;
}

static void bound_write(uint8_t bound[BOUND_BYTES], int place, uint64_t number)
{
    number_write(bound, (uint64_t)place);
    number_write(bound + 8, number);
}

/* The key for all values whose nonces have this start. */
static void start_key(const uint8_t nonce_start[NONCE_START_BYTES], const uint8_t key[SEAL_KEY_BYTES],
                      uint8_t start[SEAL_KEY_BYTES])
{
    uint8_t extended[EXTENDED_BYTES] = {0};
    memcpy(extended, nonce_start, NONCE_START_BYTES);
    crypto_core_hchacha20(start, extended, key, NULL);
}

/* The nonce of ChaCha20: zeros, and the counter of ours. */
static void rest_write(const uint8_t nonce[NONCE_BYTES], uint8_t rest[REST_BYTES])
{
    memset(rest, 0, REST_BYTES);
    memcpy(rest + REST_BYTES - NONCE_COUNT_BYTES, nonce + NONCE_START_BYTES, NONCE_COUNT_BYTES);
}

struct seal *seal_open(const uint8_t master[SEAL_KEY_BYTES], const uint8_t *seed)
{
    if (sodium_init() < 0)
        return NULL;
    struct seal *seal = sodium_malloc(sizeof *seal);
    if (seal == NULL)
        return NULL;
    /* sodium_malloc goes on when its pages cannot be locked; keys on a swap disk are not what was promised. */
    if (sodium_mlock(seal, sizeof *seal) != 0) {
        sodium_free(seal);
        return NULL;
    }
    crypto_kdf_derive_from_key(seal->store_key, sizeof seal->store_key, SUBKEY_STORE, subkey_context, master);
    crypto_kdf_derive_from_key(seal->digest_key, sizeof seal->digest_key, SUBKEY_DIGEST, subkey_context, master);
    crypto_kdf_derive_from_key(seal->short_hash_key, sizeof seal->short_hash_key, SUBKEY_SHORT_HASH, subkey_context,
                               master);
    if (seed != NULL)
        memcpy(seal->stream.key, seed, sizeof seal->stream.key);
    else
        randombytes_buf(seal->stream.key, sizeof seal->stream.key);
    stream_refill(&seal->stream);
    stream_take(&seal->stream, seal->start.nonce, sizeof seal->start.nonce);
    seal->nonce_count = 0;
    start_key(seal->start.nonce, seal->store_key, seal->start.key);
    seal->expected = seal->start;
    return seal;
}

void seal_close(struct seal **seal)
{
    sodium_free(*seal); /* wipes, and NULL is fine */
    *seal = NULL;
}

/* XChaCha20-Poly1305 with a nonce of start, zeros, zeros, counter is ChaCha20-Poly1305 under the started key, with the
 * counter behind zeros. */
static void seal_started(struct seal *seal, const uint8_t start[SEAL_KEY_BYTES], int place, uint64_t number,
                         const void *bytes, size_t length, void *out)
{
    uint8_t *nonce = out, bound[BOUND_BYTES], rest[REST_BYTES], count[8];
    assert(seal->nonce_count >> 8 * NONCE_COUNT_BYTES == 0);
    number_write(count, seal->nonce_count++);
    memcpy(nonce, seal->start.nonce, NONCE_START_BYTES);
    memcpy(nonce + NONCE_START_BYTES, count + sizeof count - NONCE_COUNT_BYTES, NONCE_COUNT_BYTES);
    rest_write(nonce, rest);
    bound_write(bound, place, number);
    crypto_aead_chacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL, bytes, length, bound, sizeof bound, NULL, rest,
                                              start);
}

void seal_bytes_with(struct seal *seal, const uint8_t key[SEAL_KEY_BYTES], int place, uint64_t number,
                     const void *bytes, size_t length, void *out)
{
    uint8_t start[SEAL_KEY_BYTES];
    start_key(seal->start.nonce, key, start);
    seal_started(seal, start, place, number, bytes, length, out);
    sodium_memzero(start, sizeof start);
}

void seal_bytes(struct seal *seal, int place, uint64_t number, const void *bytes, size_t length, void *out)
{
    seal_started(seal, seal->start.key, place, number, bytes, length, out);
}

static bool unseal_started(const uint8_t start[SEAL_KEY_BYTES], int place, uint64_t number, const uint8_t *sealed,
                           size_t length, void *out)
{
    uint8_t bound[BOUND_BYTES], rest[REST_BYTES];
    rest_write(sealed, rest);
    bound_write(bound, place, number);
    return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed + NONCE_BYTES, length - NONCE_BYTES, bound,
                                                     sizeof bound, rest, start) == 0;
}

bool unseal_bytes_with(const uint8_t key[SEAL_KEY_BYTES], int place, uint64_t number, const void *sealed, size_t length,
                       void *out)
{
    uint8_t start[SEAL_KEY_BYTES];
    if (length < SEAL_OVERHEAD)
        return false;
    start_key(sealed, key, start);
    bool opened = unseal_started(start, place, number, sealed, length, out);
    sodium_memzero(start, sizeof start);
    return opened;
}

void seal_expect(struct seal *seal, const void *sealed)
{
    if (memcmp(sealed, seal->expected.nonce, NONCE_START_BYTES) == 0)
        return;
    memcpy(seal->expected.nonce, sealed, NONCE_START_BYTES);
    start_key(seal->expected.nonce, seal->store_key, seal->expected.key);
}

bool unseal_bytes(const struct seal *seal, int place, uint64_t number, const void *sealed, size_t length, void *out)
{
    if (length >= SEAL_OVERHEAD && memcmp(sealed, seal->start.nonce, NONCE_START_BYTES) == 0)
        return unseal_started(seal->start.key, place, number, sealed, length, out);
    if (length >= SEAL_OVERHEAD && memcmp(sealed, seal->expected.nonce, NONCE_START_BYTES) == 0)
        return unseal_started(seal->expected.key, place, number, sealed, length, out);
    return unseal_bytes_with(seal->store_key, place, number, sealed, length, out);
}

void seal_new_key(struct seal *seal, uint8_t key[SEAL_KEY_BYTES])
{
    stream_take(&seal->stream, key, SEAL_KEY_BYTES);
}

void seal_digest(const struct seal *seal, const void *bytes, size_t length, uint8_t digest[DIGEST_BYTES])
{
    crypto_generichash(digest, DIGEST_BYTES, bytes, length, seal->digest_key, sizeof seal->digest_key);
}

uint64_t seal_short_hash(const struct seal *seal, const void *bytes, size_t length)
{
    uint64_t hash;
    static_assert(sizeof hash == crypto_shorthash_BYTES, "short hash");
    crypto_shorthash((unsigned char *)&hash, bytes, length, seal->short_hash_key);
    return hash;
}

void seal_chain(const uint8_t previous[SEAL_HASH_BYTES], const void *bytes, size_t length, uint8_t out[SEAL_HASH_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, SEAL_HASH_BYTES);
    crypto_generichash_update(&state, previous, SEAL_HASH_BYTES);
    crypto_generichash_update(&state, bytes, length);
    crypto_generichash_final(&state, out, SEAL_HASH_BYTES);
}

void seal_hash_text(const uint8_t hash[SEAL_HASH_BYTES], char text[SEAL_HASH_TEXT_BYTES])
{
    sodium_bin2hex(text, SEAL_HASH_TEXT_BYTES, hash, SEAL_HASH_BYTES);
}

static bool sync_directory_of(const char *path)
{
    char directory[PATH_BYTES] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        size_t length = (size_t)(slash - path + 1);
        assert(length < sizeof directory && "a file was made there");
        memcpy(directory, path, length);
        directory[length] = '\0';
    }
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = file >= 0 && fsync(file) == 0;
    if (file >= 0)
        close(file);
    return done;
}

/* The key must be on the disk before anything is sealed with it. */
static bool master_create(const char *path, uint8_t master[SEAL_KEY_BYTES], struct explanation explanation)
{
    char text[KEY_HEX_BYTES + 1];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return refuse_with(explanation, "Cannot create the master key file %s: %s.", path, strerror(errno));
    randombytes_buf(master, SEAL_KEY_BYTES);
    sodium_bin2hex(text, sizeof text, master, SEAL_KEY_BYTES);
    text[KEY_HEX_BYTES] = '\n';
    errno = ENOSPC; /* a write that stops half way does not say why */
    bool written = write(file, text, sizeof text) == (ssize_t)sizeof text && fsync(file) == 0;
    int error = errno;
    sodium_memzero(text, sizeof text);
    close(file);
    if (!written || !sync_directory_of(path)) {
        error = written ? errno : error;
        sodium_memzero(master, SEAL_KEY_BYTES);
        unlink(path);
        return refuse_with(explanation, "Cannot write the master key file %s: %s.", path, strerror(error));
    }
    return true;
}

static bool master_check(int file, const char *path, struct explanation explanation)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return refuse_with(explanation, "Cannot look at the master key file %s: %s.", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse_with(explanation, "The master key file %s is not a regular file.", path);
    if ((status.st_mode & 07777 & ~(mode_t)0600) != 0)
        return refuse_with(explanation,
                           "The master key file %s has mode %04o, so that others can reach it; chmod 0600 it.", path,
                           (unsigned int)(status.st_mode & 07777));
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return refuse_with(explanation,
                           "The master key file %s belongs to user %u, not to this user or root; chown it.", path,
                           (unsigned int)status.st_uid);
    return true;
}

static bool master_read(int file, const char *path, uint8_t master[SEAL_KEY_BYTES], struct explanation explanation)
{
    char text[KEY_HEX_BYTES + 2]; /* room for a line end, and for one byte too many */
    ssize_t length = read(file, text, sizeof text);
    int error = errno;
    bool whole = length == KEY_HEX_BYTES || (length == KEY_HEX_BYTES + 1 && text[KEY_HEX_BYTES] == '\n');
    whole = whole && sodium_hex2bin(master, SEAL_KEY_BYTES, text, KEY_HEX_BYTES, NULL, NULL, NULL) == 0;
    sodium_memzero(text, sizeof text);
    if (whole)
        return true;
    sodium_memzero(master, SEAL_KEY_BYTES);
    if (length < 0)
        return refuse_with(explanation, "Cannot read the master key file %s: %s.", path, strerror(error));
    return refuse_with(explanation, "The master key file %s must hold 64 hex digits and nothing else; restore it.",
                       path);
}

bool seal_master_load(const char *path, bool create, uint8_t master[SEAL_KEY_BYTES], char *why, size_t why_size)
{
    struct explanation explanation = {.why = why, .why_size = why_size};
    if (sodium_init() < 0)
        return refuse_with(explanation, "libsodium cannot start: the system gives no random bytes.");
    /* NONBLOCK: a pipe in the file's place must be refused, not waited for. */
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 && errno == ENOENT && create)
        return master_create(path, master, explanation);
    if (file < 0 && errno == ELOOP)
        return refuse_with(explanation, "The master key file %s is a symbolic link; name the file itself.", path);
    if (file < 0)
        return refuse_with(explanation, "Cannot open the master key file %s: %s.", path, strerror(errno));
    bool loaded = master_check(file, path, explanation) && master_read(file, path, master, explanation);
    close(file);
    return loaded;
}

void seal_wipe(void *bytes, size_t length)
{
    sodium_memzero(bytes, length);
}
