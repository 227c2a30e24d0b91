/* SPDX-License-Identifier: MIT
 * coverage: whether anybody with a need, of an age, in a neighbourhood has a hub at all, whatever its free places.
 * Pure.
 *
 * Whom it asks for: somebody in the middle of the neighbourhood who can travel anywhere, referred today by a GP's link
 * worker as a routine case, of no stated gender, no carer, in no plus group, without risks or adjustments, of unknown
 * deprivation. Where every service for the need is for carers, for one gender or for other kinds of sender, the person
 * is one of those: nobody misses a carers' group who is no carer. */
#ifndef CORE_COVERAGE_H
#define CORE_COVERAGE_H

#include "daemon/core/route.h"

#define COVERAGE_AGE_MAX 120
#define COVERAGE_BANDS_MAX (COVERAGE_AGE_MAX + 1)
#define COVERAGE_BAND_BYTES 9

/* Ages that no service of the networks tells apart. */
struct coverage_bands {
    uint8_t from[COVERAGE_BANDS_MAX]; /* the first age of each band, ascending from 0 */
    uint8_t count;
};

/* All the needs that a service of the network meets. */
uint64_t coverage_needs(const struct network *);
/* The bands that the ages in one network make, or, with another, those that the ages in both make (NULL: none). */
void coverage_bands(const struct network *, const struct network *other, struct coverage_bands *);
/* "65-79" or "80+"; "all ages" when there is but one band. */
void coverage_band_write(const struct coverage_bands *, uint8_t band, char out[COVERAGE_BAND_BYTES]);
/* The person that the header tells of, for whom the network has services; without a place and an age. */
struct profile coverage_person(const struct network *, enum need);
/* 0: the person has a hub that takes them when it has room, and has places at all; else why not, by the hub that came
 * nearest. places: as nobody used them. */
enum unmet_cause coverage_judge(const struct network *, const struct places *, const struct profile *, enum need,
                                int64_t now);

#endif
