/* SPDX-License-Identifier: MIT
 * compact: numbers and bytes in a row, in few bytes. Numbers stand in groups of eight: a byte tells which of them are
 * not zero, and those follow, seven bits to a byte; so a record may have many numbers of which most are zero. Bytes
 * stand between them as they are. Who reads asks for the same things in the same order as who wrote. */
#ifndef IO_COMPACT_H
#define IO_COMPACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writing {
    uint8_t *bytes;
    size_t size;
    size_t length;
    uint8_t *group; /* of the numbers that come next */
    unsigned grouped;
    bool overflow; /* sticky: later calls do nothing; look once, at the end */
};

void writing_init(struct writing *, void *bytes, size_t size);
void put_number(struct writing *, uint64_t);
/* Small ones of either sign are short. */
void put_signed(struct writing *, int64_t);
/* A number that is 0 or near to another one: a time, or a place in a row. Any will do. */
void put_near(struct writing *, int64_t number, int64_t base);
/* All 64 bits are as likely as not. */
void put_word(struct writing *, uint64_t);
/* As many as the reader knows. */
void put_fixed(struct writing *, const void *bytes, size_t size);
/* Their number first. */
void put_bytes(struct writing *, const void *bytes, size_t length);
/* In the bits of io/prose, where that is shorter. */
void put_text(struct writing *, const char *text, size_t length);

/* The first fault sticks; from then on all is zero. */
struct reading {
    const uint8_t *at;
    const uint8_t *end;
    uint8_t group;
    unsigned grouped;
    bool good;
};

void reading_init(struct reading *, const void *bytes, size_t length);
uint64_t get_number(struct reading *);
int64_t get_signed(struct reading *);
int64_t get_near(struct reading *, int64_t base);
uint64_t get_word(struct reading *);
void get_fixed(struct reading *, void *bytes, size_t size);
/* They stay where they are read from; NULL and 0: there are none. */
const void *get_bytes(struct reading *, size_t *length);
/* It stands where it is read from, or in *room, of which it then takes its bytes. */
const char *get_text(struct reading *, char **room, const char *room_end, size_t *length);
/* True: all was read, and nothing is left. */
bool reading_ends(const struct reading *);

#endif
