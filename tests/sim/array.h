/* SPDX-License-Identifier: MIT
 * array: arrays that grow. */
#ifndef SIM_ARRAY_H
#define SIM_ARRAY_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

/* Makes room for one more. */
static inline void *array_grow(void *array, uint32_t count, uint32_t *room, size_t element)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 16;
    array = realloc(array, *room * element);
    assert(array);
    return array;
}

#endif
