/* info.c - INFO: what is known about this server, in the sections and names that tools look for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/format.h"
#include "net/server_parts.h"

typedef struct section {
  const char *name;
  void (*write)(const kv_server *server, kv_reply *text);
} section;

__attribute__((format(printf, 2, 3))) static void line(kv_reply *text, const char *format, ...) {
  char buf[512];
  va_list args;
  va_start(args, format);
  const size_t len = kv_vformat(buf, sizeof buf, format, args);
  va_end(args);
  kv_reply_append(text, buf, len < sizeof buf ? len : sizeof buf - 1);
  kv_reply_append(text, "\r\n", 2);
}

static uint64_t now_of(const kv_server *server) {
  return uv_now(&server->loop);
}

static void write_server(const kv_server *server, kv_reply *text) {
  const uint64_t seconds = (now_of(server) - server->started) / 1000;
  line(text, "redis_version:7.0.0");
  line(text, "redis_mode:standalone");
  line(text, "kvexample_version:%s", server->config->version);
  line(text, "libuv_version:%s", uv_version_string());
  line(text, "process_id:%d", (int)getpid());
  line(text, "tcp_port:%s", strrchr(server->address, ':') + 1);
  line(text, "uptime_in_seconds:%" PRIu64, seconds);
  line(text, "uptime_in_days:%" PRIu64, seconds / 86400);
}

static void write_clients(const kv_server *server, kv_reply *text) {
  const kv_clients *clients = &server->clients;
  line(text, "connected_clients:%zu", clients->figures.connected);
  line(text, "maxclients:%zu", clients->limits.clients);
  line(text, "waiting_requests:%zu", clients->waiting);
}

static void write_memory(const kv_server *server, kv_reply *text) {
  (void)server;
  size_t resident = 0;
  struct rusage usage = {0};
  (void)uv_resident_set_memory(&resident);
  (void)getrusage(RUSAGE_SELF, &usage);
  line(text, "used_memory:%zu", resident);
  line(text, "used_memory_rss:%zu", resident);
  line(text, "used_memory_peak:%" PRIu64, (uint64_t)usage.ru_maxrss * 1024);
  line(text, "maxmemory:0");
}

/* What was committed in memory and is on its way to the disk. */
static void write_engine(const kv_server *server, kv_reply *text) {
  kv_overlay_stats stats;
  line(text, "engine:%s", server->config->engine_sync ? "sync" : "overlay");
  if (server->config->engine_sync) {
    return;
  }
  kv_overlay_get_stats(server->engine, &stats);
  const kv_committer_figures figures = kv_committer_figures_of(&server->devices.engine.committer);
  line(text, "engine_active_bytes:%zu", stats.active_bytes);
  line(text, "engine_sealed_bytes:%zu", stats.sealed_bytes);
  line(text, "engine_commits:%" PRIu64, stats.committed);
  line(text, "engine_commits_not_durable:%" PRIu64, stats.committed - stats.durable);
  line(text, "engine_flushes:%" PRIu64, stats.flushes);
  line(text, "engine_flushes_failed:%" PRIu64, stats.refused);
  line(text, "engine_flush_ms:%" PRIu64, figures.last_ms);
  line(text, "engine_flush_longest_ms:%" PRIu64, figures.longest_ms);
  line(text, "engine_durable_lag_ms:%" PRIu64, figures.lag_ms);
}

static void write_persistence(const kv_server *server, kv_reply *text) {
  kv_raft_log_stats stats;
  kv_raft_log_get_stats(server->log, &stats);
  line(text, "loading:0");
  line(text, "raft_log_segments:%zu", stats.segments);
  line(text, "raft_log_file_bytes:%" PRIu64, stats.file_bytes);
  line(text, "raft_log_live_bytes:%" PRIu64, stats.live_bytes);
  line(text, "raft_log_cached_bytes:%zu", stats.cached_bytes);
  line(text, "raft_log_queued_bytes:%zu", stats.queued_bytes);
  line(text, "raft_log_groups:%" PRIu64, stats.groups);
  line(text, "raft_log_syncs:%" PRIu64, stats.syncs);
  line(text, "disk_full:%d", stats.disk_full);
  write_engine(server, text);
}

