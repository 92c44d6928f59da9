/* test_snapshot_file.c - a snapshot file is read back as written, or refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xxhash.h>

#include "scratch.h"
#include "snapshot/snapshot_file.h"
#include "snapshot/snapshot_format.h"

static scratch dir;
static char path[512];

static void setup(void) {
  scratch_open(&dir);
  scratch_path(&dir, "file", path);
}

static void teardown(void) {
  scratch_close(&dir);
}

static raft_slice str(const char *text) {
  return (raft_slice){text, strlen(text)};
}

static kv_snapshot_writer *open_writer(const char *head) {
  kv_snapshot_writer *writer = NULL;
  kv_error error = {0};
  ck_assert_msg(kv_snapshot_writer_open(path, str(head), &writer, &error) == KV_OK, "%s",
                error.text);
  return writer;
}

static kv_snapshot_sum finish(kv_snapshot_writer *writer) {
  kv_snapshot_sum sum = {0};
  ck_assert_int_eq(kv_snapshot_writer_finish(writer, &sum, NULL), KV_OK);
  ck_assert_int_eq(kv_snapshot_writer_sync(writer, NULL), KV_OK);
  kv_snapshot_writer_close(writer);
  return sum;
}

static void add(kv_snapshot_writer *writer, const char *key, const char *value) {
  ck_assert_int_eq(kv_snapshot_writer_add(writer, str(key), str(value), NULL), KV_OK);
}

/* Reads a file to its end; KV_OK if it was whole. Counts the records. */
static int read_file(size_t *records, kv_error *error) {
  kv_snapshot_reader *reader;
  raft_slice key, value;
  int rc = kv_snapshot_reader_open(path, &reader, error);
  *records = 0;
  if (rc != KV_OK) {
    return rc;
  }
  while ((rc = kv_snapshot_reader_next(reader, &key, &value, error)) == KV_OK) {
    ++*records;
  }
  kv_snapshot_reader_close(reader);
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

START_TEST(what_was_written_is_read) {
  raft_slice key, value;
  kv_snapshot_reader *reader;
  kv_snapshot_writer *writer = open_writer("about this");
  add(writer, "a", "1");
  add(writer, "b", "");
  add(writer, "ba", "a longer value");
  kv_snapshot_sum written = finish(writer);
  ck_assert_int_eq(kv_snapshot_reader_open(path, &reader, NULL), KV_OK);
  raft_slice head = kv_snapshot_reader_head(reader);
  ck_assert_uint_eq(head.len, strlen("about this"));
  ck_assert_mem_eq(head.data, "about this", head.len);
  static const char *const expected[] = {"a", "1", "b", "", "ba", "a longer value"};
  for (size_t i = 0; i < 6; i += 2) {
    ck_assert_int_eq(kv_snapshot_reader_next(reader, &key, &value, NULL), KV_OK);
    ck_assert_uint_eq(key.len, strlen(expected[i]));
    ck_assert_mem_eq(key.data, expected[i], key.len);
    ck_assert_uint_eq(value.len, strlen(expected[i + 1]));
    ck_assert_mem_eq(value.data, expected[i + 1], value.len);
  }
  ck_assert_int_eq(kv_snapshot_reader_next(reader, &key, &value, NULL), KV_ENOTFOUND);
  ck_assert_int_eq(kv_snapshot_reader_next(reader, &key, &value, NULL), KV_ENOTFOUND);
  kv_snapshot_sum read = kv_snapshot_reader_sum(reader);
  ck_assert_uint_eq(read.keys, 3);
  ck_assert_mem_eq(&read, &written, sizeof read);
  kv_snapshot_reader_close(reader);
}
END_TEST

START_TEST(no_records_are_a_snapshot_too) {
  size_t records;
  kv_snapshot_sum sum = finish(open_writer(""));
  ck_assert_uint_eq(sum.keys, 0);
  ck_assert_int_eq(read_file(&records, NULL), KV_OK);
  ck_assert_uint_eq(records, 0);
}
END_TEST

START_TEST(many_chunks_and_the_largest_record) {
  enum { RECORDS = 3000 };
  size_t records;
  char key[KV_MAX_KEY + 1];
  char *value = calloc(1, KV_MAX_VALUE + 1);
  ck_assert_ptr_nonnull(value);
  kv_snapshot_writer *writer = open_writer("head");
  for (int i = 0; i < RECORDS; i++) {
    (void)snprintf(key, sizeof key, "key%06d", i);
    raft_slice bytes = {value, (size_t)i % 1000};
    ck_assert_int_eq(kv_snapshot_writer_add(writer, str(key), bytes, NULL), KV_OK);
  }
  memset(key, 'z', sizeof key);
  ck_assert_int_eq(kv_snapshot_writer_add(writer, (raft_slice){key, KV_MAX_KEY},
                                          (raft_slice){value, KV_MAX_VALUE}, NULL),
                   KV_OK);
  ck_assert_int_eq(
      kv_snapshot_writer_add(writer, (raft_slice){key, KV_MAX_KEY + 1}, str("v"), NULL), KV_EINVAL);
  ck_assert_int_eq(
      kv_snapshot_writer_add(writer, str("zz"), (raft_slice){value, KV_MAX_VALUE + 1}, NULL),
      KV_EINVAL);
  ck_assert_int_eq(kv_snapshot_writer_add(writer, str(""), str("v"), NULL), KV_EINVAL);
  kv_snapshot_sum sum = finish(writer);
  ck_assert_uint_eq(sum.keys, RECORDS + 1);
  ck_assert_int_eq(read_file(&records, NULL), KV_OK);
  ck_assert_uint_eq(records, RECORDS + 1);
  free(value);
}
END_TEST

/* A small file with two chunks. */
static unsigned char *small_file(size_t *len) {
  static char filler[KV_SNAPSHOT_CHUNK];
  kv_snapshot_writer *writer = open_writer("head");
  memset(filler, 'f', sizeof filler);
  add(writer, "a", "1");
  ck_assert_int_eq(
      kv_snapshot_writer_add(writer, str("b"), (raft_slice){filler, sizeof filler}, NULL), KV_OK);
  add(writer, "c", "3");
  add(writer, "d", "4");
  (void)finish(writer);
  return scratch_read(&dir, "file", len);
}

/* Offsets worth trying: all but the inside of the long value. */
static bool is_interesting(size_t offset, size_t len) {
  return offset < 512 || offset + 512 > len || offset % 4099 == 0;
}

START_TEST(a_file_that_was_cut_is_refused_at_every_byte) {
  size_t len, records;
  unsigned char *bytes = small_file(&len);
  ck_assert_int_eq(read_file(&records, NULL), KV_OK);
  for (size_t cut = len; cut-- > 0;) {
    kv_error error = {0};
    if (is_interesting(cut, len)) {
      ck_assert_int_eq(truncate(path, (off_t)cut), 0);
      ck_assert_int_eq(read_file(&records, &error), KV_ECORRUPT);
      ck_assert_ptr_nonnull(strstr(error.text, "damaged snapshot"));
    }
  }
  free(bytes);
}
END_TEST

static void set_byte(int fd, size_t at, unsigned char byte) {
  ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
}

START_TEST(every_flipped_bit_is_found) {
  size_t len, records;
  unsigned char *bytes = small_file(&len);
  int fd = open(path, O_WRONLY);
  ck_assert_int_ge(fd, 0);
  for (size_t at = 0; at < len; at++) {
    for (unsigned bit = 0; bit < 8 && is_interesting(at, len); bit += 3) {
      set_byte(fd, at, bytes[at] ^ (unsigned char)(1u << bit));
      ck_assert_int_eq(read_file(&records, NULL), KV_ECORRUPT);
      set_byte(fd, at, bytes[at]);
    }
  }
  ck_assert_int_eq(read_file(&records, NULL), KV_OK);
  close(fd);
  free(bytes);
}
END_TEST

START_TEST(bytes_behind_the_end_are_refused) {
  size_t len, records;
  unsigned char *bytes = small_file(&len);
  bytes = realloc(bytes, len + 1);
  ck_assert_ptr_nonnull(bytes);
  bytes[len] = 0;
  scratch_write(&dir, "file", bytes, len + 1);
  ck_assert_int_eq(read_file(&records, NULL), KV_ECORRUPT);
  free(bytes);
}
END_TEST

/* --- a hostile writer gets its hashes right -----------------------------------------------------
 */

typedef struct forgery {
  unsigned char bytes[4096];
  size_t len;
  uint64_t chunks;
} forgery;

static void put(forgery *f, uint64_t number, size_t bytes) {
  kv_put_little(f->bytes + f->len, number, bytes);
  f->len += bytes;
}

static void put_header(forgery *f, uint64_t version, uint64_t head_len) {
  memcpy(f->bytes, KV_SNAPSHOT_MAGIC, 8);
  f->len = 8;
  put(f, version, 4);
  put(f, head_len, 4);
  put(f, XXH3_64bits(f->bytes, f->len), 8);
}

static void put_chunk(forgery *f, uint64_t kind, uint64_t len, const void *payload, size_t real) {
  put(f, kind, 4);
  put(f, len, 4);
  put(f, XXH3_64bits(payload, real), 8);
  memcpy(f->bytes + f->len, payload, real);
  f->len += real;
  f->chunks++;
}

static void put_trailer(forgery *f, uint64_t keys) {
  put(f, KV_SNAPSHOT_TRAILER_KIND, 4);
  put(f, 0, 4);
  put(f, f->chunks, 8);
  put(f, keys, 8);
  put(f, XXH3_64bits(f->bytes, f->len), 8);
}

static int read_forgery(const forgery *f) {
  size_t records;
  scratch_write(&dir, "file", f->bytes, f->len);
  return read_file(&records, NULL);
}

START_TEST(forged_headers_are_refused) {
  forgery f = {0};
  put_header(&f, 1, 0);
  put_trailer(&f, 0);
  ck_assert_int_eq(read_forgery(&f), KV_OK); /* the forger knows the format */
  f = (forgery){0};
  put_header(&f, 2, 0);
  put_trailer(&f, 0);
  ck_assert_int_eq(read_forgery(&f), KV_ECORRUPT);
  f = (forgery){0};
  put_header(&f, 1, UINT32_MAX);
  put_trailer(&f, 0);
  ck_assert_int_eq(read_forgery(&f), KV_ECORRUPT);
  f = (forgery){0};
  put_header(&f, 1, 1000);
  put_trailer(&f, 0);
  ck_assert_int_eq(read_forgery(&f), KV_ECORRUPT);
}
END_TEST

START_TEST(forged_chunks_are_refused) {
  static const struct {
    uint64_t kind, len;
  } chunks[] = {{1, 0}, {1, UINT32_MAX}, {1, 8}, {3, 7}, {0, 7}, {1, 1000}};
  static const char good[] = "\1\0\0\0\0\0k";
  forgery f = {0};
  put_header(&f, 1, 0);
  put_chunk(&f, 1, 7, good, 7);
  put_trailer(&f, 1);
  ck_assert_int_eq(read_forgery(&f), KV_OK);
  for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
    f = (forgery){0};
    put_header(&f, 1, 0);
    put_chunk(&f, chunks[i].kind, chunks[i].len, good, 7);
    put_trailer(&f, 1);
    ck_assert_int_eq(read_forgery(&f), KV_ECORRUPT);
  }
}
END_TEST

