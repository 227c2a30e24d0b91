/* SPDX-License-Identifier: MIT
 * pack: msgpack-c, writing, and reading into nodes of our own, of which there is a fixed number: msgpack-c's own
 * objects take the memory that a declared count asks for. Its parser comes as a template. */
#include "proto/pack.h"
#include "proto/limits.h"

#include <assert.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

struct node {
    enum node_kind kind;
    uint32_t count; /* bytes of TEXT, elements of ARRAY, pairs of MAP; INT: 1 when it is beyond int64 */
    union {
        int64_t number; /* INT, and BOOL as 0 or 1 */
        const char *bytes;
        struct node *children; /* in one run; of a MAP each key in front of its value */
    };
};

struct unpacker {
    struct node nodes[MESSAGE_ELEMENTS_MAX - 1]; /* all but the root */
    struct node root;
};

/* Where the nodes of one object go. */
struct target {
    struct node *nodes;
    uint64_t left; /* nodes */
    size_t length; /* bytes of the whole object */
};

/* ---- what msgpack-c's parser calls ---- */

static struct node on_root(struct target *target)
{
    (void)target;
    return (struct node){.kind = NODE_OTHER};
}

static int put_other(struct node *node)
{
    *node = (struct node){.kind = NODE_OTHER};
    return 0;
}

static int on_nil(struct target *target, struct node *node)
{
    (void)target;
    return put_other(node);
}

static int put_bool(struct node *node, bool truth)
{
    *node = (struct node){.kind = NODE_BOOL, .number = truth};
    return 0;
}

static int on_false(struct target *target, struct node *node)
{
    (void)target;
    return put_bool(node, false);
}

static int on_true(struct target *target, struct node *node)
{
    (void)target;
    return put_bool(node, true);
}

static int on_int64(struct target *target, int64_t number, struct node *node)
{
    (void)target;
    *node = (struct node){.kind = NODE_INT, .number = number};
    return 0;
}

/* One beyond int64 is a number that nobody can read. */
static int on_uint64(struct target *target, uint64_t number, struct node *node)
{
    on_int64(target, (int64_t)number, node);
    node->count = number > INT64_MAX;
    return 0;
}

static int on_str(struct target *target, const char *object, const char *bytes, unsigned int length, struct node *node)
{
    (void)target, (void)object;
    *node = (struct node){.kind = NODE_TEXT, .count = length, .bytes = bytes};
    return 0;
}

static int on_bin(struct target *target, const char *object, const char *bytes, unsigned int length, struct node *node)
{
    (void)target, (void)object, (void)bytes, (void)length;
    return put_other(node);
}

/* Extension types carry nothing that the contract knows. */
static int on_ext(struct target *target, const char *object, const char *bytes, unsigned int length, struct node *node)
{
    (void)target, (void)object, (void)bytes, (void)length, (void)node;
    return MSGPACK_UNPACK_PARSE_ERROR;
}

/* Every child takes at least one byte. */
static int put_container(struct target *target, enum node_kind kind, uint64_t children, struct node *node)
{
    if (children > target->length)
        return MSGPACK_UNPACK_PARSE_ERROR;
    if (children > target->left)
        return MSGPACK_UNPACK_NOMEM_ERROR;
    *node = (struct node){.kind = kind, .children = target->nodes};
    target->nodes += children;
    target->left -= children;
    return 0;
}

static int on_array(struct target *target, unsigned int count, struct node *node)
{
    return put_container(target, NODE_ARRAY, count, node);
}

static int on_array_item(struct target *target, struct node *array, struct node item)
{
    (void)target;
    array->children[array->count++] = item;
    return 0;
}

static int on_map(struct target *target, unsigned int count, struct node *node)
{
    return put_container(target, NODE_MAP, 2 * (uint64_t)count, node);
}

static int on_map_item(struct target *target, struct node *map, struct node key, struct node value)
{
    struct node *pair = &map->children[2 * (size_t)map->count++];

    (void)target;
    pair[0] = key;
    pair[1] = value;
    return 0;
}

#define on_uint8 on_int64
#define on_uint16 on_int64
#define on_uint32 on_int64
#define on_int8 on_int64
#define on_int16 on_int64
#define on_int32 on_int64
#define on_float(target, number, node) ((void)(number), put_other(node))
#define on_double on_float

#define MSGPACK_EMBED_STACK_SIZE MESSAGE_DEPTH_MAX
#define msgpack_unpack_struct(name) struct parser##name
#define msgpack_unpack_func(type, name) static inline type parser##name
#define msgpack_unpack_callback(name) on##name
#define msgpack_unpack_object struct node
#define msgpack_unpack_user struct target
#include <msgpack/unpack_define.h>
#include <msgpack/unpack_template.h>

/* ---- writing ---- */

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

/* ---- reading ---- */

struct unpacker *unpacker_open(void)
{
    return malloc(sizeof(struct unpacker));
}

void unpacker_close(struct unpacker **unpacker)
{
    free(*unpacker);
    *unpacker = NULL;
}

enum unpack_result unpack(struct unpacker *unpacker, const void *bytes, size_t length, const struct node **root)
{
    struct parser_context parser;
    size_t offset = 0;

    parser.user = (struct target){unpacker->nodes, MESSAGE_ELEMENTS_MAX - 1, length};
    parser_init(&parser);
    *root = NULL;
    int result = length > 0 ? parser_execute(&parser, bytes, length, &offset) : 0;
    if (result == MSGPACK_UNPACK_NOMEM_ERROR)
        return UNPACK_TOO_DEEP;
    if (result <= 0 || offset != length)
        return UNPACK_MALFORMED;
    unpacker->root = parser_data(&parser);
    *root = &unpacker->root;
    return UNPACK_OK;
}

enum node_kind node_kind(const struct node *node)
{
    return node->kind;
}

uint32_t node_count(const struct node *node)
{
    return node->kind == NODE_ARRAY || node->kind == NODE_MAP ? node->count : 0;
}

const struct node *node_at(const struct node *node, uint32_t i)
{
    assert(node->kind == NODE_ARRAY && i < node->count);
    return &node->children[i];
}

const struct node *node_key(const struct node *node, uint32_t i)
{
    assert(node->kind == NODE_MAP && i < node->count);
    return &node->children[2 * (size_t)i];
}

const struct node *node_value(const struct node *node, uint32_t i)
{
    assert(node->kind == NODE_MAP && i < node->count);
    return &node->children[2 * (size_t)i + 1];
}

bool node_int(const struct node *node, int64_t *number)
{
    if (node->kind != NODE_INT || node->count)
        return false;
    *number = node->number;
    return true;
}

bool node_bool(const struct node *node, bool *truth)
{
    if (node->kind != NODE_BOOL)
        return false;
    *truth = node->number != 0;
    return true;
}

bool node_text(const struct node *node, const char **bytes, uint32_t *length)
{
    if (node->kind != NODE_TEXT)
        return false;
    *bytes = node->bytes;
    *length = node->count;
    return true;
}
