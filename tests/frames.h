/* SPDX-License-Identifier: MIT
 * frames: encoded messages that a test bends: one field replaced, added, dropped. For the tests of the wire. */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include "proto/codec.h"
#include "proto/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct frame {
    unsigned char bytes[2 * MESSAGE_BYTES_MAX];
    size_t length;
};

static inline void frame_of(struct frame *frame, const struct message *message)
{
    frame->length = encode(message, frame->bytes, sizeof frame->bytes);
    assert(frame->length > 0);
}

static inline void frame_copy_node(struct packer *packer, const struct node *node)
{
    const char *text;
    uint32_t length;
    int64_t number;
    bool truth = false;

    if (node_text(node, &text, &length)) {
        pack_text(packer, text, length);
    } else if (node_int(node, &number)) {
        pack_int(packer, number);
    } else if (node_bool(node, &truth)) {
        pack_bool(packer, truth);
    } else if (node_kind(node) == NODE_ARRAY) {
        pack_array(packer, node_count(node));
        for (uint32_t i = 0; i < node_count(node); i++)
            frame_copy_node(packer, node_at(node, i));
    } else {
        assert(node_kind(node) == NODE_MAP);
        pack_map(packer, node_count(node));
        for (uint32_t i = 0; i < node_count(node); i++) {
            frame_copy_node(packer, node_key(node, i));
            frame_copy_node(packer, node_value(node, i));
        }
    }
}

/* Writes the frame again without `key`; raw (msgpack bytes) becomes its value and stands last, unless it is NULL. */
static inline void frame_set(struct frame *frame, const char *key, const void *raw, size_t raw_length)
{
    struct unpacker *unpacker = unpacker_open();
    struct frame *old = malloc(sizeof *old);
    const struct node *root;
    struct packer packer;
    uint32_t dropped = 0;

    assert(unpacker && old);
    memcpy(old, frame, sizeof *old);
    assert(unpack(unpacker, old->bytes, old->length, &root) == UNPACK_OK);
    for (uint32_t i = 0; i < node_count(root); i++) {
        const char *text;
        uint32_t length;

        assert(node_text(node_key(root, i), &text, &length));
        dropped += length == strlen(key) && memcmp(text, key, length) == 0;
    }
    packer_init(&packer, frame->bytes, sizeof frame->bytes);
    pack_map(&packer, node_count(root) - dropped + (raw != NULL));
    for (uint32_t i = 0; i < node_count(root); i++) {
        const char *text;
        uint32_t length;

        node_text(node_key(root, i), &text, &length);
        if (length == strlen(key) && memcmp(text, key, length) == 0)
            continue;
        frame_copy_node(&packer, node_key(root, i));
        frame_copy_node(&packer, node_value(root, i));
    }
    if (raw) {
        pack_text(&packer, key, strlen(key));
        assert(packer.size - packer.length >= raw_length);
        memcpy(packer.buffer + packer.length, raw, raw_length);
        packer.length += raw_length;
    }
    assert(!packer.overflow);
    frame->length = packer.length;
    unpacker_close(&unpacker);
    free(old);
}

static inline void frame_drop(struct frame *frame, const char *key)
{
    frame_set(frame, key, NULL, 0);
}

static inline void frame_set_text(struct frame *frame, const char *key, const char *text, size_t length)
{
    unsigned char *raw = malloc(length + 8);
    struct packer packer;

    assert(raw);
    packer_init(&packer, raw, length + 8);
    pack_text(&packer, text, length);
    frame_set(frame, key, raw, packer.length);
    free(raw);
}

static inline void frame_set_string(struct frame *frame, const char *key, const char *text)
{
    frame_set_text(frame, key, text, strlen(text));
}

#endif
