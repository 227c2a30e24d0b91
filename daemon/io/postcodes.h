/* SPDX-License-Identifier: MIT
 * postcodes: CSV -> the store's place table, and look-ups in it. Open data: not sealed. */
#ifndef IO_POSTCODES_H
#define IO_POSTCODES_H

#include "daemon/core/network.h"
#include "daemon/io/store.h"
#include "proto/message.h"

struct place {
    enum locality locality;      /* LOCALITY_EXACT, _SECTOR, _DISTRICT, or LOCALITY_UNKNOWN: nothing else is set */
    char neighbourhood_code[16]; /* "" when the file names none */
    struct position position;
    uint8_t decile; /* 0: not known */
};

/* Rows that are written together. */
struct place_batch;

/* Where the batches of an import go, one after the other; takes *batch. False: the import is to stop. */
struct place_sink {
    bool (*take)(void *argument, struct place_batch **batch);
    void *argument;
};

/* Reads the file in batches of bounded size and hands each to the sink, or, without one, writes it into the store in a
 * transaction of its own. Header names select the columns (postcode, easting, northing mandatory; msoa21_code and
 * imd2025_decile, imd2019_decile or imd_decile when present). Also makes a row for each sector ("PL1 1") and district
 * ("PL1"): the centre of its postcodes, and the neighbourhood and decile that most of them have. Returns the number of
 * postcodes, or -1 with a sentence in why (file:line for bad rows; "" when the sink stopped it). */
int64_t postcodes_import(struct store *, const char *path, const char *edition, const struct place_sink *, char *why,
                         size_t why_size);

/* Reads the whole file as an import does, and keeps nothing. False with a sentence in why. */
bool postcodes_check(const char *path, char *why, size_t why_size);

/* Puts the rows of a batch. The edition in force stays what it was until the last batch of an import is committed: from
 * then on all its rows are in force, and no others. Look at the transaction's own error at its commit. */
enum store_result postcodes_write(struct store *, struct transaction *, const struct place_batch *);
/* The edition that this batch puts in force; NULL: it is not the last one. */
const char *place_batch_edition(const struct place_batch *);
/* What it comes to in the store, at most. */
size_t place_batch_bytes(const struct place_batch *);
void place_batch_free(struct place_batch **);

/* The edition in force; "" when none was imported. */
void postcodes_edition(struct store *, struct transaction *, char edition[41]);

/* Looks a postcode in normal form up: itself, else its sector, else its district. */
enum store_result postcodes_find(struct store *, struct transaction *, struct text postcode, struct place *);

#endif
