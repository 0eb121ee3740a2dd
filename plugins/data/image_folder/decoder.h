// Decodes pictures in a process of its own, started when the first is wanted and again after a
// picture has killed it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/data/image_folder/decoder_protocol.h"

namespace image_folder {

struct DecoderLimits {
  uint64_t memory_bytes = uint64_t{2} << 30;  // beside OpenImageIO itself
  uint32_t cpu_seconds = 30;                  // for one picture
  uint32_t wall_seconds = 120;                // likewise
};

// One thread at a time. Errors are flame::Error: STORAGE for a picture that cannot be decoded,
// without its name; UNSUPPORTED if no decoder can be started.
class Decoder {
 public:
  explicit Decoder(DecoderLimits limits, std::string program = beside_plugin());
  ~Decoder();
  Decoder(const Decoder &) = delete;
  Decoder &operator=(const Decoder &) = delete;

  // Fills `into` with the pixels; `size` is what request.cut_width, cut_height and want make.
  void decode(DecodeRequest request, const std::string &file, uint8_t *into, size_t size);

  // The process, for tests; 0 if none runs.
  pid_t process() const { return process_; }

  // Where it is installed: in the folder above the plugins.
  static std::string beside_plugin();

 private:
  void start();
  bool send_request(const DecodeRequest &request, const std::string &file, int64_t until_ms);
  // Ends the process, whatever it does. "was killed by signal 11", "ended with status 127".
  std::string stop();
  bool answers(int64_t until_ms);
  bool transfer(void *bytes, size_t size, bool out, int64_t until_ms);
  void receive_reply(uint8_t *into, size_t size, int64_t until_ms);
  [[noreturn]] void fail_as_it_ended(int64_t until_ms);

  DecoderLimits limits_;
  std::string program_;
  pid_t process_ = 0;
  int socket_ = -1;
};

}  // namespace image_folder
