/* server_parts.h - the server's struct, for the files that share it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_SERVER_PARTS_H
#define KV_NET_SERVER_PARTS_H

#include "net/client.h"
#include "net/data_directory.h"
#include "net/devices.h"
#include "net/host_port.h"
#include "net/inbound.h"
#include "net/scheduler_link.h"
#include "net/server.h"
#include "raftstore/join.h"

typedef enum kv_server_phase {
  KV_SERVER_STARTING,
  KV_SERVER_SERVING,
  KV_SERVER_DRAINING, /* no new requests; answers that are due are awaited */
  KV_SERVER_STOPPED
} kv_server_phase;

typedef struct kv_server {
  const kv_server_config *config;
  const kv_logger *logger;
  kv_server_phase phase;
  kv_error failure; /* why it stops, if not because it was asked to */

  /* What is on disk. */
  kv_data_directory data;
  kv_engine *engine; /* an overlay, or the same as disk */
  kv_engine *disk;   /* LMDB; closed with engine */
  kv_raft_log *log;

  /* The loop and its handles. */
  uv_loop_t loop;
  bool loop_open;
  uv_tcp_t listener;
  uv_timer_t ticker;
  uv_timer_t stop_timer;
  uv_prepare_t prepare;
  uv_idle_t busy; /* active: the loop does not wait */
  uv_signal_t signals[2];

  /* What runs on it. */
  char address[KV_MAX_ADDRESS + 1]; /* where it listens */
  char advertise[KV_MAX_ADDRESS + 1];
  kv_connections connections;
  kv_real_devices devices;
  kv_scheduler_link scheduler;
  kv_join *join;        /* while the store has no id */
  kv_store_ident ident; /* what joining gave; zero: the configuration or the data say it */
  uint64_t space_at;    /* when the disk is looked at next */
  kv_store *store;
  kv_cursors *cursors;
  kv_clients clients;
  kv_inbound inbound;
  kv_setting settings[12];
  char setting_values[4][32];
  uint64_t started;      /* of the loop's clock, milliseconds */
  uint64_t resign_until; /* while stopping: how long to wait for another leader */
} kv_server;

/* server_open.c: KV_OK or, with everything that was opened still to be closed, an error. */
int kv_server_open(kv_server *server, kv_error *error);
/* Closes whatever is open and runs the loop to its end. */
void kv_server_close(kv_server *server);

/* server_stop.c */
void kv_server_begin_stop(kv_server *server);
/* During KV_SERVER_DRAINING: ends the loop once nothing is due any more. */
void kv_server_check_stop(kv_server *server);

/* listener.c: listens, and fills server->address. KV_EBUSY: the address is in use. */
int kv_server_listen(kv_server *server, const char *address, kv_error *error);

/* server_scheduler.c: the connection, and for an empty store an id; runs the loop meanwhile. */
int kv_server_open_scheduler(kv_server *server, kv_error *error);
void kv_server_close_scheduler(kv_server *server);
kv_scheduler_device kv_server_scheduler_device(kv_server *server);
void kv_server_note_space(kv_server *server, uint64_t now);

/* host.c: kv_clients.host; ctx is the server. */
bool kv_server_host_call(void *ctx, kv_client *client, kv_call *call, kv_answer_function answer,
                         void *answer_ctx);
/* info.c */
void kv_server_info(const kv_server *server, const raft_slice *sections, size_t count,
                    kv_reply *reply);

#endif
