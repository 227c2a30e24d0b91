/* SPDX-License-Identifier: MIT
 * pack: msgpack-c behind a structural pre-scan. The scan is what bounds memory: msgpack-c trusts declared counts. */
#include "proto/pack.h"
#include "proto/limits.h"

#include <assert.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

/* One chunk holds the largest object that the scan lets through, so that unpacking never grows the zone. */
#define ZONE_BYTES (MESSAGE_ELEMENTS_MAX * sizeof(msgpack_object) + 64)

struct node {
    msgpack_object object;
};

/* Nodes are laid over the arrays that msgpack-c builds. */
static_assert(sizeof(struct node) == sizeof(msgpack_object), "a node is exactly one msgpack object");

struct unpacker {
    msgpack_zone *zone;
    struct node root;
};

enum header_kind { LEAF, ARRAY, MAP, REFUSED };

struct header {
    uint8_t kind;
    uint8_t length_bytes; /* of the length or count that follows the first byte */
    uint8_t payload;      /* bytes that follow when no length does */
};

/* First bytes 0xc0 to 0xdf. 0xc1 is no msgpack; extension types carry nothing that the contract knows. */
static const struct header headers[32] = {
    {LEAF, 0, 0},    {REFUSED, 0, 0}, {LEAF, 0, 0},    {LEAF, 0, 0},                     /* nil, -, false, true */
    {LEAF, 1, 0},    {LEAF, 2, 0},    {LEAF, 4, 0},                                      /* bin */
    {REFUSED, 0, 0}, {REFUSED, 0, 0}, {REFUSED, 0, 0},                                   /* ext */
    {LEAF, 0, 4},    {LEAF, 0, 8},                                                       /* float */
    {LEAF, 0, 1},    {LEAF, 0, 2},    {LEAF, 0, 4},    {LEAF, 0, 8},                     /* uint */
    {LEAF, 0, 1},    {LEAF, 0, 2},    {LEAF, 0, 4},    {LEAF, 0, 8},                     /* int */
    {REFUSED, 0, 0}, {REFUSED, 0, 0}, {REFUSED, 0, 0}, {REFUSED, 0, 0}, {REFUSED, 0, 0}, /* fixext */
    {LEAF, 1, 0},    {LEAF, 2, 0},    {LEAF, 4, 0},                                      /* str */
    {ARRAY, 2, 0},   {ARRAY, 4, 0},   {MAP, 2, 0},     {MAP, 4, 0},
};

struct scan {
    const unsigned char *at;
    size_t left; /* bytes */
    uint8_t kind;
    uint64_t children;
};

/* Reads one first byte with its length and steps over its payload. */
static bool scan_step(struct scan *scan)
{
    unsigned char first = scan->at[0];
    uint64_t size = 0;

    scan->at++;
    scan->left--;
    scan->kind = LEAF;
    if (first <= 0x7f || first >= 0xe0)
        return true;
    if (first < 0xc0) {
        scan->kind = first < 0x90 ? MAP : first < 0xa0 ? ARRAY : LEAF;
        size = first & (scan->kind == LEAF ? 0x1f : 0x0f);
    } else {
        const struct header *header = &headers[first - 0xc0];

        if (header->kind == REFUSED || header->length_bytes > scan->left)
            return false;
        size = header->payload;
        for (unsigned i = 0; i < header->length_bytes; i++)
            size = size << 8 | scan->at[i];
        scan->kind = header->kind;
        scan->at += header->length_bytes;
        scan->left -= header->length_bytes;
    }
    scan->children = scan->kind == MAP ? 2 * size : size;
    /* Every child takes at least one byte. */
    if (scan->children > scan->left)
        return false;
    if (scan->kind == LEAF) {
        scan->at += size;
        scan->left -= size;
    }
    return true;
}

static enum unpack_result scan_object(const unsigned char *bytes, size_t length)
{
    struct scan scan = {.at = bytes, .left = length};
    uint64_t missing[MESSAGE_DEPTH_MAX + 1]; /* elements still to come on each level */
    unsigned depth = 0;
    unsigned nodes = 0;

    missing[0] = 1;
    for (;;) {
        while (missing[depth] == 0) {
            if (depth == 0)
                return scan.left == 0 ? UNPACK_OK : UNPACK_MALFORMED;
            depth--;
        }
        missing[depth]--;
        if (scan.left == 0 || !scan_step(&scan))
            return UNPACK_MALFORMED;
        if (++nodes > MESSAGE_ELEMENTS_MAX)
            return UNPACK_TOO_DEEP;
        if (scan.kind == LEAF)
            continue;
        if (depth == MESSAGE_DEPTH_MAX)
            return UNPACK_TOO_DEEP;
        missing[++depth] = scan.children;
    }
}

static int packer_write(void *to, const char *bytes, size_t length)
{
    struct packer *packer = to;

    if (packer->overflow || length > packer->size - packer->length) {
        packer->overflow = true;
        return -1;
    }
    memcpy(packer->buffer + packer->length, bytes, length);
    packer->length += length;
    return 0;
}

static msgpack_packer writer(struct packer *packer)
{
    msgpack_packer writer;

    msgpack_packer_init(&writer, packer, packer_write);
    return writer;
}

void packer_init(struct packer *packer, void *buffer, size_t size)
{
    *packer = (struct packer){.buffer = buffer, .size = size};
}

