/* worker/judged.c: what goes with a result once it is judged: observations,
 * those that were recorded out of the answer, evidence. Owns nothing; what it
 * adds lies in the result's arena. Called by judge.c. */
#include "worker/judging.h"

size_t judging_recorded_count(const struct names *names)
{
    return names->scope.field_count - names->observed;
}

/* With a failing result go all plain values: `when` of a runbook may ask. */
static bool is_reported(const struct judging *j, const struct rlv_field *field,
                        bool *recorded)
{
    *recorded = (field->flags & RLV_RECORDED) != 0;
    bool wanted =
        *recorded || j->trace ||
        (j->result->outcome != OUTCOME_OK && field->type != RLV_T_MAP);
    return field->type != RLV_T_BODY && wanted;
}

static void report_value(struct judging *j, const char *name, const char *key,
                         const struct rlv_value *v, bool recorded)
{
    struct result *r = j->result;
    r->observations[r->observation_count++] =
        (struct observation){name, key, *v, recorded};
}

/* What a plugin did not measure itself is no latency when it saw no answer. A
 * duration is in every result already. */
static void report_plain(struct judging *j, size_t i)
{
    const struct rlv_field *field = &j->plugin->catalog->fields[i];
    bool recorded, unseen = (int)i == j->plugin->latency && j->probe->faulted;
    bool known = (int)i == j->plugin->duration && !j->trace;
    if (!is_reported(j, field, &recorded) || field->type == RLV_T_MAP ||
        unseen || known)
        return;
    const struct rlv_value *v = judging_get(j, (unsigned)i, NULL);
    if (v != NULL)
        report_value(j, field->name, NULL, v, recorded);
}

static void report_recorded(struct judging *j, size_t n)
{
    const struct names *names = j->check->names;
    for (size_t i = 0; i < n; i++)
        if (j->recorded[i].type != 0)
            report_value(j, names->scope.fields[names->observed + i].name, NULL,
                         &j->recorded[i], true);
}

void judging_report_observations(struct judging *j)
{
    const struct rlv_probe *p = j->probe;
    const struct catalog *c = j->plugin->catalog;
    size_t recorded =
        j->recorded == NULL ? 0 : judging_recorded_count(j->check->names);
    j->result->observations = arena_alloc(
        j->result->arena, (c->field_count + recorded + p->keyed_count) *
                              sizeof *j->result->observations);
    for (size_t i = 0; i < c->field_count; i++)
        report_plain(j, i);
    report_recorded(j, recorded);
    for (const struct keyed *k = p->keyed; k != NULL; k = k->next) {
        const struct rlv_field *field = &c->fields[k->field];
        bool kept;
        if (is_reported(j, field, &kept))
            report_value(j, field->name, k->key, &k->value, kept);
    }
}

void judging_report_evidence(struct judging *j)
{
    struct result *r = j->result;
    if (r->outcome == OUTCOME_OK && !j->trace)
        return;
    r->evidence =
        arena_alloc(r->arena, j->probe->piece_count * sizeof *r->evidence);
    for (const struct piece *p = j->probe->pieces; p != NULL; p = p->next) {
        r->evidence[r->evidence_count++] = p->evidence;
        if (p->evidence.dropped > 0)
            r->flags |= RESULT_TRUNCATED;
    }
}
