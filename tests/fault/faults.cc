// A library to preload: it counts the calls by which a program changes files under one folder, and lets
// one of them, or all from one on, fail, fall short, or kill the process.
//   FAULT_UNDER  calls count whose path has this text in it, and those on descriptors opened so
//   FAULT_AT     the call's number, from 1; none, when left out
//   FAULT_KIND   kill, kill_after, short, ENOSPC, EIO, EACCES, EROFS
//   FAULT_EVER   if set, all calls behind it too
//   FAULT_COUNT  a file that gets the number of calls when the program ends
//   FAULT_LOG    a file that gets a line for each write, fsync, link and rename: "fsync PATH"; a file
//                that was opened without a name is PATH/unnamed-NUMBER, and a link two lines: from, link
//   FAULT_FREE   the bytes that statvfs says are free
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Plan {
  const char *under = getenv("FAULT_UNDER");
  const char *kind = getenv("FAULT_KIND");
  const char *count_file = getenv("FAULT_COUNT");
  const char *free_bytes = getenv("FAULT_FREE");
  long at = getenv("FAULT_AT") ? atol(getenv("FAULT_AT")) : 0;
  bool ever = getenv("FAULT_EVER") != nullptr;
  long calls = 0;
  bool known[4096] = {};       // descriptors under the folder
  char paths[4096][256] = {};  // of them
  int unnamed = 0;             // files that were opened without a name
  FILE *log = getenv("FAULT_LOG") ? fopen(getenv("FAULT_LOG"), "w") : nullptr;

  bool is(const char *name) const { return kind && strcmp(kind, name) == 0; }
  int code() const {
    return is("ENOSPC")   ? ENOSPC
           : is("EIO")    ? EIO
           : is("EACCES") ? EACCES
           : is("EROFS")  ? EROFS
                          : 0;
  }
  // A disk that is read-only can be read.
  bool counts(const char *path, int flags) const {
    return counts(path) && !(is("EROFS") && (flags & (O_ACCMODE | O_CREAT)) == O_RDONLY);
  }
  bool counts(const char *path) const { return under && path && strstr(path, under); }
  bool counts(int descriptor) const {
    return descriptor >= 0 && descriptor < 4096 && known[descriptor];
  }
  bool hits() {
    ++calls;
    return at > 0 && (ever ? calls >= at : calls == at);
  }
};

// Libraries call before constructors have run.
Plan &plan() {
  static Plan made;
  return made;
}

template <typename Function>
Function next(const char *name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}
#define NEXT(name) next<decltype(&(name))>(#name)

// The call itself, or its fault.
template <typename Call>
long faulty(bool counted, Call call) {
  if (!counted || !plan().hits()) return call();
  if (plan().is("kill")) kill(getpid(), SIGKILL);
  if (plan().code()) return errno = plan().code(), -1;
  const long answer = call();
  if (plan().is("kill_after")) kill(getpid(), SIGKILL);
  return answer;
}

int opened(const char *path, int flags, int descriptor) {
  if (descriptor < 0 || descriptor >= 4096) return descriptor;
  plan().known[descriptor] = plan().counts(path);
  char *kept = plan().paths[descriptor];
  if ((flags & O_TMPFILE) == O_TMPFILE) {
    snprintf(kept, sizeof plan().paths[descriptor], "%s/unnamed-%d", path, ++plan().unnamed);
  } else {
    snprintf(kept, sizeof plan().paths[descriptor], "%s", path);
  }
  return descriptor;
}

void note(const char *name, const char *path) {
  if (plan().log && plan().counts(path)) fprintf(plan().log, "%s %s\n", name, path);
}
void note(const char *name, int descriptor) {
  if (plan().counts(descriptor)) note(name, plan().paths[descriptor]);
}

struct AtExit {
  ~AtExit() {
    if (plan().log) fclose(plan().log);
    if (!plan().count_file) return;
    if (FILE *file = fopen(plan().count_file, "w")) {
      fprintf(file, "%ld\n", plan().calls);
      fclose(file);
    }
  }
} at_exit;

}  // namespace