START_TEST(forged_records_are_refused) {
  static const struct {
    const char *bytes;
    size_t len;
  } records[] = {
      {"\1\0\0\0\0", 5},                   /* half a record */
      {"\0\0\0\0\0\0", 6},                 /* no key */
      {"\2\0\0\0\0\0k", 7},                /* the key is cut */
      {"\1\0\1\0\0\0k", 7},                /* the value is cut */
      {"\1\0\xff\xff\xff\xffk", 7},        /* a value of 4 GiB */
      {"\xff\xff\0\0\0\0k", 7},            /* a key of 64 KiB */
      {"\1\0\0\0\0\0b\1\0\0\0\0\0a", 14},  /* descending */
      {"\1\0\0\0\0\0a\1\0\0\0\0\0a", 14},  /* twice the same */
      {"\2\0\0\0\0\0ab\1\0\0\0\0\0a", 15}, /* a prefix comes before */
  };
  for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
    forgery f = {0};
    put_header(&f, 1, 0);
    put_chunk(&f, 1, records[i].len, records[i].bytes, records[i].len);
    put_trailer(&f, i < 6 ? 1 : 2);
    ck_assert_int_eq(read_forgery(&f), KV_ECORRUPT);
  }
}
END_TEST

START_TEST(forged_counts_are_refused) {
  forgery f = {0};
  put_header(&f, 1, 0);
  put_trailer(&f, 1);
  ck_assert_int_eq(read_forgery(&f), KV_ECORRUPT);
  f = (forgery){0};
  put_header(&f, 1, 0);
  f.chunks = 1;
  put_trailer(&f, 0);
  ck_assert_int_eq(read_forgery(&f), KV_ECORRUPT);
}
END_TEST

