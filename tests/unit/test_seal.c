/* SPDX-License-Identifier: MIT
 * What is sealed opens only where it belongs, and keys are kept as they should be. */
#include "daemon/io/seal.h"
#include "tests/outside.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLACE = 5, NUMBER = 77, SEALS = 5000 };

static const uint8_t master[SEAL_KEY_BYTES] = "0123456789abcdef0123456789abcde";
static const uint8_t other_master[SEAL_KEY_BYTES] = "1123456789abcdef0123456789abcde";
static const uint8_t seed[SEAL_KEY_BYTES] = "a seed of thirty-two bytes.....";
static const char story[] = "Zoe Example, invented";

static struct seal *open_seal(const uint8_t *key, const uint8_t *from)
{
    struct seal *seal = seal_open(key, from);
    cr_assert_not_null(seal);
    return seal;
}

Test(seal, what_was_sealed_opens)
{
    struct seal *seal = open_seal(master, NULL);
    for (size_t length = 0; length <= sizeof story; length++) {
        uint8_t sealed[sizeof story + SEAL_OVERHEAD];
        char opened[sizeof story];
        seal_bytes(seal, PLACE, NUMBER, story, length, sealed);
        cr_assert(unseal_bytes(seal, PLACE, NUMBER, sealed, length + SEAL_OVERHEAD, opened));
        cr_assert_eq(memcmp(opened, story, length), 0);
    }
    seal_close(&seal);
    cr_assert_null(seal);
    seal_close(&seal);
}

Test(seal, a_restart_with_the_same_master_key_opens_and_another_key_does_not)
{
    uint8_t sealed[sizeof story + SEAL_OVERHEAD];
    char opened[sizeof story];
    struct seal *seal = open_seal(master, NULL);
    seal_bytes(seal, PLACE, NUMBER, story, sizeof story, sealed);
    seal_close(&seal);
    seal = open_seal(master, NULL);
    cr_assert(unseal_bytes(seal, PLACE, NUMBER, sealed, sizeof sealed, opened));
    seal_close(&seal);
    seal = open_seal(other_master, NULL);
    cr_assert_not(unseal_bytes(seal, PLACE, NUMBER, sealed, sizeof sealed, opened));
    seal_close(&seal);
}

Test(seal, what_is_of_another_start_than_was_expected_opens_too)
{
    enum { STARTS = 3 };
    uint8_t sealed[STARTS][sizeof story + SEAL_OVERHEAD];
    char opened[sizeof story];
    struct seal *seal = NULL;

    for (int i = 0; i < STARTS; i++) {
        seal_close(&seal);
        seal = open_seal(master, NULL);
        seal_bytes(seal, PLACE, NUMBER, story, sizeof story, sealed[i]);
    }
    for (int expected = 0; expected < STARTS; expected++) {
        seal_expect(seal, sealed[expected]);
        seal_expect(seal, sealed[expected]);
        for (int i = 0; i < STARTS; i++) {
            cr_expect(unseal_bytes(seal, PLACE, NUMBER, sealed[i], sizeof sealed[i], opened), "%d, %d", expected, i);
            cr_expect_not(unseal_bytes(seal, PLACE, NUMBER + 1, sealed[i], sizeof sealed[i], opened));
        }
    }
    seal_close(&seal);
}

Test(seal, a_sealed_value_opens_only_in_its_own_place_and_number)
{
    uint8_t sealed[sizeof story + SEAL_OVERHEAD];
    char opened[sizeof story];
    struct seal *seal = open_seal(master, NULL);
    seal_bytes(seal, PLACE, NUMBER, story, sizeof story, sealed);
    cr_assert_not(unseal_bytes(seal, PLACE + 1, NUMBER, sealed, sizeof sealed, opened));
    cr_assert_not(unseal_bytes(seal, PLACE, NUMBER + 1, sealed, sizeof sealed, opened));
    cr_assert_not(unseal_bytes(seal, PLACE, NUMBER + (UINT64_C(1) << 32), sealed, sizeof sealed, opened));
    cr_assert_not(unseal_bytes(seal, NUMBER, PLACE, sealed, sizeof sealed, opened));
    seal_close(&seal);
}

Test(seal, every_changed_bit_and_every_missing_byte_is_noticed)
{
    uint8_t sealed[sizeof story + SEAL_OVERHEAD];
    char opened[sizeof story];
    struct seal *seal = open_seal(master, NULL);
    seal_bytes(seal, PLACE, NUMBER, story, sizeof story, sealed);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        cr_assert_not(unseal_bytes(seal, PLACE, NUMBER, sealed, sizeof sealed, opened));
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t length = 0; length < sizeof sealed; length++)
        cr_assert_not(unseal_bytes(seal, PLACE, NUMBER, sealed, length, opened));
    cr_assert(unseal_bytes(seal, PLACE, NUMBER, sealed, sizeof sealed, opened));
    seal_close(&seal);
}

