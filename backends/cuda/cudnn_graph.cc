#include "backends/cuda/cudnn_graph.h"

#define NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING
#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include <cudnn_frontend.h>

#include "backends/cuda/cudnn.h"
#include "backends/cuda/measuring.h"
#include "flame/tensor.hpp"

// Where the headers look up cuDNN's functions.
namespace cudnn_frontend {
void *cudnn_dlhandle = nullptr;
}

namespace flame::cuda {
namespace {

namespace fe = cudnn_frontend;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;
using Dims = std::vector<int64_t>;

constexpr int64_t kMostWorkspace = int64_t{256} << 20;  // of a convolution
constexpr int64_t kMostOfGradient = int64_t{4} << 30;   // of attention's, which holds sums of f32
constexpr int64_t kOffered = 8;                         // plans of a convolution that are measured
constexpr double kLeastWork = 1e8;                      // multiplications that are worth measuring

fe::DataType_t data_type(flame_dtype dtype) {
  switch (dtype) {
    case FLAME_DTYPE_F32:
      return fe::DataType_t::FLOAT;
    case FLAME_DTYPE_F16:
      return fe::DataType_t::HALF;
    default:
      return fe::DataType_t::BFLOAT16;
  }
}

struct Handle {
  cudnnHandle_t handle = nullptr;
  std::string version;
};

void check(fe::error_t error, const char *what) {
  if (error.is_bad()) throw flame::failed("cuDNN: ", what, " failed: ", error.get_message());
}

class Graph : public CudnnGraph {
 public:
  Graph(const Handle &handle, flame_dtype dtype) : handle_(handle) {
    graph_.set_io_data_type(data_type(dtype))
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
  }

  fe::graph::Graph &get() { return graph_; }

  // A tensor that run() gives an address, the next in order.
  Tensor input(const char *name, const Dims &sizes, const Dims &strides) {
    return graph_.tensor(
        fe::graph::Tensor_attributes().set_name(name).set_dim(sizes).set_stride(strides).set_uid(
            ++count_));
  }
  void output(const Tensor &tensor, const Dims &sizes, const Dims &strides) {
    tensor->set_output(true).set_dim(sizes).set_stride(strides).set_uid(++count_);
  }

  // The library's plans, the best guess first. False, and the reason, if there is none.
  bool offer(std::string &reason) {
    fe::error_t error = graph_.validate();
    if (error.is_good()) error = graph_.build_operation_graph(handle_.handle);
    if (error.is_good())
      error = graph_.create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK});
    if (error.is_bad()) reason = error.get_message();
    return error.is_good();
  }
  bool build_first(std::string &reason) {
    fe::error_t error = graph_.build_plans(fe::BuildPlanPolicy_t::HEURISTICS_CHOICE);
    if (error.is_bad()) reason = error.get_message();
    return error.is_good();
  }
  bool build(int64_t index) {
    if (graph_.build_plan_at_index(index).is_bad()) return false;
    plan_ = index;
    return graph_.get_workspace_size_plan_at_index(index) <= kMostWorkspace;
  }
  void choose(int64_t index) { plan_ = index; }
  int64_t plan_count() const { return graph_.get_execution_plan_count(); }
  std::string plan_name(int64_t index) const {
    std::string name;
    return graph_.get_plan_name_at_index(index, name).is_good() ? name : "";
  }

  uint64_t workspace_size() const override {
    const int64_t size =
        plan_ < 0 ? graph_.get_workspace_size() : graph_.get_workspace_size_plan_at_index(plan_);
    return static_cast<uint64_t>(std::max<int64_t>(size, 0));
  }

  void run(CUstream stream, const std::vector<void *> &tensors, void *workspace) override {
    for (size_t i = 0; i < tensors.size(); ++i)
      addresses_[static_cast<int64_t>(i) + 1] = tensors[i];
    if (fe::detail::set_stream(handle_.handle, stream) != CUDNN_STATUS_SUCCESS)
      throw flame::failed("cudnnSetStream failed");
    check(plan_ < 0 ? graph_.execute(handle_.handle, addresses_, workspace)
                    : graph_.execute_plan_at_index(handle_.handle, addresses_, workspace, plan_),
          "a run");
  }

