#include "backends/onednn/device.h"

#include <omp.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "backends/onednn/op_plan.h"

namespace flame::onednn {
namespace {

constexpr std::align_val_t kAlignment{256};

class ImmediateStream : public flame::Stream {
 public:
  void record(flame::Event &) override {}
  void wait(flame::Event &) override {}
  void synchronize() override {}
};

uint64_t bytes_of_pages(int what) {
  return static_cast<uint64_t>(sysconf(what)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string_view isa_name(dnnl::cpu_isa isa) {
  switch (isa) {
    case dnnl::cpu_isa::sse41:
      return "SSE4.1";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    case dnnl::cpu_isa::avx2_vnni:
    case dnnl::cpu_isa::avx2_vnni_2:
      return "AVX2 VNNI";
    case dnnl::cpu_isa::avx512_core:
    case dnnl::cpu_isa::avx512_core_vnni:
      return "AVX-512";
    case dnnl::cpu_isa::avx512_core_bf16:
    case dnnl::cpu_isa::avx512_core_fp16:
      return "AVX-512 with bf16";
    case dnnl::cpu_isa::avx512_core_amx:
    case dnnl::cpu_isa::avx512_core_amx_fp16:
      return "AMX";
    default:
      return "plain x86-64";
  }
}

OpPlanner planner_of(const flame::Op &op) {
  if (const OpPlanner planner = find_planner(op.name())) return planner;
  throw flame::unsupported("onednn has no op '", op.name(), "'");
}

}  // namespace

std::vector<flame::DeviceInfo> Processor::devices() {
  const dnnl_version_t *version = dnnl_version();
  return {
      {"processor",
       flame::text("oneDNN ", version->major, ".", version->minor, ".", version->patch, ", ",
                   isa_name(dnnl::get_effective_cpu_isa()), ", ", omp_get_num_procs(), " cores"),
       FLAME_DEVICE_CPU, bytes_of_pages(_SC_PHYS_PAGES), bytes_of_pages(_SC_AVPHYS_PAGES)}};
}

Processor::Processor(uint32_t, const Options &options)
    : engine_(options.threads == 0 ? omp_get_num_procs() : static_cast<int>(options.threads)) {}

void *Processor::allocate(uint64_t size) {
  // The system promises more than it has; what can never be there is refused here.
  const uint64_t total = bytes_of_pages(_SC_PHYS_PAGES);
  void *memory = size > total ? nullptr : ::operator new(size, kAlignment, std::nothrow);
  if (memory) return memory;
  throw flame::out_of_memory(size, " bytes were asked for, but ", bytes_of_pages(_SC_AVPHYS_PAGES),
                             " of ", total, " are free");
}

void Processor::release(void *memory) noexcept {
  ::operator delete(memory, kAlignment);
}

void Processor::upload(const flame::Call &, const void *from, void *to, uint64_t size) {
  std::memcpy(to, from, size);
}

void Processor::download(const flame::Call &, const void *from, void *to, uint64_t size) {
  std::memcpy(to, from, size);
}

std::unique_ptr<flame::Stream> Processor::create_stream() {
  return std::make_unique<ImmediateStream>();
}

std::unique_ptr<flame::Event> Processor::create_event() {
  return std::make_unique<flame::Event>();
}

flame::OpInfo Processor::probe(const flame::Call &, const flame::Op &op) const {
  return planner_of(op)(op)->info;
}

std::unique_ptr<flame::Plan> Processor::plan(const flame::Call &, const flame::Op &op) {
  std::unique_ptr<OpPlan> plan = planner_of(op)(op);
  plan->prepare_with(engine_);
  return plan;
}

}  // namespace flame::onednn
