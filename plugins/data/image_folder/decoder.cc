#include "plugins/data/image_folder/decoder.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "flame/error.hpp"

namespace image_folder {
namespace {

constexpr int64_t kStartMs = 60'000;  // loading OpenImageIO from a slow disk
constexpr uint64_t kLongestReason = 4096;

int64_t now_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

// What posix_spawn needs, released on every way out.
struct Actions {
  posix_spawn_file_actions_t value;
  Actions() { posix_spawn_file_actions_init(&value); }
  ~Actions() { posix_spawn_file_actions_destroy(&value); }
};

// A group of its own, which Ctrl-C does not reach: the host saves its work before it ends. Signals
// as a new program expects them.
struct Attributes {
  posix_spawnattr_t value;
  Attributes() {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&value);
    posix_spawnattr_setsigmask(&value, &none);
    posix_spawnattr_setsigdefault(&value, &all);
    posix_spawnattr_setflags(
        &value, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Attributes() { posix_spawnattr_destroy(&value); }
};

}  // namespace

Decoder::Decoder(DecoderLimits limits, std::string program)
    : limits_(limits), program_(std::move(program)) {}

Decoder::~Decoder() {
  stop();
}

std::string Decoder::beside_plugin() {
  Dl_info info = {};
  static const char here = 0;
  if (!dladdr(&here, &info) || !info.dli_fname)
    throw flame::unsupported(
        "the plugin image_folder cannot tell where it lies: install flamehost "
        "again");
  const std::string plugin = info.dli_fname;
  return plugin.substr(0, plugin.rfind('/') + 1).append("../").append(kDecoderName);
}

// The child gets the socket as its input, no other file, no output and an empty environment: no
// variable can lead it to libraries that nobody checked.
void Decoder::start() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw flame::failed("no socket for the decoder of pictures: ", strerror(errno));
  Actions actions;
  posix_spawn_file_actions_adddup2(&actions.value, ends[1], 0);
  posix_spawn_file_actions_addopen(&actions.value, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions.value, 2, "/dev/null", O_WRONLY, 0);
  std::string memory = flame::text(limits_.memory_bytes);
  char *arguments[] = {program_.data(), memory.data(), nullptr};
  char language[] = "LC_ALL=C";
  char *environment[] = {language, nullptr};
  const Attributes attributes;
  const int problem = posix_spawn(&process_, program_.c_str(), &actions.value, &attributes.value,
                                  arguments, environment);
  close(ends[1]);
  socket_ = ends[0];
  if (problem != 0) {
    process_ = 0;
    stop();
    throw flame::unsupported("the decoder of pictures ", program_,
                             " cannot be started: ", strerror(problem),
                             "; install flamehost again");
  }
  Hello hello;
  if (transfer(&hello, sizeof hello, false, now_ms() + kStartMs) && hello.protocol == kProtocol)
    return;
  const std::string ending = stop();
  throw flame::unsupported("the decoder of pictures ", program_, " does not work (it ", ending,
                           "); install OpenImageIO 2.4, on Debian 12 with apt install "
                           "libopenimageio2.4");
}

std::string Decoder::stop() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  if (process_ <= 0) return {};
  int status = 0;
  // It may have ended by itself, for a reason that is worth telling; else it is made to.
  const pid_t ended = waitpid(process_, &status, WNOHANG);
  if (ended == 0) {
    kill(process_, SIGKILL);
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  process_ = 0;
  if (WIFSIGNALED(status)) return flame::text("was killed by signal ", WTERMSIG(status));
  return flame::text("ended with status ", WEXITSTATUS(status));
}

// Waits for the first byte of a reply; false if there will be none.
bool Decoder::answers(int64_t until_ms) {
  char first = 0;
  while (now_ms() < until_ms) {
    pollfd wait{socket_, POLLIN, 0};
    const int64_t left = std::max<int64_t>(until_ms - now_ms(), 0);
    const int ready = poll(&wait, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0) return recv(socket_, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  }
  return false;
}

bool Decoder::transfer(void *bytes, size_t size, bool out, int64_t until_ms) {
  auto *at = static_cast<char *>(bytes);
  while (size > 0) {
    const int64_t left = until_ms - now_ms();
    pollfd wait{socket_, static_cast<short>(out ? POLLOUT : POLLIN), 0};
    if (left <= 0) return false;
    const int ready = poll(&wait, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    const ssize_t count = out ? send(socket_, at, size, MSG_NOSIGNAL | MSG_DONTWAIT)
                              : recv(socket_, at, size, MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return false;
    at += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

void Decoder::fail_as_it_ended(int64_t until_ms) {
  const bool late = now_ms() >= until_ms;
  if (!late) usleep(20'000);  // the socket closes a moment before the process has ended
  const std::string ending = stop();
  if (late) throw flame::storage_error("decoding it takes more than ", limits_.wall_seconds, " s");
  if (ending == flame::text("was killed by signal ", SIGXCPU))
    throw flame::storage_error("decoding it takes more than ", limits_.cpu_seconds,
                               " s of the processor");
  throw flame::storage_error("it breaks the decoder, which ", ending);
}

void Decoder::receive_reply(uint8_t *into, size_t size, int64_t until_ms) {
  DecodeReply head;
  if (!transfer(&head, sizeof head, false, until_ms)) fail_as_it_ended(until_ms);
  const bool sound =
      head.protocol == kProtocol && (head.failed ? head.size <= kLongestReason : head.size == size);
  if (!sound) {
    stop();
    throw flame::storage_error("it confuses the decoder");
  }
  if (!head.failed) {
    if (!transfer(into, size, false, until_ms)) fail_as_it_ended(until_ms);
    return;
  }
  std::string reason(static_cast<size_t>(head.size), '\0');
  if (!transfer(reason.data(), reason.size(), false, until_ms)) fail_as_it_ended(until_ms);
  // From a library that may quote the file: one line of plain letters.
  for (char &c : reason) {
    if (c < ' ' || c > '~') c = ' ';
  }
  throw flame::storage_error(reason);
}

bool Decoder::send_request(const DecodeRequest &request, const std::string &file,
                           int64_t until_ms) {
  return transfer(const_cast<DecodeRequest *>(&request), sizeof request, true, until_ms) &&
         transfer(const_cast<char *>(file.data()), file.size(), true, until_ms);
}

// A process that has served before may have ended for another's reason (a kernel without memory);
// only one that was started for this picture proves that the picture is to blame.
void Decoder::decode(DecodeRequest request, const std::string &file, uint8_t *into, size_t size) {
  request.file_size = file.size();
  request.cpu_seconds = limits_.cpu_seconds;
  int64_t until_ms = now_ms() + int64_t{limits_.wall_seconds} * 1000;
  if (process_ != 0 && (!send_request(request, file, until_ms) || !answers(until_ms))) {
    if (now_ms() >= until_ms) fail_as_it_ended(until_ms);
    stop();
  }
  const bool anew = process_ == 0;
  if (anew) start();
  until_ms = now_ms() + int64_t{limits_.wall_seconds} * 1000;
  if (anew && !send_request(request, file, until_ms)) fail_as_it_ended(until_ms);
  receive_reply(into, size, until_ms);
}

}  // namespace image_folder
