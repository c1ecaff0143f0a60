/* SPDX-License-Identifier: Apache-2.0
 * libwif as a program has it, for libwif_test.py. Prints NAME=VALUE lines; exits with the last status. Whatever it was
 * asked, it looks afterwards whether the library left the process as it was: signals, timers, descriptors, children.
 *   probe get [profile=P] [config=F] [set=KEY=VALUE] [timeout=MS] [remaining=S] [flags=N]
 *   probe reject HASH            probe threads COUNT ROUNDS
 *   probe held                   forks while a thread waits for an exchange: reads a line first, and one to end the child
 *   probe reaper get...          waits for any child in a handler of SIGCHLD
 *   probe deaf get...            ignores SIGCHLD and SIGPIPE
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wif/wif.h"

enum { MOST_THREADS = 64, LAST_SIGNAL = 64, BROKEN = 99 };

static void broken(const char* what) {
  fprintf(stderr, "probe: %s\n", what);
  _exit(BROKEN);
}

/* What a library must leave alone. */
struct state {
  struct sigaction actions[LAST_SIGNAL + 1];
  sigset_t mask;
  int descriptors;
};

static int count_descriptors(void) {
  int count = 0;
  DIR* folder = opendir("/proc/self/fd");
  if (folder == NULL) broken("no /proc/self/fd");
  while (readdir(folder) != NULL) ++count;
  closedir(folder);
  return count;
}

static void look(struct state* state) {
  memset(state, 0, sizeof *state); /* the C library's own signals can't be asked for */
  for (int number = 1; number <= LAST_SIGNAL; ++number) sigaction(number, NULL, &state->actions[number]);
  pthread_sigmask(SIG_SETMASK, NULL, &state->mask);
  state->descriptors = count_descriptors();
}

static void compare(const struct state* before) {
  struct state after;
  struct itimerval timer;
  look(&after);
  for (int number = 1; number <= LAST_SIGNAL; ++number) {
    if (after.actions[number].sa_handler != before->actions[number].sa_handler)
      broken("a signal's handler changed");
    if (sigismember(&after.mask, number) != sigismember(&before->mask, number))
      broken("the signal mask changed");
  }
  if (after.descriptors != before->descriptors) broken("a descriptor stayed open");
  if (getitimer(ITIMER_REAL, &timer) != 0 || timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0)
    broken("a timer runs");
  if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) broken("a child was left");
}

static void show(const char* name, const char* value) {
  if (value != NULL) printf("%s=%s\n", name, value);
}

static void show_credential(const wif_credential* credential) {
  char hash[WIF_TOKEN_HASH_SIZE];
  const char* warning;
  wif_credential_token_sha256(credential, hash);
  show("access_token", wif_credential_access_token(credential));
  show("token_type", wif_credential_token_type(credential));
  show("aws_access_key_id", wif_credential_aws_access_key_id(credential));
  show("aws_secret_access_key", wif_credential_aws_secret_access_key(credential));
  show("aws_session_token", wif_credential_aws_session_token(credential));
  show("scope", wif_credential_scope(credential));
  show("profile", wif_credential_profile(credential));
  show("sha256", hash);
  printf("issued_at=%lld\n", (long long)wif_credential_issued_at(credential));
  printf("expires_at=%lld\n", (long long)wif_credential_expires_at(credential));
  printf("refresh_at=%lld\n", (long long)wif_credential_refresh_at(credential));
  for (uint32_t i = 0; (warning = wif_credential_warning(credential, i)) != NULL; ++i)
    show("warning", warning);
}

static void show_error(const wif_error* error) {
  printf("status=%d\n", (int)wif_error_status(error));
  show("message", wif_error_message(error));
  show("hint", wif_error_hint(error));
  show("cause", wif_error_cause(error));
}

static int32_t set_option(wif_options* options, char* word) {
  char* value = strchr(word, '=');
  if (value == NULL) broken("an option without a value");
  *value++ = '\0';
  if (strcmp(word, "profile") == 0) return wif_options_set_profile(options, value);
  if (strcmp(word, "config") == 0) return wif_options_set_config(options, value);
  if (strcmp(word, "timeout") == 0) return wif_options_set_timeout(options, atoll(value));
  if (strcmp(word, "remaining") == 0) return wif_options_set_min_remaining(options, atoll(value));
  if (strcmp(word, "flags") == 0) return wif_options_set_flags(options, (uint32_t)atol(value));
  if (strcmp(word, "set") != 0) broken("an unknown option");
  char* key = value;
  value = strchr(key, '=');
  if (value == NULL) broken("a setting without a value");
  *value++ = '\0';
  return wif_options_add_setting(options, key, value);
}

static int get(char** words) {
  wif_options* options = wif_options_new();
  wif_error* error = wif_error_new();
  wif_credential* credential = NULL;
  int32_t status = WIF_OK;
  while (status == WIF_OK && *words != NULL) status = set_option(options, *words++);
  if (status != WIF_OK) broken("an option was refused");
  status = wif_get(options, &credential, error);
  if ((status == WIF_OK) != (credential != NULL)) broken("a status and its credential don't agree");
  if (status != wif_error_status(error)) broken("a status and its error don't agree");
  if (status == WIF_OK)
    show_credential(credential);
  else
    show_error(error);
  wif_credential_free(credential);
  wif_error_free(error);
  wif_options_free(options);
  return status;
}

