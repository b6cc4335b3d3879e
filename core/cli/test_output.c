/* cli/test_output.c: see test_output.h. */
#include "cli/test_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"

/* --------------------------------------------------- the command line --- */

static const char *nth_format(const void *arg, size_t i)
{
    (void)arg;
    return i < suite_renderer_count ? suite_renderers[i].name : NULL;
}

/* NULL: there is none of that name, which was said. */
static const struct suite_renderer *renderer_of(const char *name)
{
    struct buf names = {0};
    for (size_t i = 0; i < suite_renderer_count; i++) {
        if (str_eq(suite_renderers[i].name, name)) {
            buf_free(&names);
            return &suite_renderers[i];
        }
        buf_addf(&names, "%s%s", i > 0 ? ", " : "", suite_renderers[i].name);
    }
    const char *near = str_nearest(name, nth_format, NULL);
    cli_fail(EXIT_USAGE, "--format: no format \"%s\"%s%s%s; there are %s", name,
             near ? ", did you mean \"" : "", near ? near : "",
             near ? "\"?" : "", names.data);
    buf_free(&names);
    return NULL;
}

static size_t count_of(const struct args *args, const char *option)
{
    size_t n = 0;
    while (args_nth(args, option, n) != NULL)
        n++;
    return n;
}

/* More than one on standard output could not be told apart. */
static bool are_apart(const struct test_output *outputs, size_t count)
{
    const struct test_output *first = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct test_output *o = &outputs[i];
        for (size_t k = 0; k < i; k++)
            if (o->file != NULL && str_eq(outputs[k].file, o->file)) {
                cli_fail(EXIT_USAGE, "--output %s is given twice", o->file);
                return false;
            }
        if (o->file == NULL && first != NULL) {
            cli_fail(EXIT_USAGE,
                     "%s and %s cannot both go to standard output: give "
                     "--output FILE, the first for the first --format",
                     first->renderer->name, o->renderer->name);
            return false;
        }
        if (o->file == NULL)
            first = o;
    }
    return true;
}

/* --json stands for one more --format, after the others; none at all is text.
 */
static const char *format_of(const struct args *args, size_t formats, size_t i)
{
    if (i < formats)
        return args_nth(args, "format", i);
    return args_has(args, "json") ? "json" : "text";
}

bool test_outputs(const struct args *args, struct test_output **outputs,
                  size_t *count)
{
    size_t formats = count_of(args, "format"), files = count_of(args, "output");
    size_t n = formats + (formats == 0 || args_has(args, "json"));
    struct test_output *list = xcalloc(n, sizeof *list);
    bool ok = files <= n;
    if (!ok)
        cli_fail(EXIT_USAGE, "more --output than --format");
    for (size_t i = 0; i < n && ok; i++) {
        const char *file = args_nth(args, "output", i);
        list[i].renderer = renderer_of(format_of(args, formats, i));
        list[i].file = str_eq(file, "-") ? NULL : file;
        ok = list[i].renderer != NULL;
    }
    if (!ok || !are_apart(list, n)) {
        free(list);
        return false;
    }
    *outputs = list;
    *count = n;
    return true;
}

/* ------------------------------------------------------------- writing --- */

/* A device or a pipe must not be replaced by a file. */
static bool write_through(const char *path, const struct buf *text,
                          struct err *err)
{
    int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "open");
    bool ok = fs_write_all(fd, buf_text(text), text->len) ||
              err_set(err, ERR_IO, errno, "write");
    close(fd);
    return ok;
}

static bool write_file(const char *path, const struct buf *text,
                       struct err *err)
{
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode))
        return err_set(err, ERR_IO, EISDIR, "write");
    if (exists && !S_ISREG(st.st_mode))
        return write_through(path, text, err);
    mode_t mask = umask(0);
    umask(mask);
    char *real = exists ? realpath(path, NULL) : NULL; /* not the link itself */
    bool ok = fs_replace(real != NULL ? real : path, buf_text(text), text->len,
                         exists ? st.st_mode & 0777 : 0666 & ~mask, err);
    free(real);
    return ok;
}

bool test_output_write(const struct test_output *outputs, size_t count,
                       const struct suite *suite)
{
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        const struct test_output *o = &outputs[i];
        struct suite view = *suite;
        struct buf text = {0};
        struct err err;
        view.colour = o->file == NULL && out_is_coloured();
        o->renderer->render(&view, &text);
        if (o->file == NULL) {
            bool ok =
                fwrite(buf_text(&text), 1, text.len, stdout) == text.len &&
                fflush(stdout) == 0;
            if (!ok)
                cli_fail(EXIT_INTERNAL, "standard output: %s", strerror(errno));
            all = all && ok;
        } else if (!write_file(o->file, &text, &err)) {
            cli_fail(EXIT_INTERNAL, "%s: %s", o->file, err.text);
            all = false;
        }
        buf_free(&text);
    }
    return all;
}
