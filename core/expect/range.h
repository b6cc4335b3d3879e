/* expect/range.h: Nagios threshold ranges, as the plugin guidelines have them:
 * "10" is 0 to 10, "10:" 10 and more, "~:10" 10 and less, "10:20" both ends;
 * the ends belong to it. Outside of it a plugin alerts; with "@" before it,
 * inside.
 *
 * Pure, and for text that anybody may have written. Used by within() of the
 * expectation language and by model/perfdata.c. */
#ifndef RELEVO_EXPECT_RANGE_H
#define RELEVO_EXPECT_RANGE_H

#include <stdbool.h>
#include <stddef.h>

struct nagios_range {
    double low, high; /* infinite where it is open */
    bool inside;      /* "@": alerts from low to high */
    bool plain;       /* written as one number, which is `high` */
};

/* The whole text, n bytes, is a range whose ends stand in order. */
bool nagios_range_parse(const char *text, size_t n, struct nagios_range *);
bool nagios_range_alerts(const struct nagios_range *, double value);

/* Reads a decimal number, with or without fraction and exponent, at the
 * beginning of n bytes: how many it takes, 0 when there is none, or none that
 * is finite. An e that no digits follow is not its: "1EB" is 1. */
size_t nagios_number(const char *text, size_t n, double *value);

#endif