enum { NONCE_BYTES = SEAL_OVERHEAD - 16 };

static int compare_nonces(const void *a, const void *b)
{
    return memcmp(a, b, NONCE_BYTES);
}

Test(seal, no_nonce_comes_twice_not_even_after_a_restart)
{
    static uint8_t nonces[SEALS][NONCE_BYTES];
    for (int start = 0; start < 10; start++) {
        struct seal *seal = open_seal(master, NULL);
        for (int i = 0; i < SEALS / 10; i++) {
            uint8_t sealed[SEAL_OVERHEAD + 1];
            seal_bytes(seal, PLACE, NUMBER, "x", 1, sealed);
            memcpy(nonces[start * SEALS / 10 + i], sealed, NONCE_BYTES);
        }
        seal_close(&seal);
    }
    qsort(nonces, SEALS, NONCE_BYTES, compare_nonces);
    for (int i = 1; i < SEALS; i++)
        cr_assert_neq(memcmp(nonces[i - 1], nonces[i], NONCE_BYTES), 0);
}

Test(seal, the_same_seed_repeats_a_run_and_another_does_not)
{
    uint8_t keys[3][SEAL_KEY_BYTES], sealed[3][SEAL_OVERHEAD + 1];
    for (int run = 0; run < 3; run++) {
        struct seal *seal = open_seal(master, run < 2 ? seed : other_master);
        for (int i = 0; i < 100; i++) /* over the border of a block of the stream */
            seal_new_key(seal, keys[run]);
        seal_bytes(seal, PLACE, NUMBER, "x", 1, sealed[run]);
        seal_close(&seal);
    }
    cr_assert_eq(memcmp(keys[0], keys[1], SEAL_KEY_BYTES), 0);
    cr_assert_neq(memcmp(keys[0], keys[2], SEAL_KEY_BYTES), 0);
    cr_assert_eq(memcmp(sealed[0], sealed[1], sizeof sealed[0]), 0);
    cr_assert_neq(memcmp(sealed[0], sealed[2], sizeof sealed[0]), 0);
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, SEAL_KEY_BYTES);
}

Test(seal, every_referral_gets_a_key_of_its_own)
{
    static uint8_t keys[SEALS][SEAL_KEY_BYTES];
    static const uint8_t zeros[8];
    struct seal *seal = open_seal(master, NULL);
    for (int i = 0; i < SEALS; i++)
        seal_new_key(seal, keys[i]);
    seal_close(&seal);
    qsort(keys, SEALS, SEAL_KEY_BYTES, compare_keys);
    for (int i = 0; i < SEALS; i++) {
        cr_assert(i == 0 || memcmp(keys[i - 1], keys[i], SEAL_KEY_BYTES) != 0);
        for (int part = 0; part < SEAL_KEY_BYTES; part += 8)
            cr_assert_neq(memcmp(keys[i] + part, zeros, 8), 0, "a wiped part of the stream was handed out");
    }
}

Test(seal, what_is_sealed_with_a_referrals_key_opens_with_that_key_alone)
{
    uint8_t keys[2][SEAL_KEY_BYTES], sealed[sizeof story + SEAL_OVERHEAD];
    char opened[sizeof story];
    struct seal *seal = open_seal(master, NULL);
    seal_new_key(seal, keys[0]);
    seal_new_key(seal, keys[1]);
    seal_bytes_with(seal, keys[0], PLACE, NUMBER, story, sizeof story, sealed);
    cr_assert(unseal_bytes_with(keys[0], PLACE, NUMBER, sealed, sizeof sealed, opened));
    cr_assert_str_eq(opened, story);
    cr_assert_not(unseal_bytes_with(keys[1], PLACE, NUMBER, sealed, sizeof sealed, opened));
    cr_assert_not(unseal_bytes_with(keys[0], PLACE, NUMBER + 1, sealed, sizeof sealed, opened));
    cr_assert_not(unseal_bytes(seal, PLACE, NUMBER, sealed, sizeof sealed, opened));
    seal_close(&seal);
}

