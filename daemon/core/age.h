/* SPDX-License-Identifier: MIT
 * age: whole years between two days. */
#ifndef CORE_AGE_H
#define CORE_AGE_H

#include <stdint.h>

/* Full years on a day of somebody born on a day, both since 1970-01-01; 0 before the birth. Who was born on 29 February
 * is a year older on 1 March. */
int64_t age_in_years(int64_t born, int64_t day);

#endif
