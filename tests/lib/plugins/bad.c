/* A plugin with one thing wrong, told by a definition: see CMakeLists.txt. */
#include <relevo/plugin.h>

struct conf {
    int64_t port, other;
};

static const struct rlv_option options[] = {
#if defined(BAD_OFFSET)
    {"port", RLV_LIST, 0, offsetof(struct conf, other), NULL, NULL, "a port"},
#elif defined(BAD_ALIGN)
    {"port", RLV_INT, 0, 4, NULL, NULL, "a port"},
#elif defined(BAD_DEFAULT)
    {"port", RLV_INT, 0, offsetof(struct conf, port), "0", "1..9", "a port"},
#elif defined(BAD_ENUM)
    {"port", RLV_ENUM, 0, offsetof(struct conf, port), NULL, NULL, "a port"},
#elif defined(BAD_REQUIRED)
    {"port", RLV_INT, RLV_REQUIRED, 0, "1", NULL, "a port"},
#else
    {"port", RLV_INT, 0, offsetof(struct conf, port), NULL, NULL, "a port"},
#endif
#if defined(BAD_OVERLAP)
    {"other", RLV_INT, 0, offsetof(struct conf, port), NULL, NULL, "a port"},
#elif defined(BAD_TWICE)
    {"port", RLV_INT, 0, offsetof(struct conf, other), NULL, NULL, "a port"},
#endif
};

static const struct rlv_field fields[] = {
#if defined(BAD_FIELD)
    {"status", 99, 0, "", "a status"},
#elif defined(BAD_LATENCY)
    {"latency", RLV_T_INT, 0, "", "a latency"},
#elif defined(BAD_PHASE)
    {"phase", RLV_T_MAP, 0, "", "a phase"},
#else
    {"status", RLV_T_INT, 0, "", "a status"},
#endif
};

#if defined(BAD_EXPECT)
static const char *const expects[] = {"statu == 200", NULL};
#else
static const char *const *const expects = NULL;
#endif

#if defined(BAD_INIT)
static int init(const struct rlv_host *host)
{
    (void)host;
    return 7;
}
#endif

static void start(struct rlv_probe *p, const void *conf)
{
    (void)p;
    (void)conf;
}

#if defined(BAD_MAGIC)
#define MAGIC 0x12345678u
#else
#define MAGIC RLV_MAGIC
#endif
#if defined(BAD_SIZE)
#define SIZE 32
#else
#define SIZE (uint32_t)sizeof(struct rlv_plugin)
#endif
#if defined(BAD_MAJOR)
#define MAJOR 2
#else
#define MAJOR RLV_ABI_MAJOR
#endif
#if defined(BAD_MINOR)
#define MINOR 7
#else
#define MINOR RLV_ABI_MINOR
#endif
#if defined(BAD_NAME)
#define NAME "Not A Word"
#elif defined(BAD_OWN)
#define NAME "relevo"
#else
#define NAME "bad"
#endif
#if defined(BAD_NO_SYMBOL)
#define SYMBOL relevo_something_else
#elif defined(BAD_NEXT_MAJOR)
#define SYMBOL relevo_plugin_v2
#else
#define SYMBOL relevo_plugin_v1
#endif

RLV_EXPORT const struct rlv_plugin SYMBOL;
RLV_EXPORT const struct rlv_plugin SYMBOL = {
    .magic = MAGIC,
    .size = SIZE,
    .major = MAJOR,
    .minor = MINOR,
    .name = NAME,
    .version = "1",
    .summary = "a bad one",
#if defined(BAD_INIT)
    .init = init,
#endif
    .expects = (const char *const *)expects,
#if !defined(BAD_NEITHER)
    .start = start,
#endif
#if defined(BAD_BOTH)
    .blocking = start,
#endif
    RLV_OPTIONS(struct conf, options),
    RLV_FIELDS(fields),
};
#if defined(BAD_NEITHER)
RLV_EXPORT void (*const unused_start)(struct rlv_probe *, const void *);
RLV_EXPORT void (*const unused_start)(struct rlv_probe *, const void *) = start;
#endif
