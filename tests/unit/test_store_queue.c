/* The queue of records: whole steps only, whoever appends or takes meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/queue.h"

static struct record *state(uint64_t sequence, bool more, enum grade grade)
{
    struct record r = {.kind = RECORD_STATE,
                       .grade = grade,
                       .more = more,
                       .sequence = sequence};
    return record_copy(&r);
}

static struct record *result(uint64_t sequence, bool more)
{
    struct record r = {
        .kind = RECORD_RESULT, .more = more, .sequence = sequence};
    r.as.result = result_new();
    struct record *copy = record_copy(&r);
    result_free(r.as.result);
    return copy;
}

static struct batch take_now(struct queue *q)
{
    struct batch b;
    queue_take(q, clock_mono_ns(), &b);
    return b;
}

static void a_step_is_taken_when_it_is_whole(void **unused)
{
    (void)unused;
    struct queue q;
    queue_init(&q, 1 << 20);
    queue_append(&q, state(1, false, GRADE_RELAXED));
    queue_append(&q, state(2, true, GRADE_DURABLE));
    queue_append(&q, state(3, true, GRADE_RELAXED));
    struct batch b = take_now(&q);
    assert_int_equal(b.count, 1);
    assert_int_equal(b.last->record->sequence, 1);
    queue_done(&b);
    b = take_now(&q);
    assert_int_equal(b.count, 0);
    queue_append(&q, state(4, false, GRADE_RELAXED));
    b = take_now(&q);
    assert_int_equal(b.count, 3);
    assert_int_equal(b.last->record->sequence, 4);
    assert_true(b.durable);
    queue_done(&b);
    queue_fini(&q);
}

static void a_large_step_is_not_cut(void **unused)
{
    (void)unused;
    struct queue q;
    queue_init(&q, (size_t)64 << 20);
    uint64_t sequence = 0;
    for (int i = 0; i < QUEUE_BATCH - 10; i++)
        queue_append(&q, state(++sequence, false, GRADE_RELAXED));
    for (int i = 0; i < QUEUE_BATCH; i++)
        queue_append(&q, state(++sequence, i + 1 < QUEUE_BATCH, GRADE_RELAXED));
    queue_append(&q, state(++sequence, false, GRADE_RELAXED));
    struct batch b = take_now(&q);
    assert_int_equal(b.count, 2 * QUEUE_BATCH - 10);
    assert_false(b.last->record->more);
    queue_done(&b);
    b = take_now(&q);
    assert_int_equal(b.count, 1);
    queue_done(&b);
    queue_fini(&q);
}

/* The last of a step may be what is dropped: the step ends all the same. */
static void a_dropped_record_ends_its_step(void **unused)
{
    (void)unused;
    struct queue q;
    queue_init(&q, 1);
    queue_append(&q, state(1, true, GRADE_RELAXED));
    queue_append(&q, result(2, false));
    queue_append(&q, state(3, false, GRADE_RELAXED));
    assert_int_equal(queue_dropped(&q), 1);
    struct batch b = take_now(&q);
    assert_int_equal(b.count, 2);
    queue_done(&b);
    queue_fini(&q);
}

static void closing_takes_what_there_is(void **unused)
{
    (void)unused;
    struct queue q;
    queue_init(&q, 1 << 20);
    queue_append(&q, state(1, true, GRADE_RELAXED));
    queue_close(&q);
    struct batch b = take_now(&q);
    assert_int_equal(b.count, 1);
    queue_done(&b);
    queue_fini(&q);
}

enum { STEPS = 3000 };

static void *append_steps(void *arg)
{
    uint64_t sequence = 0;
    for (int i = 0; i < STEPS; i++)
        for (int k = 3; k >= 0; k--)
            queue_append(arg, state(++sequence, k > 0,
                                    k == 2 && i % 7 == 0 ? GRADE_DURABLE
                                                         : GRADE_RELAXED));
    return NULL;
}

static void no_batch_ends_inside_a_step(void **unused)
{
    (void)unused;
    struct queue q;
    pthread_t thread;
    queue_init(&q, (size_t)64 << 20);
    assert_int_equal(pthread_create(&thread, NULL, append_steps, &q), 0);
    for (uint64_t taken = 0; taken < STEPS * 4;) {
        struct batch b;
        queue_take(&q, clock_mono_ns() + NS_PER_S, &b);
        if (b.last != NULL)
            assert_false(b.last->record->more);
        taken += b.count;
        queue_done(&b);
    }
    pthread_join(thread, NULL);
    queue_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_taken_when_it_is_whole),
        cmocka_unit_test(a_large_step_is_not_cut),
        cmocka_unit_test(a_dropped_record_ends_its_step),
        cmocka_unit_test(closing_takes_what_there_is),
        cmocka_unit_test(no_batch_ends_inside_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