 private:
  const Handle &handle_;
  fe::graph::Graph graph_;
  int64_t count_ = 0;
  int64_t plan_ = -1;  // the graph's own
  std::unordered_map<int64_t, void *> addresses_;
};

// [n, h, w, c] as cuDNN orders the axes: n, c, h, w.
Dims image_sizes(const Dims &shape) {
  return {shape[0], shape[3], shape[1], shape[2]};
}
Dims image_strides(const Dims &shape) {
  return {shape[1] * shape[2] * shape[3], 1, shape[2] * shape[3], shape[3]};
}

template <typename Attributes>
Attributes window_of(const ConvolutionShape &shape) {
  return Attributes()
      .set_pre_padding({shape.padding[0], shape.padding[2]})
      .set_post_padding({shape.padding[1], shape.padding[3]})
      .set_stride(shape.stride)
      .set_dilation(shape.dilation);
}

void describe(Graph &graph, const ConvolutionShape &shape) {
  fe::graph::Graph &g = graph.get();
  const auto input = [&](const char *name, const Dims &of) {
    return graph.input(name, image_sizes(of), image_strides(of));
  };
  const auto output = [&](const Tensor &tensor, const Dims &of) {
    graph.output(tensor, image_sizes(of), image_strides(of));
  };
  if (shape.kind == Convolution::kInputGrad) {
    // The addresses come as image, weight, result: the order of the numbers, not of the inputs.
    const Tensor dy = g.tensor(fe::graph::Tensor_attributes()
                                   .set_name("dy")
                                   .set_dim(image_sizes(shape.result))
                                   .set_stride(image_strides(shape.result))
                                   .set_uid(3));
    const Tensor weight = g.tensor(fe::graph::Tensor_attributes()
                                       .set_name("weight")
                                       .set_dim(image_sizes(shape.weight))
                                       .set_stride(image_strides(shape.weight))
                                       .set_uid(2));
    return output(g.conv_dgrad(dy, weight, window_of<fe::graph::Conv_dgrad_attributes>(shape)),
                  shape.image);
  }
  const Tensor x = input("x", shape.image);
  if (shape.kind == Convolution::kWeightGrad) {
    const Tensor dy = g.tensor(fe::graph::Tensor_attributes()
                                   .set_name("dy")
                                   .set_dim(image_sizes(shape.result))
                                   .set_stride(image_strides(shape.result))
                                   .set_uid(3));
    return output(g.conv_wgrad(dy, x, window_of<fe::graph::Conv_wgrad_attributes>(shape)),
                  shape.weight);
  }
  const Tensor weight = input("weight", shape.weight);
  Tensor y = g.conv_fprop(x, weight, window_of<fe::graph::Conv_fprop_attributes>(shape));
  if (!shape.bias) return output(y, shape.result);
  const int64_t o = shape.weight[0];
  const Tensor bias = g.tensor(fe::graph::Tensor_attributes()
                                   .set_name("bias")
                                   .set_dim({1, o, 1, 1})
                                   .set_stride({o, 1, o, o})
                                   .set_uid(4));
  output(g.pointwise(y, bias, fe::graph::Pointwise_attributes().set_mode(fe::PointwiseMode_t::ADD)),
         shape.result);
}

// Ways that round more than the contract allows, or whose sums depend on the order of threads.
std::vector<fe::NumericalNote_t> refused_notes(const ConvolutionShape &shape) {
  using Note = fe::NumericalNote_t;
  std::vector<Note> notes = {Note::FFT,
                             Note::WINOGRAD,
                             Note::WINOGRAD_TILE_4x4,
                             Note::WINOGRAD_TILE_6x6,
                             Note::WINOGRAD_TILE_13x13,
                             Note::REDUCED_PRECISION_REDUCTION,
                             Note::NONDETERMINISTIC};
  if (shape.dtype == FLAME_DTYPE_F32 && !shape.tf32) {
    notes.push_back(Note::TENSOR_CORE);
    notes.push_back(Note::DOWN_CONVERT_INPUTS);
  }
  return notes;
}

