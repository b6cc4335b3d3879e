/* cli/spark.c: see spark.h. */
#include "cli/spark.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/str.h"

bool spark_has_blocks(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool utf8 = locale != (locale_t)0 &&
                str_eq(nl_langinfo_l(CODESET, locale), "UTF-8");
    if (locale != (locale_t)0)
        freelocale(locale);
    return utf8 && !str_eq(getenv("TERM"), "dumb");
}

void spark_put(struct buf *out, const double *values, size_t count, double low,
               bool blocks)
{
    static const char *const high[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[] = {"_", ".", "-", "=", "+", "*", "#", "@"};
    static const int last = (int)ARRAY_LEN(high) - 1;
    double most = low;
    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    for (size_t i = 0; i < count; i++) {
        double share = most > low ? (values[i] - low) / (most - low) : 0;
        int level = (int)(share * last + 0.5);
        level = level < 0 ? 0 : level;
        buf_adds(out, values[i] < 0 ? " " : (blocks ? high : plain)[level]);
    }
}
