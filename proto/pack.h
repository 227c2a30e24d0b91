/* SPDX-License-Identifier: MIT
 * pack: the only door to msgpack-c. Writing into a fixed buffer; reading one whole object, of bounded depth and number
 * of elements, without trailing bytes. */
#ifndef PROTO_PACK_H
#define PROTO_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packer {
    unsigned char *buffer;
    size_t size;
    size_t length;
    bool overflow; /* sticky: later calls do nothing; look once, at the end */
};

void packer_init(struct packer *, void *buffer, size_t size);
void pack_map(struct packer *, uint32_t pairs);
void pack_array(struct packer *, uint32_t elements);
void pack_text(struct packer *, const char *bytes, size_t length);
void pack_int(struct packer *, int64_t);
void pack_bool(struct packer *, bool);

/* OTHER: nothing, a number with a fraction, or bytes: no value of the contract is one. */
enum node_kind { NODE_OTHER, NODE_BOOL, NODE_INT, NODE_TEXT, NODE_ARRAY, NODE_MAP };
enum unpack_result { UNPACK_OK, UNPACK_MALFORMED, UNPACK_TOO_DEEP };

struct node; /* one element of an unpacked object; lives until the next unpack with the same unpacker */
struct unpacker;

struct unpacker *unpacker_open(void); /* NULL: out of memory */
void unpacker_close(struct unpacker **);
/* Texts of the nodes point into the given bytes. */
enum unpack_result unpack(struct unpacker *, const void *bytes, size_t length, const struct node **root);

enum node_kind node_kind(const struct node *);
uint32_t node_count(const struct node *);                       /* ARRAY: elements; MAP: pairs; else 0 */
const struct node *node_at(const struct node *, uint32_t i);    /* ARRAY */
const struct node *node_key(const struct node *, uint32_t i);   /* MAP */
const struct node *node_value(const struct node *, uint32_t i); /* MAP */
bool node_int(const struct node *, int64_t *);                  /* false: not an integer, or beyond int64 */
bool node_bool(const struct node *, bool *);
bool node_text(const struct node *, const char **, uint32_t *length);

#endif