START_TEST(files_that_are_not_there_or_are_already) {
  size_t records;
  kv_snapshot_writer *writer;
  kv_error error = {0};
  ck_assert_int_eq(read_file(&records, &error), KV_ENOTFOUND);
  ck_assert_ptr_nonnull(strstr(error.text, path));
  (void)finish(open_writer(""));
  ck_assert_int_eq(kv_snapshot_writer_open(path, str(""), &writer, &error), KV_EINVAL);
  ck_assert_int_eq(kv_snapshot_writer_open("/nowhere/file", str(""), &writer, &error), KV_EIO);
  char *head = calloc(1, KV_SNAPSHOT_MAX_HEAD + 1);
  ck_assert_int_eq(
      kv_snapshot_writer_open(path, (raft_slice){head, KV_SNAPSHOT_MAX_HEAD + 1}, &writer, &error),
      KV_EINVAL);
  free(head);
  kv_snapshot_writer_close(NULL);
  kv_snapshot_reader_close(NULL);
}
END_TEST

START_TEST(a_full_disk_is_told) {
  int rc = KV_OK;
  char value[4096], key[16];
  struct rlimit limit;
  memset(value, 'v', sizeof value);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = 1 << 20;
  ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  kv_snapshot_writer *writer = open_writer("");
  for (int i = 0; i < 1000 && rc == KV_OK; i++) {
    (void)snprintf(key, sizeof key, "%06d", i);
    rc = kv_snapshot_writer_add(writer, str(key), (raft_slice){value, sizeof value}, NULL);
  }
  ck_assert_int_eq(rc, KV_EFULL);
  kv_snapshot_writer_close(writer);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("snapshot_file");
  TCase *tcase = tcase_create("snapshot_file");
  tcase_set_timeout(tcase, 30);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, what_was_written_is_read);
  tcase_add_test(tcase, no_records_are_a_snapshot_too);
  tcase_add_test(tcase, many_chunks_and_the_largest_record);
  tcase_add_test(tcase, a_file_that_was_cut_is_refused_at_every_byte);
  tcase_add_test(tcase, every_flipped_bit_is_found);
  tcase_add_test(tcase, bytes_behind_the_end_are_refused);
  tcase_add_test(tcase, forged_headers_are_refused);
  tcase_add_test(tcase, forged_chunks_are_refused);
  tcase_add_test(tcase, forged_records_are_refused);
  tcase_add_test(tcase, forged_counts_are_refused);
  tcase_add_test(tcase, files_that_are_not_there_or_are_already);
  tcase_add_test(tcase, a_full_disk_is_told);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
