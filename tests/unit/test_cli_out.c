/* How commands lay text out: words wrapped, and tables folded, at a
 * terminal's width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/attr.h"
#include "cli/out.h"

static void assert_wrapped(const char *text, int indent, int columns,
                           const char *expected)
{
    struct buf out = {0};
    out_put_wrapped(&out, text, indent, columns);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void test_wrapping(void **state)
{
    (void)state;
    assert_wrapped("look at db, with a free disk first", 2, 14,
                   "look at db,\n  with a free\n  disk first");
    assert_wrapped("exactly twelve", 0, 14, "exactly twelve");
    assert_wrapped("exactly twelv ", 0, 13, "exactly twelv");
    assert_wrapped("no terminal, no breaks at all", 4, 0,
                   "no terminal, no breaks at all");
    assert_wrapped("", 2, 10, "");
}

static void test_characters_not_bytes(void **state)
{
    (void)state;
    assert_wrapped("áéíóú áéíóú", 0, 11, "áéíóú áéíóú");
    assert_wrapped("áéíóú áéíóú", 1, 10, "áéíóú\n áéíóú");
}

static void test_words_stay_whole(void **state)
{
    (void)state;
    assert_wrapped("see https://app.example.com/health now", 2, 12,
                   "see\n  https://app.example.com/health\n  now");
    assert_wrapped("a b", 9, 4, "a\n         b");
    assert_wrapped("  two   spaces  ", 0, 5, "  two\nspaces");
}

/* What the function prints on a terminal of that many columns. */
static const char *on_terminal(unsigned short columns, void (*print)(void))
{
    static char text[2000];
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    struct termios raw;
    int before = dup(STDOUT_FILENO);
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_int_equal(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
    fflush(stdout);
    dup2(slave, STDOUT_FILENO);
    print();
    fflush(stdout);
    ssize_t n = read(master, text, sizeof text - 1);
    dup2(before, STDOUT_FILENO);
    close(before);
    close(slave);
    close(master);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static void print_runs(void)
{
    static const char *const head[] = {"RUN", "RUNBOOK", "RESULT", "REASON"};
    struct table *t = table_begin(head, ARRAY_LEN(head));
    const char *const cells[] = {
        "R-2", "db-diagnose", "done", "the disk of the database is full",
        "R-1", "db-diagnose", "held", ""};
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        table_cell(t, "%s", cells[i]);
    table_print(t);
}

static void test_a_table_fits_the_terminal(void **state)
{
    (void)state;
    setenv("NO_COLOR", "1", 1);
    assert_string_equal(
        on_terminal(80, print_runs),
        "RUN  RUNBOOK      RESULT  REASON\n"
        "R-2  db-diagnose  done    the disk of the database is full\n"
        "R-1  db-diagnose  held\n");
    assert_string_equal(on_terminal(30, print_runs),
                        "RUN  RUNBOOK      RESULT\n"
                        "      REASON\n"
                        "R-2  db-diagnose  done\n"
                        "      the disk of the database\n"
                        "      is full\n"
                        "R-1  db-diagnose  held\n");
    assert_string_equal(on_terminal(22, print_runs), "RUN  RUNBOOK\n"
                                                     "      RESULT  REASON\n"
                                                     "R-2  db-diagnose\n"
                                                     "      done    \n"
                                                     "      the disk of the\n"
                                                     "      database is full\n"
                                                     "R-1  db-diagnose\n"
                                                     "      held\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrapping),
        cmocka_unit_test(test_characters_not_bytes),
        cmocka_unit_test(test_words_stay_whole),
        cmocka_unit_test(test_a_table_fits_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
