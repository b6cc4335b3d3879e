/* The file of the history: as root reads it, beside a daemon that is another
 * user (needs root), and one that was only begun. */
#include "unit/test_store_fixture.h"

#include <pwd.h>

#include "store/db.h"

typedef int chown_call(int, uid_t, gid_t);

static chown_call *real_fchown;
static unsigned made, made_by_root;

/* SQLite, as root, gives what it makes to the owner of the history; it is seen
 * here before that. */
static int seen_fchown(int fd, uid_t uid, gid_t gid)
{
    struct stat st;
    made++;
    made_by_root += fstat(fd, &st) != 0 || st.st_uid == 0;
    return real_fchown(fd, uid, gid);
}

static int spy(void **state)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    real_fchown = (chown_call *)vfs->xGetSystemCall(vfs, "fchown");
    made = made_by_root = 0;
    vfs->xSetSystemCall(vfs, "fchown", (sqlite3_syscall_ptr)seen_fchown);
    return fixture_setup(state);
}

static int unspy(void **state)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    vfs->xSetSystemCall(vfs, "fchown", NULL);
    return fixture_teardown(state);
}

/* A history, closed, of a user that is not root. */
static const struct passwd *leave_to_nobody(struct fixture *f)
{
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() != 0 || nobody == NULL)
        skip();
    fixture_open(f);
    fixture_close(f);
    assert_int_equal(chown(f->file, nobody->pw_uid, nobody->pw_gid), 0);
    made = made_by_root = 0;
    return nobody;
}

static void open_as_root(struct fixture *f, struct db *db)
{
    struct err err;
    if (!db_open_reader(db, f->file, &err))
        fail_msg("%s", err.text);
}

/* What root made beside the history was root's until it was given away; a
 * daemon that opened it in that moment said "unable to open database file". */
static void test_as_its_owner(void **state)
{
    struct fixture *f = *state;
    const struct passwd *nobody = leave_to_nobody(f);
    assert_int_equal(chown(f->dir, nobody->pw_uid, nobody->pw_gid), 0);
    struct db db;
    open_as_root(f, &db);
    assert_true(made > 0);
    assert_int_equal(made_by_root, 0);
    struct stat st;
    char index[128];
    snprintf(index, sizeof index, "%s-shm", f->file);
    assert_int_equal(stat(index, &st), 0);
    assert_int_equal(st.st_uid, nobody->pw_uid);
    assert_int_equal(st.st_gid, nobody->pw_gid);
    db_close(&db);
}

static void test_where_its_owner_does_not_get_to(void **state)
{
    struct fixture *f = *state;
    leave_to_nobody(f); /* the folder is root's, 0700 */
    struct db db;
    int64_t tables = 0;
    open_as_root(f, &db);
    assert_int_equal(
        db_number(&db, "SELECT count(*) FROM sqlite_schema", &tables),
        SQLITE_OK);
    assert_true(tables > 0);
    db_close(&db);
}

static void copy_file(const char *from, const char *to, size_t most)
{
    char bytes[4096];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t n;
         most > 0 &&
         (n = fread(bytes, 1, most < sizeof bytes ? most : sizeof bytes, in)) >
             0;
         most -= n)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

/* The disk stopped taking anything after the first page and the head of the
 * log. SQLite spoke of its locking protocol, after ten seconds, and a start
 * with such a file failed. What stands in the log only is not overlooked. */
static void test_only_begun(void **state)
{
    struct fixture *f = *state;
    char path[128], log[140], whole_log[140];
    struct db db;
    struct err err = {0};
    snprintf(path, sizeof path, "%s/begun.db", f->dir);
    snprintf(log, sizeof log, "%s-wal", path);
    snprintf(whole_log, sizeof whole_log, "%s-wal", f->file);
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle,
                                  "PRAGMA auto_vacuum = INCREMENTAL;"
                                  "PRAGMA journal_mode = WAL",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(handle);
    fixture_open(f);
    copy_file(whole_log, log, 32);
    assert_false(db_open_reader(&db, path, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    copy_file(whole_log, log, SIZE_MAX);
    err.code = ERR_NONE;
    if (db_open_reader(&db, path, &err))
        db_close(&db);
    assert_int_not_equal(err.code, ERR_NOT_FOUND);
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_as_its_owner, spy, unspy),
        cmocka_unit_test_setup_teardown(test_where_its_owner_does_not_get_to,
                                        spy, unspy),
        cmocka_unit_test_setup_teardown(test_only_begun, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
