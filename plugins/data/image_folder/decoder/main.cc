// flame-picture-decoder: a process of its own in which hostile pictures do no harm. It opens
// nothing, has bounded memory, and ends with the plugin that started it.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include "plugins/data/image_folder/decoder/read_pixels.h"
#include "plugins/data/image_folder/decoder/resample.h"
#include "plugins/data/image_folder/decoder_protocol.h"

namespace image_folder {
namespace {

constexpr int kSocket = 0;

bool receive(void *into, size_t size) {
  auto *to = static_cast<char *>(into);
  while (size > 0) {
    const ssize_t count = recv(kSocket, to, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    to += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

bool send_all(const void *from, size_t size) {
  const auto *bytes = static_cast<const char *>(from);
  while (size > 0) {
    const ssize_t count = send(kSocket, bytes, size, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

void limit(int resource, rlim_t most) {
  const rlimit value{most, most};
  setrlimit(static_cast<__rlimit_resource>(resource), &value);
}

// Beyond what the process maps already: OpenImageIO's libraries. None with AddressSanitizer, which
// maps terabytes.
void limit_memory([[maybe_unused]] rlim_t memory_bytes) {
#if !defined(__SANITIZE_ADDRESS__)
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  statm >> pages;
  limit(RLIMIT_AS, pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + memory_bytes);
#endif
}

void lock_in(rlim_t memory_bytes) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit_memory(memory_bytes);
  limit(RLIMIT_NOFILE, 3);  // no further file, and no socket
}

// The soft limit counts from the start of the process: it is set anew for each picture.
void limit_cpu(uint32_t seconds) {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto spent = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
  const rlimit value{spent + seconds + 1, RLIM_INFINITY};
  setrlimit(RLIMIT_CPU, &value);
}

// Grey stays one channel; alpha stands behind the colours, 255 where there is none.
uint8_t alpha_of(const Raster &picture, const uint8_t *pixel) {
  return picture.channels % 2 == 0 ? pixel[picture.channels - 1] : 255;
}

Raster channels_of(const Raster &picture, Want want) {
  const size_t channels = want == Want::kColours ? 3 : 1;
  const bool grey = picture.channels <= 2;
  Raster out{picture.width, picture.height, channels, {}, false};
  out.bytes.resize(out.width * out.height * channels);
  uint8_t *to = out.bytes.data();
  for (size_t i = 0; i < picture.bytes.size(); i += picture.channels, to += channels) {
    const uint8_t *pixel = picture.bytes.data() + i;
    const uint32_t alpha = alpha_of(picture, pixel);
    const uint32_t red = pixel[0], green = pixel[grey ? 0 : 1], blue = pixel[grey ? 0 : 2];
    const auto over_white = [&](uint32_t value) {
      const uint32_t share = picture.multiplied ? value * 255 : value * alpha;
      return static_cast<uint8_t>(std::min((share + 255 * (255 - alpha) + 127) / 255, 255u));
    };
    if (want == Want::kAlpha) {
      to[0] = static_cast<uint8_t>(alpha);
    } else if (want == Want::kGrey) {
      to[0] = static_cast<uint8_t>((299 * red + 587 * green + 114 * blue + 500) / 1000);
    } else {
      to[0] = over_white(red), to[1] = over_white(green), to[2] = over_white(blue);
    }
  }
  return out;
}

Raster decode(const DecodeRequest &request, const std::vector<char> &file) {
  Raster picture =
      read_pixels(static_cast<Format>(request.format), file, request.width, request.height);
  picture = upright(channels_of(picture, request.want), request.orientation);
  Raster cut = resample(picture, {request.resized_width, request.resized_height, request.left,
                                  request.top, request.cut_width, request.cut_height});
  if (request.mirrored) mirror(cut);
  return cut;
}

bool reply(bool failed, const void *bytes, size_t size) {
  const DecodeReply head{kProtocol, failed ? 1u : 0u, size};
  return send_all(&head, sizeof head) && send_all(bytes, size);
}

// False if this process should end.
bool answer(const DecodeRequest &request, const std::vector<char> &file) {
  std::string reason;
  bool out_of_memory = false;
  try {
    const Raster picture = decode(request, file);
    return reply(false, picture.bytes.data(), picture.bytes.size());
  } catch (const std::bad_alloc &) {
    reason = "decoding it takes too much memory";
    out_of_memory = true;
  } catch (const std::exception &error) {
    reason = error.what();
  } catch (...) {
    reason = "it is broken";
  }
  reason.resize(std::min<size_t>(reason.size(), 1024));
  // What a library holds on to after such a failure is lacking for the next picture.
  return reply(true, reason.data(), reason.size()) && !out_of_memory;
}

int serve() {
  const Hello hello;
  if (!send_all(&hello, sizeof hello)) return 1;
  DecodeRequest request;
  while (receive(&request, sizeof request)) {
    if (request.protocol != kProtocol) return 1;
    limit_cpu(request.cpu_seconds);
    std::vector<char> file(request.file_size);
    if (!receive(file.data(), file.size())) return 1;
    if (!answer(request, file)) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace image_folder

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "flame-picture-decoder is started by the plugin image_folder\n");
    return 2;
  }
  image_folder::lock_in(strtoull(arguments[1], nullptr, 10));
  return image_folder::serve();
}
