/* ledger.c - pages of the book, judgement, and the file that a later process reads.
 *
 * The file is text: a line "kvbench-ledger 1 PREFIX KEYS", then for each key that was written to
 * a line "KEY ACKNOWLEDGED ATTEMPTED UNKNOWN", then "end".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int kv_ledger_init(kv_ledger *ledger, uint64_t keys) {
  ledger->pages = calloc((size_t)keys, sizeof(*ledger->pages));
  ledger->keys = ledger->pages == NULL ? 0 : keys;
  return ledger->pages == NULL ? KV_ENOMEM : KV_OK;
}

void kv_ledger_free(kv_ledger *ledger) {
  free(ledger->pages);
  *ledger = (kv_ledger){NULL, 0};
}

uint64_t kv_ledger_attempt(kv_ledger *ledger, uint64_t key) {
  return ++ledger->pages[key].attempted;
}

void kv_ledger_acknowledge(kv_ledger *ledger, uint64_t key, uint64_t sequence) {
  kv_ledger_page *page = &ledger->pages[key];
  page->acknowledged = sequence > page->acknowledged ? sequence : page->acknowledged;
}

void kv_ledger_leave_unknown(kv_ledger *ledger, uint64_t key, uint64_t sequence) {
  kv_ledger_page *page = &ledger->pages[key];
  page->unknown = page->unknown == 0 || sequence < page->unknown ? sequence : page->unknown;
}

bool kv_ledger_is_clear(const kv_ledger *ledger, uint64_t key) {
  return ledger->pages[key].unknown == 0;
}

uint64_t kv_ledger_floor(const kv_ledger *ledger, uint64_t key) {
  const kv_ledger_page *page = &ledger->pages[key];
  return page->acknowledged > page->seen ? page->acknowledged : page->seen;
}

kv_verdict kv_ledger_judge(kv_ledger *ledger, uint64_t key, uint64_t floor, uint64_t found) {
  kv_ledger_page *page = &ledger->pages[key];
  if (found > page->attempted) {
    return KV_VERDICT_INVENTED;
  }
  if (found < floor && (page->unknown == 0 || found < page->unknown)) {
    return KV_VERDICT_LOST;
  }
  page->seen = found > page->seen ? found : page->seen;
  return KV_VERDICT_RIGHT;
}

/* ---- file ---- */

static int fail_file(kv_error *error, const char *what, const char *path) {
  return kv_fail(error, KV_EIO, "cannot %s %s: %s", what, path, strerror(errno));
}

static void write_pages(const kv_ledger *ledger, FILE *file, const char *prefix) {
  (void)fprintf(file, "kvbench-ledger 1 %s %" PRIu64 "\n", prefix, ledger->keys);
  for (uint64_t key = 0; key < ledger->keys; key++) {
    const kv_ledger_page *page = &ledger->pages[key];
    if (page->attempted > 0) {
      (void)fprintf(file, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", key,
                    page->acknowledged, page->attempted, page->unknown);
    }
  }
  (void)fputs("end\n", file);
}

int kv_ledger_save(const kv_ledger *ledger, const char *path, const char *prefix, kv_error *error) {
  FILE *file = fopen(path, "we");
  if (file == NULL) {
    return fail_file(error, "create", path);
  }
  write_pages(ledger, file, prefix);
  const bool failed = ferror(file) != 0;
  return fclose(file) != 0 || failed ? fail_file(error, "write", path) : KV_OK;
}

static int fail_line(kv_error *error, const char *path, unsigned line) {
  return kv_fail(error, KV_ECORRUPT, "%s:%u: not a file that kvbench --state wrote, or cut short",
                 path, line);
}

/* Reads the numbers of a line that has nothing else. */
static bool parse_numbers(char *line, uint64_t *numbers, size_t count) {
  char *at = line;
  for (size_t i = 0; i < count; i++) {
    char *end;
    errno = 0;
    numbers[i] = strtoull(at, &end, 10);
    if (end == at || errno != 0) {
      return false;
    }
    at = end;
  }
  return strcmp(at, "\n") == 0;
}

static int read_head(kv_ledger *ledger, char *line, char *prefix) {
  const char *magic = "kvbench-ledger 1 ";
  uint64_t keys;
  if (strncmp(line, magic, strlen(magic)) != 0) {
    return KV_ECORRUPT;
  }
  char *name = line + strlen(magic);
  char *blank = strchr(name, ' ');
  if (blank == NULL || blank - name >= KV_LEDGER_PREFIX || !parse_numbers(blank, &keys, 1) ||
      keys == 0 || keys > UINT64_C(1) << 32) {
    return KV_ECORRUPT;
  }
  *blank = '\0';
  memcpy(prefix, name, (size_t)(blank - name) + 1);
  return kv_ledger_init(ledger, keys);
}

static int read_page(kv_ledger *ledger, char *line) {
  uint64_t numbers[4];
  if (!parse_numbers(line, numbers, 4) || numbers[0] >= ledger->keys || numbers[1] > numbers[2] ||
      numbers[3] > numbers[2]) {
    return KV_ECORRUPT;
  }
  ledger->pages[numbers[0]] =
      (kv_ledger_page){.acknowledged = numbers[1], .attempted = numbers[2], .unknown = numbers[3]};
  return KV_OK;
}

static int read_pages(kv_ledger *ledger, FILE *file, char *prefix, unsigned *number) {
  char line[256];
  int rc = KV_OK;
  for (*number = 1; rc == KV_OK; (*number)++) {
    if (fgets(line, sizeof(line), file) == NULL) {
      return KV_ECORRUPT;
    }
    if (strcmp(line, "end\n") == 0 && *number > 1) {
      return KV_OK;
    }
    rc = *number == 1 ? read_head(ledger, line, prefix) : read_page(ledger, line);
  }
  (*number)--;
  return rc;
}

int kv_ledger_load(kv_ledger *ledger, const char *path, char prefix[KV_LEDGER_PREFIX],
                   kv_error *error) {
  *ledger = (kv_ledger){NULL, 0};
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    return fail_file(error, "open", path);
  }
  unsigned number;
  const int rc = read_pages(ledger, file, prefix, &number);
  (void)fclose(file);
  if (rc != KV_OK) {
    kv_ledger_free(ledger);
    return rc == KV_ENOMEM ? kv_fail(error, rc, "out of memory") : fail_line(error, path, number);
  }
  return KV_OK;
}
