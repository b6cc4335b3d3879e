/* worker/view.c: see view.h. */
#include "worker/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/enclose.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

static struct resolver_file {
    const char *path;
    dev_t device;
    ino_t inode;
    bool hidden; /* from the beginning: it never was ours to read */
} resolver_files[] = {{.path = "/etc/resolv.conf"},
                      {.path = "/etc/hosts"},
                      {.path = "/etc/nsswitch.conf"}};

static bool taken, first; /* has a view; this is its first generation */
static char outdated[300];

static void remember(struct resolver_file *f)
{
    struct stat st = {0};
    (void)stat(f->path, &st);
    f->device = st.st_dev;
    f->inode = st.st_ino;
    f->hidden = enclose_hides(f->path);
}

void view_take(const struct rlv_list *denied, const struct rlv_list *plugins)
{
    struct err err;
    first = !taken;
    if (taken)
        return;
    taken = true;
    char **kept = xcalloc(plugins->count + 1, sizeof(char *));
    size_t count = 0; /* built-in kinds have no folder */
    for (size_t i = 0; i < plugins->count; i++)
        if (strchr(plugins->items[i], '/') != NULL)
            kept[count++] = fs_folder(plugins->items[i]);
    if (!enclose(denied->items, denied->count, (const char *const *)kept, count,
                 &err))
        log_warn("plugins are not kept from files of Relevo's: %s", err.text);
    for (size_t i = 0; i < count; i++)
        free(kept[i]);
    free(kept);
    for (size_t i = 0; i < ARRAY_LEN(resolver_files); i++)
        remember(&resolver_files[i]);
}

void view_look_at_file(const char *path)
{
    if (!first && outdated[0] == '\0' && enclose_hides(path))
        snprintf(outdated, sizeof outdated,
                 "%.200s may be newer than its view of the files", path);
}

static void look_at_text(const char *text)
{
    if (text != NULL && text[0] == '/')
        view_look_at_file(text);
}

void view_look_at_settings(const struct setting *settings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct raw *value = &settings[i].value;
        look_at_text(value->text);
        for (size_t k = 0; k < value->list.count; k++)
            look_at_text(value->list.items[k]);
    }
}

/* Another file of that name, and it is not ours to read. */
static bool is_lost(const struct resolver_file *f)
{
    struct stat st;
    return !f->hidden && stat(f->path, &st) == 0 &&
           (st.st_dev != f->device || st.st_ino != f->inode) &&
           enclose_hides(f->path);
}

void view_look_at_resolver(void)
{
    for (size_t i = 0; i < ARRAY_LEN(resolver_files); i++)
        if (outdated[0] == '\0' && is_lost(&resolver_files[i]))
            snprintf(outdated, sizeof outdated,
                     "%s is newer than its view of the files",
                     resolver_files[i].path);
}

const char *view_outdated(void)
{
    return outdated[0] == '\0' ? NULL : outdated;
}
