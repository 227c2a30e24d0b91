/* SPDX-License-Identifier: MIT
 * codec: message <-> one msgpack map with text keys. Every limit of the wire is enforced here. */
#ifndef PROTO_CODEC_H
#define PROTO_CODEC_H

#include "proto/message.h"

/* Why a frame was refused. `field` names the field, with index and member for lists ("needs[2].code"); for an unknown
 * key it is that key when it has the form of a field name, followed by " (did you mean x?)" when one is near, else
 * empty. It never holds content. NUL-terminated. */
struct fault {
    enum refusal refusal;
    char field[81];
};

/* One decoder holds the scratch memory that decoding reuses. Not for two threads at once. */
struct decoder;
struct decoder *decoder_open(void); /* NULL: out of memory */
void decoder_close(struct decoder **);

/* Decodes and checks one frame: structure (whole, bounded depth and elements, no trailing bytes), known type, known
 * and unrepeated fields, kinds, limits, UTF-8, codes, mandatory fields. On success returns true; texts of *message
 * point into frame. On failure returns false with *fault set; *message then holds request_id if it could be read (so
 * that the refusal can name it) and type if it is known, and nothing else. */
bool decode(struct decoder *, const void *frame, size_t length, struct message *message, struct fault *fault);

/* Encodes into buffer; fields are written in the order of the message's table, so equal messages give equal bytes.
 * The texts of the message may not stand in that buffer. Returns the length; 0 when size is too small
 * (MESSAGE_BYTES_MAX is always enough for what decode accepts; SUBMIT_BYTES_MAX for a submit).
 * Asserts that every mandatory field is set and every field belongs to the message. */
size_t encode(const struct message *, void *buffer, size_t size);

/* Fills a `refused` message (its field text is borrowed from fault). retry_after_ms counts when the refusal says LATER.
 */
void refuse(struct message *, const struct message *request, const struct fault *, int64_t retry_after_ms);

#endif
