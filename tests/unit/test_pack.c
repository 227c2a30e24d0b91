/* SPDX-License-Identifier: MIT
 * What the structural scan lets through, and what it stops before msgpack-c sees it. */
#include "proto/limits.h"
#include "proto/pack.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static struct unpacker *unpacker;

static void open_unpacker(void)
{
    unpacker = unpacker_open();
}

static void close_unpacker(void)
{
    unpacker_close(&unpacker);
}

TestSuite(pack, .init = open_unpacker, .fini = close_unpacker);

static enum unpack_result take(const void *bytes, size_t length)
{
    /* A copy of exactly this size, so that a sanitizer sees a read past the end. */
    void *copy = calloc(1, length ? length : 1);
    const struct node *root;
    enum unpack_result result;

    memcpy(copy, bytes, length);
    result = unpack(unpacker, copy, length, &root);
    cr_assert((root != NULL) == (result == UNPACK_OK));
    free(copy);
    return result;
}

#define TAKE(literal) take(literal, sizeof(literal) - 1)

Test(pack, what_was_packed_is_unpacked)
{
    unsigned char bytes[256];
    struct packer packer;
    const struct node *root;
    const char *text;
    uint32_t length;
    int64_t number;
    bool truth;

    packer_init(&packer, bytes, sizeof bytes);
    pack_map(&packer, 1);
    pack_text(&packer, "key", 3);
    pack_array(&packer, 5);
    pack_text(&packer, "", 0);
    pack_int(&packer, INT64_MIN);
    pack_int(&packer, INT64_MAX);
    pack_bool(&packer, true);
    pack_map(&packer, 0);
    cr_assert_not(packer.overflow);

    cr_assert_eq(unpack(unpacker, bytes, packer.length, &root), UNPACK_OK);
    cr_assert_eq(node_kind(root), NODE_MAP);
    cr_assert_eq(node_count(root), 1);
    cr_assert(node_text(node_key(root, 0), &text, &length));
    cr_assert(length == 3 && memcmp(text, "key", 3) == 0);
    root = node_value(root, 0);
    cr_assert_eq(node_count(root), 5);
    cr_assert(node_text(node_at(root, 0), &text, &length));
    cr_assert_eq(length, 0);
    cr_assert(node_int(node_at(root, 1), &number) && number == INT64_MIN);
    cr_assert(node_int(node_at(root, 2), &number) && number == INT64_MAX);
    cr_assert(node_bool(node_at(root, 3), &truth) && truth);
    cr_assert_eq(node_kind(node_at(root, 4)), NODE_MAP);
    cr_assert_not(node_text(node_at(root, 1), &text, &length));
}

Test(pack, nothing_fractions_and_bytes_are_other_than_any_value)
{
    static const char others[] = "\x94\xc0\xca\x3f\x80\0\0\xcb\x3f\xf0\0\0\0\0\0\0\xc4\x01x";
    const struct node *root;
    const char *text;
    uint32_t length;

    cr_assert_eq(unpack(unpacker, others, sizeof others - 1, &root), UNPACK_OK);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(node_kind(node_at(root, i)), NODE_OTHER);
        cr_assert_not(node_text(node_at(root, i), &text, &length));
        cr_assert_eq(node_count(node_at(root, i)), 0);
    }
}

Test(pack, a_full_buffer_is_remembered_and_never_passed)
{
    unsigned char bytes[5] = {0, 0, 0, 0, 0xee};
    struct packer packer;
    size_t length;

    packer_init(&packer, bytes, 4);
    pack_text(&packer, "four", 4);
    cr_assert(packer.overflow);
    length = packer.length;
    cr_assert_leq(length, 4);
    pack_bool(&packer, true);
    cr_assert(packer.overflow);
    cr_assert_eq(packer.length, length, "nothing is written behind a gap");
    cr_assert_eq(bytes[4], 0xee);
}

Test(pack, what_is_not_one_whole_object_is_malformed)
{
    cr_assert_eq(TAKE(""), UNPACK_MALFORMED);
    cr_assert_eq(TAKE("\xc1"), UNPACK_MALFORMED, "the byte that is never used");
    cr_assert_eq(TAKE("\x81\xa1x"), UNPACK_MALFORMED, "a key without value");
    cr_assert_eq(TAKE("\x80\x80"), UNPACK_MALFORMED, "a second object behind the first");
    cr_assert_eq(TAKE("\xa5shor"), UNPACK_MALFORMED, "a text longer than the frame");
    cr_assert_eq(TAKE("\xd9"), UNPACK_MALFORMED, "a text without its length");
    cr_assert_eq(TAKE("\xdb\xff\xff\xff\xff"), UNPACK_MALFORMED, "a text of 4 GiB");
    cr_assert_eq(TAKE("\xcb\x7f\xf8"), UNPACK_MALFORMED, "half a number");
    cr_assert_eq(TAKE("\xc0"), UNPACK_OK);
}

