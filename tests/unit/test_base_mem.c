/* Memory, arenas, bufs, maps and heaps: each against a plain model of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/mem.h"

static uint64_t seed = 7;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 33;
}

/* -------------------------------------------------------------- memory --- */

/* The status with which a child that calls fn ends. */
static int status_of(void (*fn)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(99);
        fn();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void ask_for_more_than_there_is(void)
{
    volatile size_t half = SIZE_MAX / 2 + 1;
    void *p = xcalloc(half, 2); /* the product is 0 */
    _exit(p == NULL ? 98 : 97);
}

static void test_memory(void **state)
{
    (void)state;
    char *p = xmalloc(0);
    assert_non_null(p);
    p = xrealloc(p, 0);
    assert_non_null(p);
    free(p);
    int *zero = xcalloc(4, sizeof *zero);
    for (int i = 0; i < 4; i++)
        assert_int_equal(zero[i], 0);
    free(zero);
    char *s = xstrndup("abcdef", 3);
    assert_string_equal(s, "abc");
    free(s);
    s = xasprintf("%d-%s", 5, "x");
    assert_string_equal(s, "5-x");
    free(s);
}

static void test_out_of_memory_ends_the_process(void **state)
{
    (void)state;
#ifdef RELEVO_SANITIZED
    print_message("skipped: the sanitizer ends such a process itself\n");
    skip();
#endif
    int status = status_of(ask_for_more_than_there_is);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
}

static void test_grow(void **state)
{
    (void)state;
    size_t cap = 0;
    int *items = NULL;
    for (int i = 0; i < 1000; i++) {
        items = xgrow(items, (size_t)i, &cap, sizeof *items);
        assert_true(cap > (size_t)i);
        items[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    free(items);
}

/* -------------------------------------------------------------- arenas --- */

static void test_arena_blocks_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    struct arena *a = arena_new();
    unsigned char *blocks[COUNT];
    size_t sizes[COUNT], total = 0;
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = next_random() % (i % 50 == 0 ? 100000 : 300) + 1;
        blocks[i] = arena_alloc(a, sizes[i]);
        total += sizes[i];
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            if (blocks[i][k] != 0)
                fail_msg("block %zu is not zeroed at %zu", i, k);
        memset(blocks[i], (int)(i % 255) + 1, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], i % 255 + 1);
    assert_true(arena_bytes(a) >= total);
    arena_free(a);
    arena_free(NULL);
}

static void test_an_emptied_arena_takes_no_more(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    size_t once = 0;
    for (int turn = 0; turn < 50; turn++) {
        char *blocks[40];
        for (int i = 0; i < 40; i++) {
            blocks[i] = arena_alloc(a, (size_t)(i * 100 + 1));
            assert_int_equal(blocks[i][i * 100], 0); /* whatever was there */
            memset(blocks[i], i, (size_t)(i * 100 + 1));
        }
        for (int i = 0; i < 40; i++)
            assert_int_equal(blocks[i][i * 100], i);
        arena_reset(a);
        assert_true(turn < 8 || arena_bytes(a) == once);
        once = arena_bytes(a);
    }
    arena_free(a);
    a = arena_new();
    arena_reset(a); /* nothing was ever taken */
    assert_string_equal(arena_strdup(a, "abc"), "abc");
    arena_free(a);
}

static void test_arena_text(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_null(arena_strdup(a, NULL));
    assert_string_equal(arena_strdup(a, "abc"), "abc");
    assert_string_equal(arena_strdup(a, ""), "");
    assert_string_equal(arena_strndup(a, "abcdef", 2), "ab");
    assert_string_equal(arena_printf(a, "%s=%d", "n", 42), "n=42");
    assert_memory_equal(arena_memdup(a, "\0x\0", 3), "\0x\0", 3);
    assert_non_null(arena_memdup(a, NULL, 0));
    char *big = arena_printf(a, "%70000s|", "");
    assert_int_equal(strlen(big), 70001);
    arena_free(a);
}

/* ---------------------------------------------------------------- bufs --- */

static void test_buf_against_array(void **state)
{
    (void)state;
    static char model[1 << 18];
    size_t len = 0;
    struct buf b = {0};
    assert_string_equal(buf_text(&b), "");
    for (int i = 0; i < 3000; i++) {
        char bytes[100];
        size_t n = next_random() % sizeof bytes;
        memset(bytes, 'a' + i % 26, sizeof bytes);
        if (i % 7 == 3) {
            n = n > len ? len : n;
            memmove(model, model + n, len - n);
            len -= n;
            buf_drop(&b, n);
        } else {
            memcpy(model + len, bytes, n);
            len += n;
            buf_add(&b, bytes, n);
        }
        assert_int_equal(b.len, len);
        if (b.data != NULL)
            assert_int_equal(b.data[b.len], '\0');
    }
    assert_memory_equal(b.data, model, len);
    buf_free(&b);
    assert_int_equal(b.len, 0);
}

static void test_buf_text(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_addf(&b, "%s %d", "x", 1);
    buf_addc(&b, '!');
    buf_adds(&b, "");
    buf_add(&b, NULL, 0);
    assert_string_equal(b.data, "x 1!");
    buf_addf(&b, "%5000s", "");
    assert_int_equal(b.len, 5004);
    buf_clear(&b);
    assert_string_equal(buf_text(&b), "");
    assert_true(b.cap > 5000);
    buf_adds(&b, "taken");
    char *text = buf_take(&b);
    assert_string_equal(text, "taken");
    assert_null(b.data);
    free(text);
    text = buf_take(&b);
    assert_string_equal(text, "");
    free(text);
    buf_drop(&b, 0);
}

static void reserve_too_much(void)
{
    struct buf b = {0};
    volatile size_t much = SIZE_MAX - 1;
    alarm(5);
    buf_reserve(&b, much);
}

static void test_buf_refuses_too_much(void **state)
{
    (void)state;
    int status = status_of(reserve_too_much);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---------------------------------------------------------------- maps --- */

static void test_map_keeps_order_and_values(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static int values[COUNT];
    char key[32];
    struct map *m = map_new();
    assert_null(map_get(m, "absent"));
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "key-%d", i * 7919 % COUNT);
        assert_null(map_set(m, key, &values[i]));
    }
    memset(key, 'x', sizeof key - 1); /* keys are copies */
    assert_int_equal(map_count(m), COUNT);
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "key-%d", i * 7919 % COUNT);
        assert_string_equal(map_key(m, (size_t)i), key);
        assert_ptr_equal(map_at(m, (size_t)i), &values[i]);
        assert_ptr_equal(map_get(m, key), &values[i]);
    }
    assert_false(map_has(m, "key-3000"));
    assert_false(map_has(m, ""));
    map_free(m);
}

