/* A plugin that has the sanitizer look for leaks in the worker that it is in:
 * main ends workers by SIGKILL, so it never looks at their end. Without a
 * sanitizer `looked` is false. */
#include <relevo/plugin.h>

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

enum { LOOKED, LEAKS };
static const struct rlv_field fields[] = {
    [LOOKED] = {"looked", RLV_T_BOOL, 0, "", "Whether leaks can be seen."},
    [LEAKS] = {"leaks", RLV_T_BOOL, 0, "", "Whether there are any."},
};
static const struct rlv_host *host;

static void look(struct rlv_probe *probe, const void *conf)
{
    (void)conf;
    bool can = __lsan_do_recoverable_leak_check != NULL;
    host->observe(probe, LOOKED, rlv_bool(can));
    host->observe(probe, LEAKS,
                  rlv_bool(can && __lsan_do_recoverable_leak_check()));
    host->done(probe);
}

static int init(const struct rlv_host *h)
{
    host = h;
    return 0;
}

RLV_PLUGIN(.name = "leaks", .version = "1", .summary = "Looks for leaks",
           RLV_FIELDS(fields), .init = init, .start = look);
