/* SPDX-License-Identifier: MIT
 * figures: sorted values. */
#include "tests/bench/figures.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;

    return (x > y) - (x < y);
}

static int by_size_of_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double percentile(float *values, unsigned count, double share)
{
    qsort(values, count, sizeof values[0], by_size);
    return (double)values[(unsigned)((double)(count - 1) * share)];
}

double median(double *values, unsigned count)
{
    qsort(values, count, sizeof values[0], by_size_of_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double larger(double a, double b)
{
    return a > b ? a : b;
}

double fall(double from, double to)
{
    return 100 * (from - to) / from;
}
