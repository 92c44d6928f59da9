/* program.c - a program outside the tree that links an installed libraft, core and codec.
 *
 * C and C++: test/checks/install.sh compiles it as both.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/describe.h>
#include <libraft/memory_storage.h>
#include <libraft/raft.h>
#include <libraft/wire.h>
#include <stdio.h>
#include <string.h>

/* Headers and library are of one version. */
static int check_version(void) {
  return raft_version() == (unsigned)RAFT_VERSION_HEX ? 0 : 1;
}

/* A node opens on an empty storage. */
static int check_node(void) {
  raft_memory_storage *storage = NULL;
  raft_rawnode *node = NULL;
  raft_config config;
  int rc = raft_memory_storage_open(NULL, &storage);
  if (rc == RAFT_OK) {
    raft_config_init(&config);
    config.id = 1;
    config.storage = raft_memory_storage_interface(storage);
    rc = raft_rawnode_open(&config, &node);
  }
  raft_rawnode_close(node);
  raft_memory_storage_close(storage);
  return rc;
}

/* A message survives the codec. */
static int check_wire(void) {
  raft_message sent;
  raft_message received;
  unsigned char bytes[64];
  char text[128];
  raft_bytes input = {bytes, 0, NULL};
  memset(&sent, 0, sizeof sent);
  sent.type = RAFT_MSG_HEARTBEAT;
  sent.to = 2;
  sent.from = 1;
  sent.term = 7;
  int rc = raft_message_encode(&sent, bytes, sizeof bytes, &input.len);
  if (rc != RAFT_OK) {
    return rc;
  }
  rc = raft_message_decode(input, NULL, NULL, &received);
  if (rc != RAFT_OK) {
    return rc;
  }
  raft_describe_message(&received, text, sizeof text);
  raft_message_release(&received);
  puts(text);
  return received.term == 7 ? 0 : 1;
}

int main(void) {
  return check_version() != 0 || check_node() != 0 || check_wire() != 0;
}