extern "C" {

#define OPEN(name)                                                                          \
  int name(const char *path, int flags, ...) {                                              \
    va_list list;                                                                           \
    va_start(list, flags);                                                                  \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;           \
    va_end(list);                                                                           \
    const auto call = [&] { return long{NEXT(name)(path, flags, mode)}; };                  \
    return opened(path, flags, static_cast<int>(faulty(plan().counts(path, flags), call))); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                               \
  int name(int folder, const char *path, int flags, ...) {                         \
    va_list list;                                                                  \
    va_start(list, flags);                                                         \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;  \
    va_end(list);                                                                  \
    const bool counted = plan().counts(path) || plan().counts(folder);             \
    const auto call = [&] { return long{NEXT(name)(folder, path, flags, mode)}; }; \
    const int descriptor = static_cast<int>(faulty(counted, call));                \
    if (descriptor >= 0 && descriptor < 4096) plan().known[descriptor] = counted;  \
    return descriptor;                                                             \
  }
OPENAT(openat)
OPENAT(openat64)

int mkostemp(char *name, int flags) {
  const auto call = [&] { return long{NEXT(mkostemp)(name, flags)}; };
  return opened(name, 0, static_cast<int>(faulty(plan().counts(name), call)));
}
int mkostemp64(char *name, int flags) {
  const auto call = [&] { return long{NEXT(mkostemp64)(name, flags)}; };
  return opened(name, 0, static_cast<int>(faulty(plan().counts(name), call)));
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
  note("write", descriptor);
  return faulty(plan().counts(descriptor), [&] {
    const bool falls_short = plan().is("short") && plan().counts(descriptor) && plan().at > 0 &&
                             (plan().ever ? plan().calls >= plan().at : plan().calls == plan().at);
    return NEXT(write)(descriptor, bytes, falls_short ? std::max<size_t>(size / 2, 1) : size);
  });
}

int close(int descriptor) {
  const bool counted = plan().counts(descriptor);
  if (counted) plan().known[descriptor] = false;
  const int answer = NEXT(close)(descriptor);
  return static_cast<int>(faulty(counted, [&] { return long{answer}; }));
}

int fsync(int descriptor) {
  note("fsync", descriptor);
  return static_cast<int>(
      faulty(plan().counts(descriptor), [&] { return long{NEXT(fsync)(descriptor)}; }));
}

int fchmod(int descriptor, mode_t mode) {
  return static_cast<int>(
      faulty(plan().counts(descriptor), [&] { return long{NEXT(fchmod)(descriptor, mode)}; }));
}

#define ON_PATH(name)                                                                             \
  int name(const char *path) {                                                                    \
    return static_cast<int>(faulty(plan().counts(path), [&] { return long{NEXT(name)(path)}; })); \
  }
ON_PATH(unlink)
ON_PATH(rmdir)
ON_PATH(remove)

int unlinkat(int folder, const char *path, int flags) {
  const bool counted = plan().counts(path) || plan().counts(folder);
  return static_cast<int>(
      faulty(counted, [&] { return long{NEXT(unlinkat)(folder, path, flags)}; }));
}
int mkdir(const char *path, mode_t mode) {
  return static_cast<int>(
      faulty(plan().counts(path), [&] { return long{NEXT(mkdir)(path, mode)}; }));
}
int rename(const char *from, const char *to) {
  note("rename", to);
  return static_cast<int>(faulty(plan().counts(to), [&] { return long{NEXT(rename)(from, to)}; }));
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
  int descriptor = -1;
  if (sscanf(from, "/proc/self/fd/%d", &descriptor) == 1) note("from", descriptor);
  note("link", to);
  return static_cast<int>(faulty(plan().counts(to), [&] {
    return long{NEXT(linkat)(from_folder, from, to_folder, to, flags)};
  }));
}

int statvfs(const char *path, struct statvfs *answer) {
  const int code = NEXT(statvfs)(path, answer);
  if (plan().free_bytes && plan().counts(path)) {
    answer->f_frsize = 1;
    answer->f_bavail = static_cast<fsblkcnt_t>(atoll(plan().free_bytes));
  }
  return code;
}
int statvfs64(const char *path, struct statvfs64 *answer) {
  const int code = NEXT(statvfs64)(path, answer);
  if (plan().free_bytes && plan().counts(path)) {
    answer->f_frsize = 1;
    answer->f_bavail = static_cast<fsblkcnt64_t>(atoll(plan().free_bytes));
  }
  return code;
}

}  // extern "C"
