/* tests/fuzz/fuzz_nagios.c: any bytes as a Nagios plugin's output: cut, its
 * performance data read; and its first line as a range.
 *
 * What is found lies in the output or is a copy, labels are not empty, numbers
 * are finite, and every item takes at least three bytes: the work is bounded.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "model/nagios.h"
#include "model/perfdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_range(const struct nagios_range *r)
{
    must(r->low <= r->high);
    must(!isnan(r->low) && !isnan(r->high));
    must(nagios_range_alerts(r, r->high) == r->inside);
}

static void check_item(const struct perf_item *item)
{
    must(item->label != NULL && item->unit != NULL);
    must(!item->known || isfinite(item->value));
    if (item->has_warn)
        check_range(&item->warn);
    if (item->has_crit)
        check_range(&item->crit);
}

static void read_perfdata(const struct nagios_output *out, struct arena *arena)
{
    struct perfdata p = {.at = out->perfdata, .left = out->perfdata_len};
    struct perf_item item;
    size_t count = 0;
    while (perfdata_next(&p, arena, &item)) {
        check_item(&item);
        count++;
    }
    must(p.left == 0);
    must(3 * count + p.bad <= out->perfdata_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct nagios_output out;
    struct nagios_range r;
    const char *text = (const char *)data;
    nagios_cut(text, size, arena, &out);
    must((out.text == NULL) == (size == 0));
    must(out.text_len + out.long_len <= size);
    read_perfdata(&out, arena);
    if (out.text != NULL && nagios_range_parse(out.text, out.text_len, &r))
        check_range(&r);
    arena_free(arena);
    return 0;
}
