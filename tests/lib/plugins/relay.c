/* A plugin for tests of triggers: it waits, has another check triggered when
 * the option `trigger` names one, passes on what that came to, and reports its
 * own texts, so that a test sees what stood in their places. */
#include <relevo/plugin.h>

struct conf {
    const char *trigger, *value, *text, *own;
    struct rlv_list list;
    struct rlv_dict dict;
    int64_t after, times, wrong;
};

enum { TEXT, OWN, LIST, DICT, ANSWERS, TOOK };

static const struct rlv_option options[] = {
    {"trigger", RLV_STRING, RLV_CHECK_REF, offsetof(struct conf, trigger), NULL,
     NULL, "whom to trigger"},
    {"value", RLV_STRING, 0, offsetof(struct conf, value), "v", NULL,
     "of {{nonce}} then"},
    {"text", RLV_STRING, 0, offsetof(struct conf, text), "", NULL, "a text"},
    {"own", RLV_STRING, RLV_OWN_PLACES, offsetof(struct conf, own), "", NULL,
     "a text whose places are ours"},
    {"list", RLV_LIST, 0, offsetof(struct conf, list), "", NULL, "texts"},
    {"dict", RLV_DICT, 0, offsetof(struct conf, dict), NULL, NULL, "more"},
    {"after", RLV_DURATION, 0, offsetof(struct conf, after), "0", NULL,
     "how long it takes"},
    {"times", RLV_INT, 0, offsetof(struct conf, times), "1", NULL,
     "how often it triggers, at once"},
    {"wrong", RLV_BOOL, 0, offsetof(struct conf, wrong), "false", NULL,
     "it triggers what no option names"},
};

static const struct rlv_field fields[] = {
    [TEXT] = {"text_seen", RLV_T_TEXT, RLV_RECORDED, "", "the text"},
    [OWN] = {"own_seen", RLV_T_TEXT, RLV_RECORDED, "", "the other text"},
    [LIST] = {"list_seen", RLV_T_TEXT, RLV_RECORDED, "", "the first item"},
    [DICT] = {"dict_seen", RLV_T_TEXT, RLV_RECORDED, "", "the first value"},
    [ANSWERS] = {"answers", RLV_T_INT, RLV_RECORDED, "", "of triggers"},
    [TOOK] = {"took", RLV_T_DURATION, RLV_RECORDED, "", "the last of them"},
};

static const struct rlv_host *host;

struct work {
    struct rlv_probe *probe;
    int64_t waits, answers, began;
};

static void answered(void *arg, enum rlv_fault fault, int64_t started_ns,
                     int64_t ended_ns)
{
    struct work *w = arg;
    w->answers++;
    host->phase(w->probe, RLV_PH_PUBLISH, ended_ns - started_ns);
    if (fault != RLV_F_NONE)
        host->fault(w->probe, fault, "TRIGGER", 0, "the trigger failed");
    if (--w->waits > 0)
        return;
    host->phase(w->probe, RLV_PH_SUBSCRIBE, started_ns - w->began);
    host->phase(w->probe, RLV_PH_DELIVER, host->now() - ended_ns);
    host->observe(w->probe, ANSWERS, rlv_int(w->answers));
    host->observe(w->probe, TOOK, rlv_duration(ended_ns - started_ns));
    host->done(w->probe);
}

static void over(void *arg, int events)
{
    struct work *w = arg;
    (void)events;
    host->done(w->probe);
}

static void start(struct rlv_probe *p, const void *arg)
{
    const struct conf *conf = arg;
    struct work *w = host->alloc(host->probe_scope(p), sizeof *w);
    const struct rlv_pair values[] = {{"other", "x"}, {"nonce", conf->value}};
    w->probe = p;
    w->began = host->now();
    host->observe(p, TEXT, rlv_text(conf->text));
    host->observe(p, OWN, rlv_text(conf->own));
    if (conf->list.count > 0)
        host->observe(p, LIST, rlv_text(conf->list.items[0]));
    if (conf->dict.count > 0)
        host->observe(p, DICT, rlv_text(conf->dict.pairs[0].value));
    if (!conf->trigger) {
        host->timer(host->probe_scope(p), conf->after, over, w);
        return;
    }
    w->waits = conf->times;
    for (int64_t i = 0; i < conf->times; i++)
        host->trigger(p, conf->wrong ? "another" : conf->trigger, values, 2,
                      answered, w);
}

static int init(const struct rlv_host *h)
{
    host = h;
    return 0;
}

RLV_PLUGIN(.name = "relay", .version = "1.0", .summary = "triggers",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields), .init = init,
           .start = start);
