// A host for tests of plugins: a log that is kept, files on the disk, and a call whose failures are
// counted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flame/entry.h"
#include "flame/host.h"

namespace flame_test {

// Borrows: only for the length of one call.
inline flame_str str(const std::string &text) {
  return {text.data(), text.size()};
}
inline std::string text(flame_str text) {
  return text.size == 0 ? std::string() : std::string(text.data, text.size);
}

// The host of the test process. `services` are the ids that it answers.
class FakeHost {
 public:
  explicit FakeHost(std::vector<std::string> services = {FLAME_LOG_ID, FLAME_FILES_ID});

  const flame_host *get() const;

  std::vector<std::string> log;
  std::vector<std::string> services;

 private:
  flame_log log_table_ = {};
  flame_files files_table_ = {};

  struct Link {  // the C table, and whose it is
    flame_host host;
    FakeHost *self;
  };
  Link link_ = {};
  static const void *query(const flame_host *host, flame_str id) noexcept;
};

// One call of a plugin's function, and what it told.
class FakeCall {
 public:
  FakeCall();
  FakeCall(const FakeCall &) = delete;
  FakeCall &operator=(const FakeCall &) = delete;
  flame_call *get() { return &call_; }
  operator flame_call *() { return &call_; }  // NOLINT: so that it stands where a call is wanted

  int failures = 0;
  flame_status status = FLAME_OK;
  std::string message;

 private:
  flame_call call_ = {};
};

// A contiguous tensor of the test's own, of 4-byte elements.
class FakeTensor {
 public:
  FakeTensor(flame_dtype dtype, std::vector<int64_t> shape, std::vector<float> elements = {});
  flame_tensor *get() { return &tensor_; }

  std::vector<int64_t> shape, strides;
  std::vector<float> elements;

 private:
  flame_tensor tensor_ = {};
};

}  // namespace flame_test