uint64_t bytes_of(const Dims &shape, flame_dtype dtype) {
  uint64_t count = FLAME_DTYPE_BYTES(dtype);
  for (const int64_t size : shape) count *= static_cast<uint64_t>(size);
  return count;
}

// Builds the plan of that name, as it was measured before.
bool recall(Graph &graph, const std::string &name) {
  for (int64_t plan = 0; plan < graph.plan_count(); ++plan) {
    if (graph.plan_name(plan) == name) return graph.build(plan);
  }
  return false;
}

// Builds the first plans that can be built and takes the quickest. False if there is none.
bool measure(Context &context, Graph &graph, const ConvolutionShape &shape,
             const std::string &signature) {
  std::vector<int64_t> built;
  uint64_t workspace = 0;
  for (int64_t plan = 0; plan < graph.plan_count() && static_cast<int64_t>(built.size()) < kOffered;
       ++plan) {
    if (!graph.build(plan)) continue;
    built.push_back(plan);
    workspace = std::max(workspace, graph.workspace_size());
  }
  if (built.empty()) return false;
  graph.choose(built.front());
  if (built.size() == 1) return true;
  const Scratch scratch(
      context,
      {bytes_of(shape.image, shape.dtype), bytes_of(shape.weight, shape.dtype),
       bytes_of(shape.result, shape.dtype), bytes_of({shape.weight[0]}, shape.dtype), workspace});
  if (!scratch.ok()) return true;
  std::vector<void *> tensors = {scratch.buffer(0), scratch.buffer(1), scratch.buffer(2)};
  if (shape.bias) tensors.push_back(scratch.buffer(3));
  const int64_t chosen = built[quickest(built.size(), [&](size_t i) {
    graph.choose(built[i]);
    return scratch.measure([&](CUstream stream) { graph.run(stream, tensors, scratch.buffer(4)); });
  })];
  graph.choose(chosen);
  context.keep_choice(signature, graph.plan_name(chosen));
  return true;
}

Dims sizes_of(const HeadsLayout &heads) {
  return Dims(heads.sizes, heads.sizes + 4);
}
Dims strides_of(const HeadsLayout &heads) {
  return Dims(heads.strides, heads.strides + 4);
}
// Row-major as [b, s, h, d].
Dims plain_strides(const HeadsLayout &heads) {
  const auto &[b, h, s, d] = heads.sizes;
  return {s * h * d, d, h * d, 1};
}
Dims row_sizes(const HeadsLayout &heads) {
  return {heads.sizes[0], heads.sizes[1], heads.sizes[2], 1};
}
Dims row_strides(const HeadsLayout &heads) {
  return {heads.sizes[1] * heads.sizes[2], heads.sizes[2], 1, 1};
}

class Session : public CudnnSession {
 public:
  explicit Session(const std::string &folder) {
    library(folder);
    handle_.version = library(folder).version();
    const cudnnStatus_t status = fe::detail::create_handle(&handle_.handle);
    if (status != CUDNN_STATUS_SUCCESS)
      throw flame::failed("cudnnCreate failed (", static_cast<int>(status), ")");
  }
  ~Session() override { fe::detail::destroy_handle(handle_.handle); }

  std::unique_ptr<CudnnGraph> convolution(Context &context, const ConvolutionShape &shape,
                                          std::string &reason) override {
    auto graph = std::make_unique<Graph>(handle_, shape.dtype);
    describe(*graph, shape);
    if (!graph->offer(reason)) return nullptr;
    graph->get().deselect_numeric_notes(refused_notes(shape));
    graph->get().deselect_workspace_greater_than(kMostWorkspace);
    double work = static_cast<double>(bytes_of(shape.result, FLAME_DTYPE_U8));
    for (size_t axis = 1; axis < 4; ++axis) work *= static_cast<double>(shape.weight[axis]);
    if (work < kLeastWork || !context.measures())
      return graph->build_first(reason) ? std::move(graph) : nullptr;
    const std::string signature = flame::text("cuDNN ", handle_.version, ", ", shape.text());
    const std::optional<std::string> kept = context.find_choice(signature);
    if (kept && recall(*graph, *kept)) return graph;
    if (measure(context, *graph, shape, signature)) return graph;
    reason = "no plan of cuDNN keeps the accuracy";
    return nullptr;
  }

