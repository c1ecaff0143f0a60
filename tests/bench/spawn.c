/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times commands against one another: in every round each of them once, in a freshly shuffled order, since a fixed
 * order alone makes identical programs differ by a fifth.
 *
 *   spawn ROUNDS WARM_UP_ROUNDS <plan >results.json
 *
 * A line of the plan is one command; its fields are separated by tabs: a name; then any number of @NAME=VALUE (its
 * whole environment) and !FOLDER (emptied of files before each run, outside the measured time); then the arguments,
 * the first of which is a path. stdin and stdout are /dev/null. The result is, for each name, the times in
 * milliseconds, the largest peak memory in KiB and the number of runs that failed.
 *
 * It starts programs by posix_spawn, so that its own size doesn't count, and stays small itself, since a child's peak
 * memory begins with that of its parent.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { k_max_commands = 64, k_max_fields = 64, k_max_line = 65536 };

struct command {
  char* name;
  char* environment[k_max_fields];
  char* folder; /* to be emptied, or NULL */
  char* arguments[k_max_fields];
  double* times_ms;
  long peak_kib;
  int failures;
};

static void die(const char* what) {
  fprintf(stderr, "spawn: %s\n", what);
  exit(1);
}

static void parse(char* line, struct command* command) {
  int environment = 0, arguments = 0, fields = 0;
  line[strcspn(line, "\n")] = '\0';
  command->name = strtok(line, "\t");
  for (char* field; (field = strtok(NULL, "\t")) != NULL;) {
    if (++fields >= k_max_fields) die("too many fields");
    if (arguments == 0 && field[0] == '@')
      command->environment[environment++] = field + 1;
    else if (arguments == 0 && field[0] == '!')
      command->folder = field + 1;
    else
      command->arguments[arguments++] = field;
  }
  if (arguments == 0) die("a line without a command");
}

static int remove_file(const char* path, const struct stat* status, int type, struct FTW* place) {
  (void)status, (void)place;
  return type == FTW_D || type == FTW_DP ? 0 : unlink(path);
}

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static double run(struct command* command, const posix_spawn_file_actions_t* actions) {
  struct rusage usage;
  int status;
  pid_t pid;
  if (command->folder != NULL) nftw(command->folder, remove_file, 8, FTW_PHYS);
  double begin = now_ms();
  if (posix_spawn(&pid, command->arguments[0], actions, NULL, command->arguments, command->environment) != 0)
    die(command->arguments[0]);
  if (wait4(pid, &status, 0, &usage) != pid) die("wait4");
  double elapsed = now_ms() - begin;
  if (status != 0) command->failures++;
  if (usage.ru_maxrss > command->peak_kib) command->peak_kib = usage.ru_maxrss;
  return elapsed;
}

static void shuffle(int* order, int count) {
  for (int i = count - 1; i > 0; i--) {
    int j = (int)(random() % (i + 1)), kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}

static void print(const struct command* commands, int count, int rounds) {
  printf("{");
  for (int i = 0; i < count; i++) {
    printf("%s\n\"%s\":{\"peak_kib\":%ld,\"failures\":%d,\"ms\":[", i ? "," : "", commands[i].name,
           commands[i].peak_kib, commands[i].failures);
    for (int round = 0; round < rounds; round++)
      printf("%s%.4f", round ? "," : "", commands[i].times_ms[round]);
    printf("]}");
  }
  printf("\n}\n");
}

int main(int argc, char** argv) {
  static struct command commands[k_max_commands];
  static char line[k_max_line];
  int count = 0, order[k_max_commands];
  if (argc != 3) return fputs("usage: spawn ROUNDS WARM_UP_ROUNDS <plan\n", stderr), 2;
  int rounds = atoi(argv[1]), warm_up = atoi(argv[2]);
  for (; count < k_max_commands && fgets(line, sizeof line, stdin) != NULL; count++) {
    parse(strdup(line), &commands[count]);
    commands[count].times_ms = calloc((size_t)rounds, sizeof(double));
    order[count] = count;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  srandom((unsigned)time(NULL));
  for (int round = -warm_up; round < rounds; round++) {
    shuffle(order, count);
    for (int i = 0; i < count; i++) {
      double elapsed = run(&commands[order[i]], &actions);
      if (round >= 0) commands[order[i]].times_ms[round] = elapsed;
    }
  }
  print(commands, count, rounds);
  return 0;
}
