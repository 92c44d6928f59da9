/* kvbench.c - the program that loads a cluster and checks that it kept what it acknowledged.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/raw_load.h"
#include "bench/report.h"
#include "bench/verify.h"
#include "client/client.h"

typedef struct run {
  kv_bench_options options;
  char prefix[KV_LEDGER_PREFIX];
  kv_ledger ledger;
  kv_bench_result result;
  kv_bench_report report;
  kv_error error;
} run;

static void on_signal(int number) {
  (void)number;
  kv_load_stop();
}

static int complain(const char *text) {
  (void)fprintf(stderr, "kvbench: %s\n", text);
  return EXIT_FAILURE;
}

/* Is anybody there? Then a store that is down is an event of the run, not a mistake. */
static int find_a_store(run *bench) {
  const kv_address_list *addresses = &bench->options.addresses;
  int rc = KV_EIO;
  if (bench->options.raw) {
    return KV_OK; /* kv_raw_load_run asks */
  }
  for (size_t i = 0; i < addresses->count && rc != KV_OK; i++) {
    kv_client *client;
    rc =
        kv_client_open(addresses->texts[i], (int)bench->options.timeout_ms, &client, &bench->error);
    kv_client_close(client);
  }
  return rc;
}

/* Names that no earlier run has used, unless told otherwise. */
static void choose_prefix(run *bench) {
  if (bench->options.prefix != NULL) {
    (void)snprintf(bench->prefix, sizeof(bench->prefix), "%s", bench->options.prefix);
  } else if (bench->options.verify || bench->options.check_history) {
    (void)snprintf(bench->prefix, sizeof(bench->prefix), "v%012" PRIx64,
                   bench->options.seed & UINT64_C(0xffffffffffff));
  } else {
    (void)snprintf(bench->prefix, sizeof(bench->prefix), "kvbench");
  }
}

static void sum_up(run *bench) {
  for (uint64_t key = 0; key < bench->ledger.keys; key++) {
    bench->report.acknowledged += bench->ledger.pages[key].acknowledged;
    bench->report.open += kv_ledger_is_clear(&bench->ledger, key) ? 0 : 1;
  }
}

static int load(run *bench) {
  kv_ledger *ledger = bench->options.verify ? &bench->ledger : NULL;
  if (ledger != NULL && kv_ledger_init(ledger, bench->options.keys) != KV_OK) {
    return kv_fail(&bench->error, KV_ENOMEM, "out of memory");
  }
  choose_prefix(bench);
  bench->report.loaded = true;
  int rc = bench->options.raw
               ? kv_raw_load_run(&bench->options, bench->prefix, &bench->result, &bench->error)
               : kv_load_run(&bench->options, bench->prefix, ledger, &bench->result, &bench->error);
  if (rc == KV_OK && bench->options.state != NULL) {
    rc = kv_ledger_save(ledger, bench->options.state, bench->prefix, &bench->error);
  }
  return rc;
}

static int verify(run *bench) {
  sum_up(bench);
  const int rc = kv_verify_run(&bench->options, bench->prefix, &bench->ledger,
                               &bench->result.violations, &bench->report.checked, &bench->error);
  bench->report.verified = rc == KV_OK;
  bench->report.problem = rc == KV_OK ? NULL : bench->error.text;
  return rc;
}

static int print(run *bench) {
  bench->report.options = &bench->options;
  bench->report.result = &bench->result;
  if (!bench->options.json) {
    kv_bench_report_print(&bench->report);
  } else if (!kv_bench_report_print_json(&bench->report)) {
    return complain("cannot print the result");
  }
  return EXIT_SUCCESS;
}

static int judge(const run *bench) {
  const kv_bench_result *result = &bench->result;
  const bool idle = bench->report.loaded && result->writes.count + result->reads.count == 0;
  if (idle) {
    return complain("no request succeeded");
  }
  return bench->report.problem == NULL && result->violations.count == 0 ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
}

static int check_history(run *bench) {
  kv_history_result result;
  choose_prefix(bench);
  const int rc = kv_history_run(&bench->options, bench->prefix, &result, &bench->error);
  bool right = rc == KV_OK && result.reads + result.writes > 0 && kv_history_is_proven(&result);
  if (rc != KV_OK) {
    (void)complain(bench->error.text);
  } else if (!bench->options.json) {
    kv_history_report_print(&result);
  } else if (!kv_history_report_print_json(&result)) {
    (void)complain("cannot print the result");
    right = false;
  }
  kv_history_result_free(&result);
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int perform(run *bench) {
  int rc = KV_OK;
  if (bench->options.check_history) {
    return find_a_store(bench) == KV_OK ? check_history(bench) : complain(bench->error.text);
  }
  if (bench->options.verify_only) {
    rc = kv_ledger_load(&bench->ledger, bench->options.state, bench->prefix, &bench->error);
  } else {
    rc = find_a_store(bench);
    rc = rc == KV_OK ? load(bench) : rc;
  }
  if (rc != KV_OK) {
    return complain(bench->error.text);
  }
  if (bench->options.verify || bench->options.verify_only) {
    (void)verify(bench);
  }
  return print(bench) == EXIT_SUCCESS ? judge(bench) : EXIT_FAILURE;
}

int main(int argc, char **argv) {
  run *bench = calloc(1, sizeof(*bench));
  if (bench == NULL) {
    return complain("out of memory");
  }
  const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
  int status = EXIT_SUCCESS;
  switch (kv_bench_options_parse(argc, argv, &bench->options)) {
  case KV_BENCH_RUN: status = perform(bench); break;
  case KV_BENCH_SHOWN: break;
  case KV_BENCH_WRONG: status = 2; break;
  }
  kv_ledger_free(&bench->ledger);
  kv_bench_options_free(&bench->options);
  free(bench);
  return status;
}