Test(seal, digests_and_short_hashes_depend_on_the_content_and_on_the_master_key)
{
    uint8_t digests[4][16];
    struct seal *seal = open_seal(master, seed), *again = open_seal(master, NULL);
    struct seal *other = open_seal(other_master, seed);
    seal_digest(seal, "abc", 3, digests[0]);
    seal_digest(again, "abc", 3, digests[1]);
    seal_digest(seal, "abd", 3, digests[2]);
    seal_digest(other, "abc", 3, digests[3]);
    cr_assert_eq(memcmp(digests[0], digests[1], 16), 0);
    cr_assert_neq(memcmp(digests[0], digests[2], 16), 0);
    cr_assert_neq(memcmp(digests[0], digests[3], 16), 0);
    cr_assert_eq(seal_short_hash(seal, "abc", 3), seal_short_hash(again, "abc", 3));
    cr_assert_neq(seal_short_hash(seal, "abc", 3), seal_short_hash(seal, "abd", 3));
    cr_assert_neq(seal_short_hash(seal, "abc", 3), seal_short_hash(other, "abc", 3));
    seal_close(&seal);
    seal_close(&again);
    seal_close(&other);
}

static void from_hex(const char *hex, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned int byte;
        cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
}

Test(seal, the_chain_is_plain_blake2b_that_anybody_can_compute)
{
    /* python3: hashlib.blake2b(bytes(32) + b"entry", digest_size=32).hexdigest() */
    static const char expected_hex[] = "be3c084da30a980521021bd46f8df2a64a14d5ac56b74bc59a9a3311cf19b7d8";
    uint8_t head[SEAL_HASH_BYTES] = {0}, expected[SEAL_HASH_BYTES];
    from_hex(expected_hex, expected, sizeof expected);
    seal_chain(head, "entry", 5, head);
    cr_assert_eq(memcmp(head, expected, sizeof head), 0);
}

/* Whoever changes derivation, binding or layout makes every store unreadable: these bytes were sealed once. */
Test(seal, what_the_first_version_stored_still_opens)
{
    static const char sealed_hex[] =
        "b597c3c5b47e74de0000000000019ba19253e59edab37a3b9c4b5f3648fd128a36371f887df7a431dc7cdff"
        "506b78a8c4cdf829f";
    static const char digest_hex[] = "1e6b85657bb0cce43e1a5c53f414e5dd";
    uint8_t sealed[sizeof sealed_hex / 2], digest[16], expected[16];
    char opened[sizeof story];
    struct seal *seal = open_seal(master, NULL);
    from_hex(sealed_hex, sealed, sizeof sealed);
    from_hex(digest_hex, expected, sizeof expected);
    cr_assert(unseal_bytes(seal, PLACE, NUMBER, sealed, sizeof sealed, opened));
    cr_assert_str_eq(opened, story);
    seal_digest(seal, story, sizeof story, digest);
    cr_assert_eq(memcmp(digest, expected, sizeof digest), 0);
    seal_close(&seal);
}

Test(seal, a_wiped_buffer_is_zero)
{
    char bytes[] = "secret";
    seal_wipe(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        cr_assert_eq(bytes[i], 0);
}

/* The master key's file. */

static char directory[64];
static char path[128];
static char why[256];

static void make_directory(void)
{
    strcpy(directory, "/tmp/test-seal-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/master.key", directory);
}

static void remove_directory(void)
{
    unlink(path);
    rmdir(directory);
}

static void write_file(const char *text, mode_t mode)
{
    unlink(path);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    fchmod(file, mode);
    close(file);
}

static void expect_refused(const char *words)
{
    uint8_t key[SEAL_KEY_BYTES];
    cr_assert_not(seal_master_load(path, false, key, why, sizeof why));
    cr_assert_not_null(strstr(why, words), "\"%s\" does not say \"%s\"", why, words);
    cr_assert_not_null(strstr(why, path), "\"%s\" does not say where", why);
}

#define HEX_32 "00112233445566778899aAbBcCdDeEfF"

TestSuite(master, .init = make_directory, .fini = remove_directory);

Test(master, a_missing_key_is_made_once_and_private)
{
    uint8_t made[SEAL_KEY_BYTES], loaded[SEAL_KEY_BYTES];
    struct stat status;
    expect_refused("No such file");
    mode_t before = umask(0);
    cr_assert(seal_master_load(path, true, made, why, sizeof why), "%s", why);
    umask(before);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0600);
    cr_assert_eq(status.st_size, 65);
    for (int create = 0; create < 2; create++) {
        cr_assert(seal_master_load(path, create, loaded, why, sizeof why), "%s", why);
        cr_assert_eq(memcmp(made, loaded, sizeof made), 0);
    }
}

Test(master, sixty_four_hex_digits_are_read_with_and_without_a_line_end)
{
    uint8_t key[SEAL_KEY_BYTES];
    write_file(HEX_32 HEX_32, 0400);
    cr_assert(seal_master_load(path, false, key, why, sizeof why), "%s", why);
    cr_assert_eq(key[1], 0x11);
    cr_assert_eq(key[31], 0xff);
    write_file(HEX_32 HEX_32 "\n", 0600);
    cr_assert(seal_master_load(path, false, key, why, sizeof why), "%s", why);
}