static void test_map_replaces(void **state)
{
    (void)state;
    int a, b;
    struct map *m = map_new();
    assert_null(map_set(m, "k", &a));
    assert_ptr_equal(map_set(m, "k", &b), &a);
    assert_ptr_equal(map_get(m, "k"), &b);
    assert_int_equal(map_count(m), 1);
    map_set(m, "null", NULL);
    assert_null(map_get(m, "null"));
    assert_true(map_has(m, "null"));
    map_free(m);
    map_free(NULL);
    assert_int_equal(map_count(NULL), 0);
    assert_null(map_get(NULL, "k"));
}

/* --------------------------------------------------------------- heaps --- */

enum { NODES = 2000 };

/* By due, then by the time of insertion, which a node's order tells. */
static int by_due(const void *a, const void *b)
{
    const struct heap_node *x = *(struct heap_node *const *)a;
    const struct heap_node *y = *(struct heap_node *const *)b;
    if (x->due != y->due)
        return x->due < y->due ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* Random insertions, moves and removals; then the heap empties in the order
 * of qsort. */
static void test_heap_against_qsort(void **state)
{
    (void)state;
    static struct heap_node nodes[NODES], *sorted[NODES];
    memset(nodes, 0, sizeof nodes);
    struct heap h = {0};
    assert_null(heap_first(&h));
    for (int i = 0; i < 20000; i++) {
        struct heap_node *n = &nodes[next_random() % NODES];
        if (next_random() % 4 == 0)
            heap_remove(&h, n);
        else
            heap_set(&h, n, (int64_t)(next_random() % 300) - 150);
    }
    size_t count = 0;
    for (size_t i = 0; i < NODES; i++)
        if (heap_has(&nodes[i]))
            sorted[count++] = &nodes[i];
    assert_int_equal(h.count, count);
    assert_true(count > NODES / 2);
    qsort(sorted, count, sizeof *sorted, by_due);
    for (size_t i = 0; i < count; i++) {
        struct heap_node *first = heap_first(&h);
        if (first != sorted[i])
            fail_msg("place %zu: due %lld, expected %lld", i,
                     (long long)first->due, (long long)sorted[i]->due);
        heap_remove(&h, first);
        assert_false(heap_has(first));
    }
    assert_null(heap_first(&h));
    heap_free(&h);
}

static void test_heap_equal_dues_keep_their_order(void **state)
{
    (void)state;
    struct heap_node n[5] = {{0}};
    struct heap h = {0};
    for (int i = 0; i < 5; i++)
        heap_set(&h, &n[i], 10);
    heap_set(&h, &n[0], 10); /* set again: now the last */
    static const int order[] = {1, 2, 3, 4, 0};
    for (int i = 0; i < 5; i++) {
        assert_ptr_equal(heap_first(&h), &n[order[i]]);
        heap_remove(&h, &n[order[i]]);
    }
    heap_remove(&h, &n[0]); /* absent is fine */
    heap_set(&h, &n[0], INT64_MAX);
    heap_set(&h, &n[1], INT64_MIN);
    assert_ptr_equal(heap_first(&h), &n[1]);
    heap_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_out_of_memory_ends_the_process),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_arena_blocks_do_not_overlap),
        cmocka_unit_test(test_an_emptied_arena_takes_no_more),
        cmocka_unit_test(test_arena_text),
        cmocka_unit_test(test_buf_against_array),
        cmocka_unit_test(test_buf_text),
        cmocka_unit_test(test_buf_refuses_too_much),
        cmocka_unit_test(test_map_keeps_order_and_values),
        cmocka_unit_test(test_map_replaces),
        cmocka_unit_test(test_heap_against_qsort),
        cmocka_unit_test(test_heap_equal_dues_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
