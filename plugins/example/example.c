/* example/example.c: a complete check plugin, to copy from. It watches a file:
 * how old it is, how large, and whether it is there at all.
 *
 *     flags=$(pkg-config --cflags relevo-plugin)
 *     cc -shared -fPIC $flags -o example.so example.c
 *
 * docs/plugins.md walks through it. */
#include <errno.h>
#include <relevo/plugin.h>
#include <sys/stat.h>
#include <time.h>

struct conf {
    const char *path;
    int64_t follow;
};

static const struct rlv_option options[] = {
    {"path", RLV_STRING, RLV_REQUIRED, offsetof(struct conf, path), NULL, NULL,
     "The file to look at."},
    {"follow", RLV_BOOL, 0, offsetof(struct conf, follow), "true", NULL,
     "Whether to look at what a symbolic link points to."},
};

enum { PRESENT, MODIFIED_AGO, SIZE };
static const struct rlv_field fields[] = {
    [PRESENT] = {"present", RLV_T_BOOL, 0, "", "Whether there is such a file."},
    [MODIFIED_AGO] = {"modified_ago", RLV_T_DURATION, RLV_RECORDED, "",
                      "Since its last change."},
    [SIZE] = {"size", RLV_T_SIZE, RLV_RECORDED, "", "Its length."},
};
static const char *const expects[] = {"present", NULL};

static const struct rlv_host *host;

static int init(const struct rlv_host *services)
{
    host = services;
    return 0;
}

/* A file system may hang, so this is blocking(), in a process of its own. */
static void look(struct rlv_probe *probe, const void *arg)
{
    const struct conf *conf = arg;
    struct stat st;
    int rc = conf->follow ? stat(conf->path, &st) : lstat(conf->path, &st);
    if (rc && errno != ENOENT) {
        host->fault(probe, RLV_F_CONFIG, NULL, errno, "%s: %s", conf->path,
                    strerror(errno));
        return;
    }
    host->observe(probe, PRESENT, rlv_bool(rc == 0));
    if (rc == 0) {
        int64_t age_s = (int64_t)(time(NULL) - st.st_mtime);
        host->observe(probe, MODIFIED_AGO, rlv_duration(age_s * 1000000000));
        host->observe(probe, SIZE, rlv_size((int64_t)st.st_size));
    }
}

RLV_PLUGIN(.name = "example", .version = "1.0", .summary = "Age of a file",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields),
           .expects = expects, .init = init, .blocking = look);
