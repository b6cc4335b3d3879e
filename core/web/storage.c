/* web/storage.c: see storage.h and web_reader in route.h.
 *
 * Happy path: opened for the first request that reads, and kept.
 * Ways it can fail: there is no file yet, or it cannot be read: 503, and tried
 * again. Main has set the file aside and begun a new one: seen within a second
 * by its inode. A statement takes too long: it ends at its deadline. */
#include "web/storage.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/store.h"
#include "web/days.h"
#include "web/link.h"
#include "web/route.h"

enum { DEADLINE_MS = 1000 };
#define LOOK_NS (1 * NS_PER_S)

static struct reader *reader;
static dev_t device;
static ino_t inode;
static int64_t looked_ns;

static bool identify(const char *dir, dev_t *dev, ino_t *ino)
{
    char path[4300];
    struct stat st;
    snprintf(path, sizeof path, "%s/" STORE_FILE, dir);
    if (stat(path, &st) != 0)
        return false;
    *dev = st.st_dev;
    *ino = st.st_ino;
    return true;
}

/* Another file has its name by now. */
static void look(const char *dir)
{
    dev_t dev;
    ino_t ino;
    int64_t now_ns = clock_mono_ns();
    if (reader == NULL || now_ns - looked_ns < LOOK_NS)
        return;
    looked_ns = now_ns;
    if (!identify(dir, &dev, &ino) || dev != device || ino != inode)
        storage_close();
}

struct reader *web_reader(struct web_response *r)
{
    const char *dir = link_settings()->state_dir;
    struct err err;
    look(dir);
    if (reader != NULL)
        return reader;
    if (identify(dir, &device, &inode))
        reader = reader_open(dir, 0, &err);
    else
        err_set(&err, ERR_NOT_FOUND, 0, "no history so far");
    if (reader == NULL) {
        response_error(r, 503, "%s",
                       err.code == ERR_NOT_FOUND
                           ? "there is no history so far"
                           : "the history cannot be read");
        return NULL;
    }
    reader_set_deadline(reader, DEADLINE_MS);
    looked_ns = clock_mono_ns();
    return reader;
}

bool web_not_read(struct web_response *r, const struct err *err,
                  const char *nothing)
{
    if (err->code == ERR_NOT_FOUND)
        response_error(r, 404, "%s", nothing);
    else
        response_error(r, 503, "the history cannot be read at the moment");
    return false;
}

void storage_close(void)
{
    reader_close(reader);
    reader = NULL;
    days_forget();
}