static void write_stats(const kv_server *server, kv_reply *text) {
  kv_store_summary summary;
  kv_store_summarize(server->store, &summary);
  line(text, "total_connections_received:%" PRIu64, server->clients.figures.accepted);
  line(text, "rejected_connections:%" PRIu64, server->clients.figures.refused);
  line(text, "client_output_buffer_limit_disconnections:%" PRIu64, server->clients.figures.dropped);
  line(text, "total_commands_processed:%" PRIu64, server->clients.figures.commands);
  line(text, "store_commands:%" PRIu64, summary.commands);
  line(text, "store_pending:%" PRIu64, summary.pending_count);
  line(text, "store_pending_bytes:%" PRIu64, summary.pending_bytes);
  line(text, "store_entries:%" PRIu64, summary.entries);
  line(text, "store_entry_commands:%" PRIu64, summary.entry_commands);
  line(text, "store_read_rounds:%" PRIu64, summary.read_rounds);
  line(text, "store_reads:%" PRIu64, summary.reads);
  line(text, "store_forwarded:%" PRIu64, summary.forwarded);
  line(text, "store_refused_busy:%" PRIu64, summary.busy);
  line(text, "store_unknown_outcomes:%" PRIu64, summary.unknown);
}

/* Tools take a "slave" for read-only, which no store is: every one takes every command. */
static void write_replication(const kv_server *server, kv_reply *text) {
  kv_store_summary summary;
  kv_scheduler_view scheduler;
  kv_store_summarize(server->store, &summary);
  kv_store_scheduler_view(server->store, &scheduler);
  line(text, "role:master");
  line(text, "connected_slaves:0");
  line(text, "cluster_id:%" PRIu64, server->devices.outbound.own.cluster_id);
  line(text, "store_id:%" PRIu64, server->devices.outbound.own.store_id);
  line(text, "store_address:%s", server->advertise);
  line(text, "scheduler:%s", kv_scheduler_verdict_name(scheduler.verdict));
  line(text, "scheduler_cluster_id:%" PRIu64, scheduler.cluster_id);
  line(text, "regions:%" PRIu64, summary.regions);
  line(text, "leaders:%" PRIu64, summary.leaders);
  line(text, "asleep:%" PRIu64, summary.asleep);
  line(text, "leader_store:%" PRIu64, summary.leader_store);
  line(text, "snapshots_sent:%" PRIu64, summary.snapshots_sent);
  line(text, "snapshots_installed:%" PRIu64, summary.snapshots_installed);
}

static double seconds_of(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void write_cpu(const kv_server *server, kv_reply *text) {
  (void)server;
  struct rusage usage = {0};
  (void)getrusage(RUSAGE_SELF, &usage);
  line(text, "used_cpu_sys:%.6f", seconds_of(usage.ru_stime));
  line(text, "used_cpu_user:%.6f", seconds_of(usage.ru_utime));
}

static void write_cluster(const kv_server *server, kv_reply *text) {
  (void)server;
  line(text, "cluster_enabled:0");
}

static const section sections[] = {
    {"Server", write_server}, {"Clients", write_clients},
    {"Memory", write_memory}, {"Persistence", write_persistence},
    {"Stats", write_stats},   {"Replication", write_replication},
    {"CPU", write_cpu},       {"Cluster", write_cluster},
};

static bool is_name(raft_slice text, const char *name) {
  return strlen(name) == text.len && strncasecmp(text.data, name, text.len) == 0;
}

static bool is_wanted(const char *name, const raft_slice *wanted, size_t count) {
  bool any = count == 0;
  for (size_t i = 0; i < count && !any; i++) {
    any = is_name(wanted[i], name) || is_name(wanted[i], "all") ||
          is_name(wanted[i], "everything") || is_name(wanted[i], "default");
  }
  return any;
}

/* A verbatim string in RESP3, a bulk string to RESP2 clients. */
static void answer_text(kv_reply *reply, const kv_reply *text) {
  char head[32];
  const size_t len = kv_format(head, sizeof head, "=%zu\r\ntxt:", text->len + 4);
  kv_reply_append(reply, head, len);
  kv_reply_append(reply, text->data, text->len);
  kv_reply_append(reply, "\r\n", 2);
  reply->failed = reply->failed || text->failed;
}

void kv_server_info(const kv_server *server, const raft_slice *wanted, size_t count,
                    kv_reply *reply) {
  kv_reply text = {0};
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    if (is_wanted(sections[i].name, wanted, count)) {
      line(&text, text.len > 0 ? "\r\n# %s" : "# %s", sections[i].name);
      sections[i].write(server, &text);
    }
  }
  answer_text(reply, &text);
  kv_reply_free(&text);
}