Test(pack, a_count_that_the_frame_cannot_hold_is_refused_before_memory_is_taken)
{
    cr_assert_eq(TAKE("\xdd\xff\xff\xff\xff"), UNPACK_MALFORMED);
    cr_assert_eq(TAKE("\xdf\xff\xff\xff\xff"), UNPACK_MALFORMED);
    cr_assert_eq(TAKE("\xdc\x00\x02\xc0"), UNPACK_MALFORMED);
    cr_assert_eq(TAKE("\x82\xc0\xc0\xc0"), UNPACK_MALFORMED);
}

Test(pack, extension_types_are_refused)
{
    static const unsigned char firsts[] = {0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8};

    for (size_t i = 0; i < sizeof firsts; i++) {
        unsigned char bytes[24] = {firsts[i]};

        for (size_t length = 1; length <= sizeof bytes; length++)
            cr_assert_eq(take(bytes, length), UNPACK_MALFORMED);
    }
}

Test(pack, depth_is_bounded)
{
    unsigned char bytes[101];

    memset(bytes, 0x91, sizeof bytes);
    bytes[100] = 0xc0;
    cr_assert_eq(take(bytes, sizeof bytes), UNPACK_TOO_DEEP);
    cr_assert_eq(take(bytes + 100 - MESSAGE_DEPTH_MAX, MESSAGE_DEPTH_MAX + 1), UNPACK_OK);
    cr_assert_eq(take(bytes + 99 - MESSAGE_DEPTH_MAX, MESSAGE_DEPTH_MAX + 2), UNPACK_TOO_DEEP);
}

Test(pack, the_number_of_elements_is_bounded)
{
    static unsigned char bytes[3 + MESSAGE_ELEMENTS_MAX];

    bytes[0] = 0xdc;
    bytes[1] = (MESSAGE_ELEMENTS_MAX - 1) >> 8;
    bytes[2] = (MESSAGE_ELEMENTS_MAX - 1) & 0xff;
    cr_assert_eq(take(bytes, sizeof bytes - 1), UNPACK_OK);
    bytes[1] = MESSAGE_ELEMENTS_MAX >> 8;
    bytes[2] = MESSAGE_ELEMENTS_MAX & 0xff;
    cr_assert_eq(take(bytes, sizeof bytes), UNPACK_TOO_DEEP);
}

Test(pack, every_width_of_integer_is_read_and_what_passes_int64_is_not)
{
    const struct node *root;
    int64_t number;

#define READS(literal, expected)                                                                                       \
    cr_assert_eq(unpack(unpacker, literal, sizeof(literal) - 1, &root), UNPACK_OK);                                    \
    cr_assert(node_int(root, &number));                                                                                \
    cr_assert_eq(number, expected)
    READS("\x05", 5);
    READS("\xcc\x05", 5);
    READS("\xcd\x00\x05", 5);
    READS("\xce\x00\x00\x00\x05", 5);
    READS("\xcf\x00\x00\x00\x00\x00\x00\x00\x05", 5);
    READS("\xd0\x05", 5);
    READS("\xd1\xff\xfb", -5);
    READS("\xd3\xff\xff\xff\xff\xff\xff\xff\xfb", -5);
    READS("\xff", -1);
    cr_assert_eq(unpack(unpacker, "\xcf\x80\0\0\0\0\0\0\0", 9, &root), UNPACK_OK);
    cr_assert_eq(node_kind(root), NODE_INT);
    cr_assert_not(node_int(root, &number));
    cr_assert_eq(unpack(unpacker, "\xcb\x7f\xf8\0\0\0\0\0\0", 9, &root), UNPACK_OK);
    cr_assert_eq(node_kind(root), NODE_OTHER);
    cr_assert_not(node_int(root, &number));
}

Test(pack, unpacking_takes_no_memory_once_the_unpacker_is_open)
{
    static unsigned char bytes[3 + MESSAGE_ELEMENTS_MAX];
    const struct node *root;
    size_t before;

    /* The most elements that pass, all of them in maps, which msgpack-c lays out widest. */
    bytes[0] = 0xde;
    bytes[1] = (MESSAGE_ELEMENTS_MAX / 2 - 1) >> 8;
    bytes[2] = (MESSAGE_ELEMENTS_MAX / 2 - 1) & 0xff;
    before = mallinfo2().uordblks;
    for (int i = 0; i < 100; i++)
        cr_assert_eq(unpack(unpacker, bytes, 3 + MESSAGE_ELEMENTS_MAX - 2, &root), UNPACK_OK);
    cr_assert_eq(mallinfo2().uordblks, before);
}