  std::unique_ptr<CudnnGraph> attention(const AttentionShape &shape, std::string &reason) override {
    auto graph = std::make_unique<Graph>(handle_, shape.dtype);
    const Tensor q = graph->input("q", sizes_of(shape.q), strides_of(shape.q));
    const Tensor k = graph->input("k", sizes_of(shape.k), strides_of(shape.k));
    const Tensor v = graph->input("v", sizes_of(shape.v), strides_of(shape.v));
    auto attributes = fe::graph::SDPA_attributes()
                          .set_name("attention")
                          .set_generate_stats(true)
                          .set_attn_scale(static_cast<float>(shape.scale));
    if (shape.causal) attributes.set_causal_mask(true);
    const auto [y, lse] = graph->get().sdpa(q, k, v, attributes);
    graph->output(y, sizes_of(shape.y), strides_of(shape.y));
    graph->output(lse, row_sizes(shape.q), row_strides(shape.q));
    lse->set_data_type(fe::DataType_t::FLOAT);
    if (!graph->offer(reason) || !graph->build_first(reason)) return nullptr;
    return graph;
  }

  std::unique_ptr<CudnnGraph> attention_grad(const AttentionShape &shape, const HeadsLayout &dy,
                                             std::string &reason) override {
    auto graph = std::make_unique<Graph>(handle_, shape.dtype);
    const Tensor q = graph->input("q", sizes_of(shape.q), strides_of(shape.q));
    const Tensor k = graph->input("k", sizes_of(shape.k), strides_of(shape.k));
    const Tensor v = graph->input("v", sizes_of(shape.v), strides_of(shape.v));
    const Tensor y = graph->input("y", sizes_of(shape.y), strides_of(shape.y));
    const Tensor lse = graph->input("lse", row_sizes(shape.q), row_strides(shape.q));
    lse->set_data_type(fe::DataType_t::FLOAT);
    const Tensor from = graph->input("dy", sizes_of(dy), strides_of(dy));
    auto attributes = fe::graph::SDPA_backward_attributes()
                          .set_name("attention_grad")
                          .set_attn_scale(static_cast<float>(shape.scale))
                          .set_deterministic_algorithm(shape.deterministic);
    if (shape.causal) attributes.set_causal_mask(true);
    const auto [dq, dk, dv] = graph->get().sdpa_backward(q, k, v, y, from, lse, attributes);
    graph->output(dq, sizes_of(shape.q), plain_strides(shape.q));
    graph->output(dk, sizes_of(shape.k), plain_strides(shape.k));
    graph->output(dv, sizes_of(shape.v), plain_strides(shape.v));
    if (!graph->offer(reason)) return nullptr;
    graph->get().deselect_workspace_greater_than(kMostOfGradient);
    if (!graph->build_first(reason)) return nullptr;
    return graph;
  }

 private:
  // Opened once and never closed: the headers keep one address for the process. The runtime is what
  // they ask for the device; open, it is found by its plain name.
  static const Cudnn &library(const std::string &folder) {
    static const Cudnn *opened = [&] {
      new SharedLibrary(
          {"the CUDA runtime", numbered_files("libcudart.so", CUDA_VERSION / 1000, 12),
           "the CUDA toolkit and the Python package nvidia-cuda-runtime; the backend's option "
           "'libraries' names another folder to look in"},
          folder);
      const auto *found = new Cudnn(folder);
      fe::cudnn_dlhandle = found->library.handle();
      return found;
    }();
    return *opened;
  }

  Handle handle_;
};

}  // namespace

std::string ConvolutionShape::text() const {
  std::string out =
      flame::text("convolution ", static_cast<int>(kind), " ", flame::dtype_name(dtype));
  for (const std::vector<int64_t> *list :
       {&image, &weight, &result, &stride, &dilation, &padding}) {
    out += " ";
    for (const int64_t each : *list) out += flame::text(each, "x");
  }
  return flame::text(out, " groups ", groups, " bias ", bias, " tf32 ", tf32);
}

std::unique_ptr<CudnnSession> open_cudnn(const std::string &folder) {
  return std::make_unique<Session>(folder);
}

}  // namespace flame::cuda
