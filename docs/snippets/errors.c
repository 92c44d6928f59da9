/* errors.c - what a code means for the caller, and lines for a log file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/describe.h>

#include "host.h"

static host group[GROUP];

/* snippet: errors */
typedef enum consequence { GO_ON, ASK_AGAIN, STOP_THIS_NODE } consequence;

/* Of step, tick, ready, advance. */
static consequence after(int rc) {
  if (raft_is_fatal(rc)) {
    return STOP_THIS_NODE; /* every later call says the same; close it */
  }
  if (rc == RAFT_ENOMEM) {
    return ASK_AGAIN; /* of ready; of step: a lost message */
  }
  return GO_ON; /* what was passed in was refused or dropped, and nothing else happened */
}
/* end */

/* snippet: log */
static void log_event(void *ctx, const raft_event *event) {
  if (event->level >= RAFT_LOG_INFO) {
    char line[512];
    (void)raft_describe_event(event, line, sizeof line);
    (void)fprintf(ctx, "%s group 7: %s\n", raft_log_level_name(event->level), line);
  }
}

static FILE *log_file;

static void use_log(raft_config *config) {
  config->log = log_event; /* called from within calls on the node; must not call back */
  config->log_ctx = log_file;
}
/* end */

int main(void) {
  EXPECT((log_file = tmpfile()) != NULL);
  group_open(group, use_log);
  host *leader = group_leader(group);
  EXPECT(ftell(log_file) > 0);
  const raft_message local = {.type = RAFT_MSG_BEAT, .from = 2, .to = leader->id};
  EXPECT(raft_rawnode_step(leader->node, &local) == RAFT_ESTEP_LOCAL);
  EXPECT(after(RAFT_ESTEP_LOCAL) == GO_ON && after(RAFT_ENOMEM) == ASK_AGAIN);
  EXPECT(after(RAFT_ESTORAGE) == STOP_THIS_NODE);
  group_close(group);
  (void)fclose(log_file);
  return 0;
}
