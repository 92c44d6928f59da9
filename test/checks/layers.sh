#!/bin/sh
# layers.sh - who may include and call what.
#
# libraft/      own headers, <libraft/…>, and of libc only the headers named below
# kvexample/    of libraft only <libraft/…>
# raftstore/    deterministic: nothing that touches a file, socket, thread, clock or random source
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

# includes FOLDER…: file:line:header, the header with its quotes or brackets.
includes() {
  find "$@" -name '*.[ch]' -exec grep -HnE '^[[:space:]]*#[[:space:]]*include' {} + 2> /dev/null |
    sed -E 's/#[[:space:]]*include[[:space:]]*//; s/^([^:]*:[0-9]+:)[[:space:]]*/\1/; s/([">])[^">]*$/\1/'
}

libraft_includes() {
  includes libraft include | awk -F: '
    function bad(why) { print $1 ":" $2 ": includes " $3 ": " why; }
    BEGIN {
      n = split("string.h stdint.h stddef.h stdbool.h limits.h stdatomic.h", list, " ")
      for (i = 1; i <= n; i++) core["<" list[i] ">"] = 1
    }
    $3 in core || $3 ~ /^<libraft\/[a-z0-9_]+\.h>$/ { next }
    $3 == "<stdlib.h>" && $1 == "libraft/default_allocator.c" { next }
    $3 ~ /^<(stdio|stdarg|inttypes)\.h>$/ && $1 ~ /^libraft\/describe[a-z0-9_]*\.[ch]$/ { next }
    $3 ~ /^<pb(_[a-z]+)?\.h>$|\.pb\.h"$/ && $1 ~ /^libraft\/wire[a-z0-9_]*\.[ch]$/ { next }
    $3 ~ /^"[a-z0-9_]+\.h"$/ && $1 ~ /^libraft\// {
      file = "libraft/" substr($3, 2, length($3) - 2)
      if ((getline line < file) < 0) bad("there is no " file "; public headers go in <libraft/…>")
      close(file)
      next
    }
    $3 ~ /^<pb|\.pb\.h"$/ { bad("nanopb belongs to libraft/wire*.c"); next }
    $3 == "<stdlib.h>" { bad("memory comes from the allocator of the node; malloc only in libraft/default_allocator.c"); next }
    $3 ~ /^<std(io|arg)\.h>$/ { bad("text is made in libraft/describe*.c"); next }
    { bad("libraft uses its own headers and string, stdint, stddef, stdbool, limits, stdatomic") }'
}

kvexample_includes() {
  includes kvexample | awk -F: '
    $3 ~ /\.\.\// { print $1 ":" $2 ": includes " $3 ": name the path from kvexample/, without .."; next }
    $3 ~ /raftpb\.pb\.h/ { print $1 ":" $2 ": includes " $3 ": the codec of libraft is <libraft/wire.h>"; next }
    $3 ~ /^"libraft/ { print $1 ":" $2 ": includes " $3 ": write <" substr($3, 2, length($3) - 2) ">" }'
}

raftstore_includes() {
  includes kvexample/raftstore | awk -F: '
    $3 ~ /^<(sys\/|netinet\/|arpa\/|unistd|fcntl|pthread|threads|time|signal|poll|uv|lmdb|stdio|errno)/ {
      print $1 ":" $2 ": includes " $3 ": raftstore asks its devices instead (files, sockets, threads, time)"
    }'
}

# The object files tell what a header hides. OBJECTS is the object tree of the mode just built.
raftstore_calls() {
  find "${OBJECTS:-build/obj/gcc}/kvexample/raftstore" -name '*.o' 2> /dev/null | while read -r object; do
    nm -u "$object" | awk -v object="$object" '
      $2 ~ /^(open|openat|creat|close|read|write|pread|pwrite|readv|writev|preadv|pwritev|fsync|fdatasync|unlink|rename|mmap)(64|v2)?$/ ||
      $2 ~ /^(fopen|fdopen|fclose|fread|fwrite|fflush|fgets|fputs|fputc|printf|fprintf|vfprintf|puts|perror|stdout|stderr)$/ ||
      $2 ~ /^(socket|bind|listen|accept4?|connect|send|sendto|sendmsg|recv|recvfrom|recvmsg|poll|epoll_.*|select)$/ ||
      $2 ~ /^(pthread_.*|thrd_.*|mtx_.*|uv_.*|mdb_.*|fork|system|signal|sigaction|getenv)$/ ||
      $2 ~ /^(time|clock|clock_gettime|gettimeofday|localtime(_r)?|gmtime(_r)?|nanosleep|usleep|sleep)$/ ||
      $2 ~ /^(rand|srand|random|srandom|[a-z]rand48|rand_r|getrandom|getentropy|arc4random.*)$/ {
        print object ": calls " $2 ": raftstore is deterministic, it asks a device for this"
      }'
  done
}

problems=$(libraft_includes; kvexample_includes; raftstore_includes; raftstore_calls)
[ -z "$problems" ] && exit 0
echo "$problems"
exit 1