void pack_map(struct packer *packer, uint32_t pairs)
{
    msgpack_packer to = writer(packer);

    msgpack_pack_map(&to, pairs);
}

void pack_array(struct packer *packer, uint32_t elements)
{
    msgpack_packer to = writer(packer);

    msgpack_pack_array(&to, elements);
}

void pack_text(struct packer *packer, const char *bytes, size_t length)
{
    msgpack_packer to = writer(packer);

    assert(length <= UINT32_MAX);
    msgpack_pack_str(&to, length);
    if (length > 0)
        msgpack_pack_str_body(&to, bytes, length);
}

void pack_bytes(struct packer *packer, const void *bytes, size_t length)
{
    msgpack_packer to = writer(packer);

    assert(length <= UINT32_MAX);
    msgpack_pack_bin(&to, length);
    if (length > 0)
        msgpack_pack_bin_body(&to, bytes, length);
}

void pack_int(struct packer *packer, int64_t number)
{
    msgpack_packer to = writer(packer);

    msgpack_pack_int64(&to, number);
}

void pack_bool(struct packer *packer, bool truth)
{
    msgpack_packer to = writer(packer);

    if (truth)
        msgpack_pack_true(&to);
    else
        msgpack_pack_false(&to);
}

void pack_nil(struct packer *packer)
{
    msgpack_packer to = writer(packer);

    msgpack_pack_nil(&to);
}

struct unpacker *unpacker_open(void)
{
    struct unpacker *unpacker = calloc(1, sizeof *unpacker);

    if (!unpacker)
        return NULL;
    unpacker->zone = msgpack_zone_new(ZONE_BYTES);
    if (!unpacker->zone) {
        free(unpacker);
        return NULL;
    }
    return unpacker;
}

void unpacker_close(struct unpacker **unpacker)
{
    if (!*unpacker)
        return;
    msgpack_zone_free((*unpacker)->zone);
    free(*unpacker);
    *unpacker = NULL;
}

enum unpack_result unpack(struct unpacker *unpacker, const void *bytes, size_t length, const struct node **root)
{
    enum unpack_result result = scan_object(bytes, length);
    size_t offset = 0;

    *root = NULL;
    if (result != UNPACK_OK)
        return result;
    msgpack_zone_clear(unpacker->zone);
    if (msgpack_unpack(bytes, length, &offset, unpacker->zone, &unpacker->root.object) != MSGPACK_UNPACK_SUCCESS)
        return UNPACK_MALFORMED;
    *root = &unpacker->root;
    return UNPACK_OK;
}

enum node_kind node_kind(const struct node *node)
{
    switch (node->object.type) {
    case MSGPACK_OBJECT_NIL:
        return NODE_NIL;
    case MSGPACK_OBJECT_BOOLEAN:
        return NODE_BOOL;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return NODE_INT;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return NODE_REAL;
    case MSGPACK_OBJECT_STR:
        return NODE_TEXT;
    case MSGPACK_OBJECT_BIN:
        return NODE_BYTES;
    case MSGPACK_OBJECT_ARRAY:
        return NODE_ARRAY;
    case MSGPACK_OBJECT_MAP:
        return NODE_MAP;
    case MSGPACK_OBJECT_EXT:
        break;
    }
    return NODE_OTHER;
}

uint32_t node_count(const struct node *node)
{
    if (node->object.type == MSGPACK_OBJECT_ARRAY)
        return node->object.via.array.size;
    if (node->object.type == MSGPACK_OBJECT_MAP)
        return node->object.via.map.size;
    return 0;
}

const struct node *node_at(const struct node *node, uint32_t i)
{
    assert(node->object.type == MSGPACK_OBJECT_ARRAY && i < node->object.via.array.size);
    return (const struct node *)&node->object.via.array.ptr[i];
}

const struct node *node_key(const struct node *node, uint32_t i)
{
    assert(node->object.type == MSGPACK_OBJECT_MAP && i < node->object.via.map.size);
    return (const struct node *)&node->object.via.map.ptr[i].key;
}

const struct node *node_value(const struct node *node, uint32_t i)
{
    assert(node->object.type == MSGPACK_OBJECT_MAP && i < node->object.via.map.size);
    return (const struct node *)&node->object.via.map.ptr[i].val;
}

bool node_int(const struct node *node, int64_t *number)
{
    if (node->object.type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        *number = node->object.via.i64;
        return true;
    }
    if (node->object.type != MSGPACK_OBJECT_POSITIVE_INTEGER || node->object.via.u64 > INT64_MAX)
        return false;
    *number = (int64_t)node->object.via.u64;
    return true;
}

bool node_bool(const struct node *node, bool *truth)
{
    if (node->object.type != MSGPACK_OBJECT_BOOLEAN)
        return false;
    *truth = node->object.via.boolean;
    return true;
}

bool node_text(const struct node *node, const char **bytes, uint32_t *length)
{
    if (node->object.type != MSGPACK_OBJECT_STR)
        return false;
    *bytes = node->object.via.str.ptr;
    *length = node->object.via.str.size;
    return true;
}

bool node_bytes(const struct node *node, const void **bytes, uint32_t *length)
{
    if (node->object.type != MSGPACK_OBJECT_BIN)
        return false;
    *bytes = node->object.via.bin.ptr;
    *length = node->object.via.bin.size;
    return true;
}
