/* What it costs to decide for all the children of one parent: all of them are
 * impacted by it, then freed. Two sizes, so that more than proportional growth
 * shows.
 *
 *     bench_crowd        one JSON line a figure: the median of 5 rounds */
#include <stdio.h>

#include "base/err.h"
#include "lib/crowd.h"

enum { ROUNDS = 5 };

struct cost {
    double all_s;  /* from well to impacted, every step */
    double step_s; /* the longest of them: others wait for it */
};

static struct cost measure(size_t children)
{
    struct crowd c;
    crowd_begin(&c, children);
    c.conf->checks[0].failure_threshold = 6; /* so that the children wait */
    crowd_until(&c, 1030 * NS_PER_S, OUTCOME_OK, OUTCOME_OK);
    c.longest_step_s = 0;
    clock_t from = clock();
    crowd_until(&c, 1080 * NS_PER_S, OUTCOME_FAIL, OUTCOME_FAIL);
    struct cost cost = {(double)(clock() - from) / CLOCKS_PER_SEC,
                        c.longest_step_s};
    must(c.incidents == 1 && c.impacts == children);
    crowd_end(&c);
    return cost;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, size_t children, double *rounds)
{
    qsort(rounds, ROUNDS, sizeof *rounds, compare);
    printf("{\"figure\": \"crowd.%s_%zu\", \"value\": %.2f, \"low\": %.2f, "
           "\"high\": %.2f, \"unit\": \"ms\", \"rounds\": %d}\n",
           what, children, rounds[ROUNDS / 2] * 1e3, rounds[0] * 1e3,
           rounds[ROUNDS - 1] * 1e3, ROUNDS);
    fflush(stdout);
}

int main(void)
{
    static const size_t sizes[] = {1000, 10000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        double all[ROUNDS], step[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            struct cost cost = measure(sizes[i]);
            all[round] = cost.all_s;
            step[round] = cost.step_s;
        }
        print("longest_step", sizes[i], step);
        print("impacted", sizes[i], all);
    }
    return 0;
}