static int reject(const char* hash) {
  wif_error* error = wif_error_new();
  uint32_t removed = BROKEN;
  const int32_t status = wif_reject(hash, 10000, &removed, error);
  printf("removed=%u\n", (unsigned)removed);
  if (status != WIF_OK) show_error(error);
  wif_error_free(error);
  return status;
}

/* Threads that get, reject, and fork children that get, all at once. */
static int rounds;

static int get_of(const char* profile, int rejected) {
  wif_options* options = wif_options_new();
  wif_error* error = wif_error_new();
  wif_credential* credential = NULL;
  wif_options_set_profile(options, profile);
  wif_options_set_timeout(options, 300000);
  const int32_t status = wif_get(options, &credential, error);
  if (status != WIF_OK) {
    fprintf(stderr, "probe: %s: %s\n", wif_error_message(error), wif_error_hint(error));
  } else {
    char hash[WIF_TOKEN_HASH_SIZE];
    wif_credential_token_sha256(credential, hash);
    if (strcmp(wif_credential_profile(credential), profile) != 0) broken("another profile's credential");
    if (strcmp(wif_credential_scope(credential), profile) != 0) broken("another identity's token");
    if (rejected && wif_reject(hash, 300000, NULL, error) != WIF_OK) broken("a rejection failed");
  }
  wif_credential_free(credential);
  wif_error_free(error);
  wif_options_free(options);
  return status;
}

/* GCC 12's AddressSanitizer doesn't hold its allocator's locks over fork: a child that was forked while a thread allocates may
 * wait for one for ever, whatever it calls. There nobody is in the library at that moment; every other build forks at any. */
#ifdef __SANITIZE_ADDRESS__
static pthread_rwlock_t gate = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static void enter(void) { pthread_rwlock_rdlock(&gate); }
static void leave(void) { pthread_rwlock_unlock(&gate); }
static void stop_others(void) { pthread_rwlock_wrlock(&gate); }
#else
static void enter(void) {}
static void leave(void) {}
static void stop_others(void) {}
#endif

static void fork_and_get(const char* profile) {
  int status = 0;
  stop_others();
  const pid_t child = fork();
  if (child < 0) broken("fork failed");
  if (child == 0) _exit(get_of(profile, 0));
  leave();
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) broken("a child can't be waited for");
  if (status != 0) broken("a forked child failed");
}

/* No thread begins or ends while others are at work. */
static pthread_barrier_t all_there;

static void* work(void* argument) {
  const int number = *(const int*)argument;
  const char* profile = number % 2 == 0 ? "first" : "second";
  pthread_barrier_wait(&all_there);
  for (int i = 0; i < rounds; ++i) {
    enter();
    if (get_of(profile, number % 16 == 5 && i % 4 == 3) != WIF_OK) broken("a thread failed");
    leave();
    if (number % 8 == 3 && i % 4 == 1) fork_and_get(profile);
  }
  pthread_barrier_wait(&all_there);
  return NULL;
}

static int run_threads(int count) {
  pthread_t threads[MOST_THREADS];
  int numbers[MOST_THREADS];
  if (count > MOST_THREADS) broken("too many threads");
  pthread_barrier_init(&all_there, NULL, (unsigned)count);
  for (int i = 0; i < count; ++i) {
    numbers[i] = i;
    if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0) broken("pthread_create failed");
  }
  for (int i = 0; i < count; ++i) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&all_there);
  printf("threads=%d\n", count);
  return WIF_OK;
}

static void* get_once(void* argument) {
  char* none = NULL;
  *(int*)argument = get(&none);
  return NULL;
}

/* A child forked now has copies of the lock and the engine's pipe, and keeps them. */
static int run_held(void) {
  pthread_t thread;
  int status = BROKEN;
  pthread_create(&thread, NULL, get_once, &status);
  if (getchar() != '\n') broken("no line");
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  puts("forked");
  fflush(stdout);
  pthread_join(thread, NULL);
  printf("child=%d\n", (int)child);
  fflush(stdout);
  if (getchar() != '\n') broken("no second line");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return status;
}

static void reap(int number) {
  const int error = errno;
  (void)number;
  while (waitpid(-1, NULL, WNOHANG) > 0) continue;
  errno = error;
}

static int run(char** words) {
  if (strcmp(words[0], "get") == 0) return get(words + 1);
  if (strcmp(words[0], "reject") == 0) return reject(words[1]);
  if (strcmp(words[0], "held") == 0) return run_held();
  if (strcmp(words[0], "threads") == 0) {
    rounds = atoi(words[2]);
    return run_threads(atoi(words[1]));
  }
  broken("an unknown verb");
  return BROKEN;
}

int main(int argc, char** argv) {
  struct state before;
  char** words = argv + 1;
  if (argc < 2) return WIF_USAGE;
  if (strcmp(words[0], "reaper") == 0) {
    signal(SIGCHLD, reap);
    ++words;
  } else if (strcmp(words[0], "deaf") == 0) {
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    ++words;
  }
  look(&before);
  const int status = run(words);
  compare(&before);
  return status;
}