Test(master, anything_else_in_the_file_is_refused_and_not_shown)
{
    static const char *const texts[] = {"",
                                        "\n",
                                        HEX_32,
                                        HEX_32 HEX_32 "0",
                                        HEX_32 HEX_32 "\n\n",
                                        HEX_32 HEX_32 HEX_32,
                                        "x" HEX_32 HEX_32,
                                        HEX_32 "0011223344556677889zaAbBcCdDeEfF"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(texts[i], 0600);
        expect_refused("64 hex digits");
        cr_assert_null(strstr(why, "00112233"));
    }
}

Test(master, modes_that_let_others_in_are_refused)
{
    static const mode_t modes[] = {0640, 0604, 0610, 0644, 0666, 0700, 04600};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        write_file(HEX_32 HEX_32 "\n", modes[i]);
        expect_refused("chmod 0600");
    }
}

Test(master, links_directories_and_pipes_are_refused)
{
    cr_assert_eq(symlink("/dev/null", path), 0);
    expect_refused("symbolic link");
    unlink(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    expect_refused("not a regular file");
    rmdir(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_refused("not a regular file");
}

Test(master, a_key_that_cannot_be_made_is_explained)
{
    uint8_t key[SEAL_KEY_BYTES];
    snprintf(path, sizeof path, "%s/none/master.key", directory);
    cr_assert_not(seal_master_load(path, true, key, why, sizeof why));
    cr_assert_not_null(strstr(why, "Cannot create"), "%s", why);
}

Test(master, a_key_that_cannot_be_written_leaves_no_file_and_says_why)
{
    static const struct {
        const char *call;
        unsigned n;
    } faults[] = {{"write", 1}, {"fsync", 1}, {"open", 3}, {"fsync", 2}};
    uint8_t key[SEAL_KEY_BYTES] = {1}, zeros[SEAL_KEY_BYTES] = {0};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        outside_fails(faults[i].call, faults[i].n, EIO);
        cr_assert_not(seal_master_load(path, true, key, why, sizeof why));
        cr_assert_eq(outside_works(), 1);
        cr_assert(strstr(why, "Cannot write") && strstr(why, strerror(EIO)), "%s", why);
        cr_assert_neq(access(path, F_OK), 0, "%s", faults[i].call);
        cr_assert_eq(memcmp(key, zeros, sizeof key), 0, "nothing can be sealed with it");
    }
    cr_assert(seal_master_load(path, true, key, why, sizeof why), "%s", why);
}

Test(master, a_key_may_be_made_where_the_process_stands)
{
    uint8_t made[SEAL_KEY_BYTES], loaded[SEAL_KEY_BYTES];

    cr_assert_eq(chdir(directory), 0);
    cr_assert(seal_master_load("master.key", true, made, why, sizeof why), "%s", why);
    cr_assert(seal_master_load(path, false, loaded, why, sizeof why), "%s", why);
    cr_assert_eq(memcmp(made, loaded, sizeof made), 0);
}

Test(master, a_key_that_cannot_be_read_says_why)
{
    write_file(HEX_32 HEX_32 "\n", 0600);
    outside_fails("fstat", 1, EIO);
    expect_refused("Cannot look at");
    outside_fails("read", 1, EIO);
    expect_refused("Cannot read");
    outside_fails("sodium_init", 1, EIO);
    cr_assert_not(seal_master_load(path, false, (uint8_t[SEAL_KEY_BYTES]){0}, why, sizeof why));
    cr_assert(strstr(why, "no random bytes"), "%s", why);
    cr_assert_eq(outside_works(), 3);
}

/* Who is root is allowed everything by the system: there the file is given to somebody else. */
Test(master, a_key_that_is_somebody_elses_is_refused_and_roots_is_not)
{
    uint8_t key[SEAL_KEY_BYTES];

    write_file(HEX_32 HEX_32 "\n", 0600);
    bool is_root = geteuid() == 0;
    outside_fails("geteuid", 1, EPERM); /* for once it is nobody */
    if (!is_root) {
        expect_refused("belongs to user");
        return;
    }
    cr_assert(seal_master_load(path, false, key, why, sizeof why), "%s", why);
    cr_assert_eq(chown(path, 65534, (gid_t)-1), 0);
    expect_refused("belongs to user 65534");
}

Test(seal, without_random_bytes_memory_or_pages_that_stay_in_memory_nothing_is_sealed)
{
    static const char *const calls[] = {"sodium_init", "sodium_malloc", "sodium_mlock"};

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        outside_fails(calls[i], 1, ENOMEM);
        cr_assert_null(seal_open(master, NULL), "%s", calls[i]);
        cr_assert_eq(outside_works(), 1);
    }
}
