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

/* Imports in transactions of bounded size, replacing what is there; header names select the columns (postcode,
 * easting, northing mandatory; msoa21_code and imd2025_decile, imd2019_decile or imd_decile when present). Also writes
 * a row for each sector ("PL1 1") and district ("PL1"): the centre of its postcodes, and the neighbourhood and decile
 * that most of them have. At the end records the edition under META_EDITION. Returns the number of postcodes, or -1
 * with a sentence in why (file:line for bad rows). */
int64_t postcodes_import(struct store *, const char *path, const char *edition, char *why, size_t why_size);

/* The edition in the store; "" when none was imported. */
void postcodes_edition(struct store *, struct transaction *, char edition[41]);

/* Looks a postcode in normal form up: itself, else its sector, else its district. */
enum store_result postcodes_find(struct store *, struct transaction *, struct text postcode, struct place *);

#endif
