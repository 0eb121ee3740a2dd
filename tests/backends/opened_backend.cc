#include "tests/backends/opened_backend.h"

#include <dlfcn.h>

#include <stdexcept>

namespace flame::backend_test {

OpenedBackend::OpenedBackend(const std::string &file) {
  library_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) throw std::runtime_error(dlerror());
  const auto entry =
      reinterpret_cast<decltype(&flame_plugin_entry_v1)>(dlsym(library_, FLAME_ENTRY_SYMBOL));
  plugin_ = entry(host_.get());
  if (!plugin_ || plugin_->start(call_)) throw std::runtime_error("no start: " + call_.message);
  backend_ = static_cast<const flame_backend *>(plugin_->query(FLAME_STR(FLAME_BACKEND_ID)));
  if (backend_->open(call_, plugin_->components[0]->id, 0, nullptr, 0, &device_))
    throw std::runtime_error("no device: " + call_.message);
  const auto query = [&](flame_str id) { return backend_->query(device_, id); };
  memory = static_cast<const flame_memory *>(query(FLAME_STR(FLAME_MEMORY_ID)));
  sync = static_cast<const flame_sync *>(query(FLAME_STR(FLAME_SYNC_ID)));
  ops = static_cast<const flame_ops *>(query(FLAME_STR(FLAME_OPS_ID)));
  if (sync->create_stream(device_, call_, &stream_))
    throw std::runtime_error("no stream: " + call_.message);
  call_.get()->stream = stream_;
}

OpenedBackend::~OpenedBackend() {
  sync->destroy_stream(stream_);
  backend_->close(device_);
  plugin_->stop();
}

flame_status OpenedBackend::probe(const flame_op &op, flame_op_info &info) {
  info = {sizeof info, 0, 0, 0, 0};
  return ops->probe(device_, call_, &op, &info);
}

flame_status OpenedBackend::run(const flame_op &op) {
  flame_op_info info;
  if (const flame_status status = probe(op, info)) return status;
  flame_plan *plan = nullptr;
  if (const flame_status status = ops->plan(device_, call_, &op, &info, &plan)) return status;
  flame_call &call = *call_.get();
  void *workspace = nullptr;
  flame_status status = memory->allocate(device_, &call, info.workspace_size, &workspace);
  if (!status) {
    call.workspace = workspace;
    call.workspace_size = info.workspace_size;
    status = ops->run(plan, &call, op.inputs, op.outputs);
    if (!status) status = sync->synchronize(&call);
    memory->release(device_, workspace);
  }
  ops->drop(plan);
  return status;
}

}  // namespace flame::backend_test
