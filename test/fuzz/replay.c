/* replay.c - feeds files to a fuzz target, in the fuzzer's place: replay FILE-OR-FOLDER…
 *
 * A target that finds something ends the process; the file that it was about is the last one named.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_MOST = 4096 };

static unsigned replayed;

static void stop(const char *path, const char *why) {
  (void)fprintf(stderr, "replay: %s: %s\n", path, why);
  exit(2);
}

/* Of just its size, so that reading on is seen. */
static void replay_file(const char *path, size_t size) {
  uint8_t *data = malloc(size > 0 ? size : 1);
  FILE *file = fopen(path, "rb");
  if (data == NULL || file == NULL || fread(data, 1, size, file) != size) {
    stop(path, "cannot be read");
    return;
  }
  (void)fclose(file);
  (void)printf("%s\n", path);
  (void)fflush(stdout);
  (void)LLVMFuzzerTestOneInput(data, size);
  free(data);
  replayed++;
}

static bool is_file(const char *path, struct stat *about) {
  if (stat(path, about) != 0) {
    stop(path, "is not there");
  }
  return S_ISREG(about->st_mode);
}

static void replay_folder(const char *path) {
  struct dirent **names = NULL;
  int count = scandir(path, &names, NULL, alphasort);
  if (count < 0) {
    stop(path, "cannot be listed");
  }
  for (int i = 0; i < count; i++) {
    char file[PATH_MOST];
    struct stat about;
    int len = snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
    if (len < 0 || (size_t)len >= sizeof file) {
      stop(path, "its name is too long");
    }
    if (names[i]->d_name[0] != '.' && is_file(file, &about)) {
      replay_file(file, (size_t)about.st_size);
    }
    free(names[i]);
  }
  free(names);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    struct stat about;
    if (is_file(argv[i], &about)) {
      replay_file(argv[i], (size_t)about.st_size);
    } else {
      replay_folder(argv[i]);
    }
  }
  (void)printf("%u passed, 0 failed\n", replayed);
  return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
