/* tests/lib/past.c: `past DIR DAYS INTERVAL_S NAME…`: a history of these checks
 * in that new state directory. See past.h. */
#include "lib/past.h"

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: past DIR DAYS INTERVAL_S NAME…\n");
        return 2;
    }
    past_fill(argv[1], (const char *const *)argv + 4, (size_t)argc - 4,
              atoi(argv[2]), atoi(argv[3]));
    return 0;
}
