/* What the pages say: every text has its values in each language, and which
 * language a browser gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "web/words.h"

static size_t gaps(const char *text)
{
    size_t n = 0;
    while ((text = strstr(text, "{}")) != NULL) {
        text += 2;
        n++;
    }
    return n;
}

static void texts_have_their_values(void **state)
{
    (void)state;
    for (unsigned w = 0; w < WORD_COUNT; w++)
        for (unsigned l = 0; l < LANGUAGE_COUNT; l++) {
            const char *text = word_in((enum language)l, (enum word)w);
            assert_non_null(text);
            assert_true(text[0] != '\0' && text[0] != ' ');
            if (gaps(text) != gaps(word_in(ENGLISH, (enum word)w)))
                fail_msg("\"%s\" has not the values of \"%s\"", text,
                         word_in(ENGLISH, (enum word)w));
        }
}

static void a_browser_gets_its_language(void **state)
{
    (void)state;
    static const struct {
        const char *query, *accept;
        enum language language;
    } rows[] = {
        {NULL, NULL, ENGLISH},
        {NULL, "", ENGLISH},
        {NULL, "es", SPANISH},
        {NULL, "es-AR,es;q=0.9,en;q=0.8", SPANISH},
        {NULL, "en-GB, es;q=0.9", ENGLISH},
        {NULL, "de-DE, de;q=0.9, es;q=0.3, en;q=0.2", SPANISH},
        {NULL, "en;q=0.2, ES-es; q=0.75", SPANISH},
        {NULL, "es;q=0", ENGLISH},
        {NULL, "est, enm", ENGLISH},
        {NULL, ",,;q=,es", SPANISH},
        {NULL, "es;q=99999999999999999999, en", ENGLISH},
        {NULL, "fr, *", ENGLISH},
        {"es", "en", SPANISH},
        {"en", "es", ENGLISH},
        {"xx", "es", SPANISH},
        {"", "es", SPANISH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum language got = language_for(rows[i].query, rows[i].accept);
        if (got != rows[i].language)
            fail_msg("row %zu: %s", i, language_tag(got));
    }
}

static void every_state_has_its_word(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATE_COUNT; i++)
        assert_string_equal(
            word_in(ENGLISH, word_of_state((enum check_state)i)),
            state_name((enum check_state)i));
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        assert_string_equal(word_in(ENGLISH, word_of_outcome((enum outcome)i)),
                            outcome_name((enum outcome)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_their_values),
        cmocka_unit_test(a_browser_gets_its_language),
        cmocka_unit_test(every_state_has_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
