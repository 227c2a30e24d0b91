/* SPDX-License-Identifier: MIT
 * figures: medians and percentiles. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

/* Both sort the values. */
double percentile(float *values, unsigned count, double share);
double median(double *values, unsigned count);
double larger(double, double);
/* By how many percent a figure is below another. */
double fall(double from, double to);

#endif
