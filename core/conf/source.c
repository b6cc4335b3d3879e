/* conf/source.c: files as text, and lines of them for messages. See lex.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "conf/lex.h"

enum {
    LARGEST_FILE = 16 << 20,
    SHOWN_BEFORE = 50, /* characters of a long line before a mistake */
    SHOWN = 76
};

static bool read_all(int fd, char *into, size_t size, size_t *len)
{
    *len = 0;
    while (*len < size) {
        ssize_t n = read(fd, into + *len, size - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    return true;
}

static bool read_open(int fd, const char *name, struct arena *arena,
                      struct source_file *out, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set(err, ERR_IO, errno, "cannot read \"%s\"", name);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, 0, "\"%s\" is not a regular file", name);
    if (st.st_size > LARGEST_FILE)
        return err_set(err, ERR_LIMIT, 0, "\"%s\" is larger than 16 MiB", name);
    char *text = arena_alloc(arena, (size_t)st.st_size + 1);
    if (!read_all(fd, text, (size_t)st.st_size, &out->len))
        return err_set(err, ERR_IO, errno, "cannot read \"%s\"", name);
    out->name = arena_strdup(arena, name);
    out->text = text;
    return true;
}

bool source_read(const char *name, struct arena *arena, struct source_file *out,
                 struct err *err)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                       "cannot read \"%s\"", name);
    bool ok = read_open(fd, name, arena, out, err);
    close(fd);
    return ok;
}

static const char *find_line(const struct words *w, struct place place,
                             size_t *len)
{
    for (size_t i = 0; i < w->file_count; i++) {
        const struct source_file *f = &w->files[i];
        if (f->name != place.file)
            continue;
        const char *s = f->text, *end = f->text + f->len;
        for (int line = 1; line < place.line && s < end; line++) {
            const char *stop = memchr(s, '\n', (size_t)(end - s));
            s = stop == NULL ? end : stop + 1;
        }
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        *len = (size_t)((stop == NULL ? end : stop) - s);
        return s;
    }
    return NULL;
}

static const char *forward(const char *s, const char *end, int characters)
{
    while (s < end && characters > 0) {
        s++;
        characters -= s == end || ((unsigned char)*s & 0xc0) != 0x80;
    }
    return s;
}

void words_show_line(const struct words *w, struct place place, struct buf *out)
{
    size_t len;
    const char *line = find_line(w, place, &len);
    if (line == NULL)
        return;
    int skip = place.column <= SHOWN ? 0 : place.column - 1 - SHOWN_BEFORE;
    const char *end = line + len;
    const char *from = forward(line, end, skip);
    const char *stop = forward(from, end, SHOWN);
    struct buf shown = {0};
    for (const char *s = from; s < stop; s++)
        buf_addc(&shown, *s == '\t' ? ' ' : *s);
    buf_addf(out, "\n%5d | ", place.line);
    str_clean_buf(out, shown.data, shown.len, false);
    buf_addf(out, "\n      | %*s^", place.column - 1 - skip, "");
    buf_free(&shown);
}
