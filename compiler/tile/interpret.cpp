#include "compiler/tile/interpret.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compiler/kernels/kernels.h"
#include "compiler/tile/known_view.h"
#include "compiler/tile/visit.h"

namespace septran::tile {
namespace {

constexpr std::int64_t max_bytes = std::int64_t{1} << 33;
constexpr std::byte poison{0xFF};

/// Left by throwing, caught in interpret().
struct Fault {
  std::string text;
};

std::optional<std::int64_t> dense_size(const std::vector<std::int64_t>& extents, DType storage) {
  std::int64_t bytes = static_cast<std::int64_t>(size_bytes(storage));
  for (const std::int64_t extent : extents) {
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes) || bytes > max_bytes) {
      return std::nullopt;
    }
  }
  return bytes;
}

/// Where a tensor's elements are at the moment.
struct Place {
  std::byte* data = nullptr;
  std::vector<std::int64_t> extents;
  std::vector<std::int64_t> strides_bytes;
  std::vector<std::byte> own;  // storage that belongs to this tensor alone
};

/// A tile of a tensor that has storage, every number known.
struct Located {
  TensorId root;
  View view;
  int age = 0;  // of the ring's slot
};

class Interpreter {
 public:
  Interpreter(const Program& program, const InterpretOptions& options)
      : program_(program),
        options_(options),
        rings_(program.tensors.size()),
        generations_(program.tensors.size()),
        sources_(program.tensors.size()),
        values_(program.vars.size()),
        value_([this](VarId id) {
          if (id.value >= values_.size()) fail(nullptr, "an unknown variable");
          return values_[id.value];
        }) {}

  void run(std::span<const std::span<std::byte>> arguments) {
    bind_arguments(arguments);
    if (options_.placed) make_images();
    execute(program_.body);
  }

 private:
  [[noreturn]] static void fail(const Statement* statement, const std::string& text) {
    std::string where;
    if (statement != nullptr && !statement->origin.logic.empty()) {
      where = " (from " + statement->origin.logic + ")";
    }
    throw Fault{text + where};
  }

  void bind_arguments(std::span<const std::span<std::byte>> arguments) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < program_.tensors.size(); ++i) {
      const Tensor& tensor = program_.tensors[i];
      if (tensor.kind != TensorKind::argument) continue;
      if (next >= arguments.size()) fail(nullptr, "no data for argument " + tensor.name);
      const std::span<std::byte> data = arguments[next++];
      const auto bytes = dense_bytes(tensor);
      if (!bytes || static_cast<std::size_t>(*bytes) != data.size()) {
        fail(nullptr, fmt::format("argument {} has {} bytes, not {}", tensor.name, data.size(),
                                  bytes.value_or(-1)));
      }
      Place& place = rings_[i].emplace_back();
      set_dense(place, tensor, extents_of(tensor));
      place.data = data.data();
    }
    if (next != arguments.size()) fail(nullptr, "more data than arguments");
  }

  std::vector<std::int64_t> extents_of(const Tensor& tensor) const {
    std::vector<std::int64_t> extents;
    for (const Expr& extent : tensor.shape) extents.push_back(extent.evaluate(value_));
    return extents;
  }

  static void set_dense(Place& place, const Tensor& tensor, std::vector<std::int64_t> extents) {
    place.extents = std::move(extents);
    place.strides_bytes.assign(place.extents.size(), 0);
    auto stride = static_cast<std::int64_t>(size_bytes(tensor.storage));
    for (std::size_t a = place.extents.size(); a-- > 0;) {
      place.strides_bytes[a] = stride;
      stride *= std::max<std::int64_t>(place.extents[a], 1);
    }
  }

  bool is_placed(const Tensor& tensor) const {
    return options_.placed && tensor.offset_bytes.has_value() && !tensor.memory.empty() &&
           tensor.kind != TensorKind::argument;
  }

  void make_images() {
    std::map<std::string, std::int64_t> needed;
    for (const Tensor& tensor : program_.tensors) {
      if (!is_placed(tensor)) continue;
      const __int128 end = static_cast<__int128>(*tensor.offset_bytes) +
                           static_cast<__int128>(std::max(tensor.depth, 1)) * tensor.slot_bytes;
      if (*tensor.offset_bytes < 0 || tensor.slot_bytes < 0 || end > max_bytes) {
        fail(nullptr, fmt::format("{} is placed outside any memory", tensor.name));
      }
      std::int64_t& size = needed[tensor.memory];
      size = std::max(size, static_cast<std::int64_t>(end));
      const auto limit = options_.memory_bytes.find(tensor.memory);
      if (limit != options_.memory_bytes.end() && size > limit->second) {
        fail(nullptr, fmt::format("{} does not fit into {}", tensor.name, tensor.memory));
      }
    }
    for (const auto& [memory, size] : needed) {
      images_[memory].assign(static_cast<std::size_t>(size), poison);
    }
  }

  /// A fresh, poisoned generation of a tensor.
  void allocate(TensorId id, const Statement* statement) {
    const Tensor& tensor = program_[id];
    if (tensor.kind == TensorKind::argument || tensor.kind == TensorKind::parameter) {
      fail(statement, tensor.name + " is not a tensor that can be allocated");
    }
    std::vector<Place>& ring = rings_[id.value];
    ring.resize(static_cast<std::size_t>(std::max(tensor.depth, 1)));
    const std::int64_t slot = generations_[id.value]++ % std::max(tensor.depth, 1);
    Place& place = ring[static_cast<std::size_t>(slot)];
    std::vector<std::int64_t> extents = extents_of(tensor);
    if (is_placed(tensor)) {
      return place_in_image(tensor, slot, place, std::move(extents), statement);
    }
    const auto bytes = dense_size(extents, tensor.storage);
    if (!bytes) fail(statement, fmt::format("{} has no sensible size", tensor.name));
    set_dense(place, tensor, std::move(extents));
    place.own.assign(static_cast<std::size_t>(*bytes), poison);
    place.data = place.own.data();
  }

  void place_in_image(const Tensor& tensor, std::int64_t slot, Place& place,
                      std::vector<std::int64_t> extents, const Statement* statement) {
    if (!tensor.strides_bytes.empty() && tensor.strides_bytes.size() != extents.size()) {
      fail(statement, tensor.name + " has not one stride for each dimension");
    }
    set_dense(place, tensor, std::move(extents));
    if (!tensor.strides_bytes.empty()) place.strides_bytes = tensor.strides_bytes;
    __int128 last = static_cast<__int128>(size_bytes(tensor.storage));
    for (std::size_t a = 0; a < place.extents.size(); ++a) {
      if (place.strides_bytes[a] < 0) fail(statement, tensor.name + " has a negative stride");
      last += static_cast<__int128>(std::max<std::int64_t>(place.extents[a], 1) - 1) *
              place.strides_bytes[a];
    }
    if (last > tensor.slot_bytes) {
      fail(statement,
           fmt::format("{} is larger than its slot of {} bytes", tensor.name, tensor.slot_bytes));
    }
    place.data = images_.at(tensor.memory).data() + *tensor.offset_bytes + slot * tensor.slot_bytes;
    std::fill_n(place.data, tensor.slot_bytes, poison);
  }

  /// Follows parameters to the tensor that was passed for them.
  Located locate(const TileRef& ref, const Statement* statement) {
    if (ref.tensor.value >= program_.tensors.size()) fail(statement, "an unknown tensor");
    Located here{ref.tensor, evaluate(ref.view, value_)};
    const Tensor& tensor = program_[ref.tensor];
    const std::optional<Located>& source = sources_[ref.tensor.value];
    if (!source) {
      if (tensor.kind == TensorKind::parameter) {
        fail(statement, tensor.name + " is used outside its launch");
      }
      if (rings_[ref.tensor.value].empty()) allocate_at_use(ref.tensor, statement);
      here.age = ref.age;
      check(here.view, place_of(here, statement).extents, tensor, statement);
      return here;
    }
    std::vector<std::int64_t> extents;
    for (const ViewDim& dim : source->view.dims) extents.push_back(dim.extent.offset());
    check(here.view, extents, tensor, statement);
    auto composed = compose(source->view, here.view);
    if (!composed) fail(statement, "a view of " + tensor.name + " that no view can say");
    return {source->root, std::move(*composed), source->age};
  }

  /// The slot that a tile lies in.
  const Place& place_of(const Located& at, const Statement* statement) const {
    const std::vector<Place>& ring = rings_[at.root.value];
    const std::int64_t generation = generations_[at.root.value] - 1 - at.age;
    const auto slots = static_cast<std::int64_t>(ring.size());
    if (at.age < 0 || at.age >= slots || (at.age > 0 && generation < 0)) {
      fail(statement,
           fmt::format("{} has no slot of {} generations ago", program_[at.root].name, at.age));
    }
    return ring[static_cast<std::size_t>(std::max<std::int64_t>(generation, 0) % slots)];
  }

  /// Temporaries may do without an `alloc`: they live as long as the kernel.
  void allocate_at_use(TensorId id, const Statement* statement) {
    const Tensor& tensor = program_[id];
    if (tensor.kind != TensorKind::temporary) {
      fail(statement, tensor.name + " is used before it is allocated");
    }
    allocate(id, statement);
  }

  static void check(const View& view, const std::vector<std::int64_t>& extents,
                    const Tensor& tensor, const Statement* statement) {
    if (const auto fault = view_fault(view, extents)) {
      fail(statement, tensor.name + ": " + *fault);
    }
  }

  /// The tile for a kernel; `rounds`: results are rounded to the tensor's own type.
  kernels::Tile tile(const TileRef& ref, bool rounds, const Statement* statement) {
    const Located at = locate(ref, statement);
    const Tensor& root = program_[at.root];
    const Place& place = place_of(at, statement);
    if (!at.view.zero_outside) check(at.view, place.extents, root, statement);
    return kernels::make_tile(place.data, root.storage, rounds ? root.dtype : root.storage, at.view,
                              place.strides_bytes, place.extents, value_);
  }

  void step(std::int64_t count = 1) {
    steps_ += count;
    if (steps_ > options_.max_steps) fail(nullptr, "the program takes too many steps");
  }

  void execute(const Block& block) {
    for (const Statement& statement : block) {
      step();
      std::visit([&](const auto& node) { run(node, statement); }, statement.node);
    }
  }

  void run(const Alloc& alloc, const Statement& statement) {
    if (alloc.tensor.value >= rings_.size()) fail(&statement, "an unknown tensor");
    allocate(alloc.tensor, &statement);
  }

  void run(const Loop& loop, const Statement& statement) {
    if (loop.var.value >= values_.size()) fail(&statement, "an unknown variable");
    const std::int64_t begin = program_.vars[loop.var].begin.evaluate(value_);
    const std::int64_t end = program_.vars[loop.var].end.evaluate(value_);
    const std::int64_t workers = std::max(loop.workers, 1);
    for (std::int64_t worker = 0; worker < workers; ++worker) {
      for (std::int64_t v = begin + worker; v < end; v += workers) {
        values_[loop.var.value] = v;
        step();
        execute(loop.body);
      }
    }
  }

  void run(const Parallel& parallel, const Statement& statement) { nest(parallel, 0, statement); }
  void nest(const Parallel& parallel, std::size_t level, const Statement& statement) {
    if (level == parallel.vars.size()) return execute(parallel.body);
    const VarId var = parallel.vars[level];
    if (var.value >= values_.size()) fail(&statement, "an unknown variable");
    const std::int64_t begin = program_.vars[var].begin.evaluate(value_);
    const std::int64_t end = program_.vars[var].end.evaluate(value_);
    for (std::int64_t v = begin; v < end; ++v) {
      values_[var.value] = v;
      step();
      nest(parallel, level + 1, statement);
    }
  }

  void run(const If& branch, const Statement&) {
    execute(branch.condition.evaluate(value_) ? branch.then : branch.otherwise);
  }

  void run(const Scope& scope, const Statement& statement) {
    std::vector<Located> sources;
    for (const ScopeArgument& argument : scope.arguments) {
      if (argument.parameter.value >= sources_.size()) fail(&statement, "an unknown parameter");
      sources.push_back(locate(argument.source, &statement));
    }
    std::vector<std::optional<Located>> outer;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      std::optional<Located>& source = sources_[scope.arguments[i].parameter.value];
      outer.push_back(std::move(source));
      source = std::move(sources[i]);
    }
    execute(scope.body);
    for (std::size_t i = outer.size(); i-- > 0;) {
      sources_[scope.arguments[i].parameter.value] = std::move(outer[i]);
    }
  }

  template <typename Call>
  void run_call(const Call& call, const Statement& statement) {
    if (auto fault = call_fault(call.primitive, call.operands)) fail(&statement, *fault);
    Attributes attributes = call.attributes;
    for (auto& [name, value] : attributes) {
      if (Expr* e = std::get_if<Expr>(&value)) *e = e->evaluate(value_);
    }
    if (!complete_attributes(*call.primitive, attributes).empty()) {
      fail(&statement, "attributes of " + call.primitive->name + " that it does not take");
    }
    std::vector<kernels::Argument> operands;
    std::vector<std::optional<std::vector<Expr>>> shapes;
    for (const Operand& operand : call.operands) {
      if (const TileRef* ref = std::get_if<TileRef>(&operand)) {
        operands.emplace_back(tile(*ref, true, &statement));
        shapes.emplace_back(evaluate(ref->view, value_).shape());
      } else if (const double* scalar = std::get_if<double>(&operand)) {
        operands.emplace_back(*scalar);
        shapes.emplace_back();
      } else {
        operands.emplace_back();
        shapes.emplace_back();
      }
    }
    check_call(*call.primitive, attributes, shapes, &statement);
    kernels::run_primitive(*call.primitive, operands, attributes);
  }

  void check_call(const Primitive& primitive, const Attributes& attributes,
                  std::vector<std::optional<std::vector<Expr>>>& shapes,
                  const Statement* statement) const {
    shapes.resize(primitive.operands.size());
    const ShapeResult result = resolve_shapes(primitive, attributes, shapes);
    if (result.fault) fail(statement, primitive.name + ": " + result.fault->text);
    if (!result.equalities.empty()) {
      fail(statement, primitive.name + ": " + result.equalities.front().fault.text);
    }
  }

  void run(const Prim& prim, const Statement& statement) { run_call(prim, statement); }
  void run(const Vec& vec, const Statement& statement) {
    if (!vec.guard || vec.guard->evaluate(value_)) run_call(vec, statement);
  }

  void run(const DmaCopy& copy, const Statement& statement) {
    const kernels::Tile dst = tile(copy.dst, true, &statement);
    const kernels::Tile src = tile(copy.src, true, &statement);
    bool same = dst.dims.size() == src.dims.size();
    for (std::size_t d = 0; same && d < dst.dims.size(); ++d) {
      same = dst.dims[d].extent == src.dims[d].extent;
    }
    if (!same) fail(&statement, "a copy between tiles of different shapes");
    if (dst.elements() > 0) kernels::run_copy(dst, src);
  }

  void run(const Mma& mma, const Statement& statement) {
    const kernels::Tile acc = tile(mma.acc, false, &statement);
    const kernels::Tile a = tile(mma.a, true, &statement);
    const kernels::Tile b = tile(mma.b, true, &statement);
    if (acc.dims.size() != 2 || a.dims.size() != 2 || b.dims.size() != 2) {
      fail(&statement, "an mma of tiles that are not matrices");
    }
    const std::size_t ta = mma.transpose_a ? 1 : 0;
    const std::size_t tb = mma.transpose_b ? 1 : 0;
    if (a.dims[ta].extent != acc.dims[0].extent || b.dims[1 - tb].extent != acc.dims[1].extent ||
        a.dims[1 - ta].extent != b.dims[tb].extent) {
      fail(&statement, "an mma of tiles whose shapes do not fit");
    }
    if (acc.elements() == 0) return;
    kernels::run_mma(acc, a, b, mma.transpose_a, mma.transpose_b, mma.accumulate.evaluate(value_),
                     mma.alpha, mma.factor_bits);
  }

  void run(const Sync&, const Statement&) {}
  void run(const Barrier&, const Statement&) {}

  const Program& program_;
  const InterpretOptions& options_;
  std::vector<std::vector<Place>> rings_;        // slots of each tensor
  std::vector<std::int64_t> generations_;        // allocs so far: the ring's position
  std::vector<std::optional<Located>> sources_;  // of parameters, inside their launch
  std::map<std::string, std::vector<std::byte>> images_;
  std::vector<std::int64_t> values_;
  std::function<std::int64_t(VarId)> value_;
  std::int64_t steps_ = 0;
};

}  // namespace

std::optional<std::int64_t> dense_bytes(const Tensor& tensor) {
  std::vector<std::int64_t> extents;
  for (const Expr& extent : tensor.shape) {
    if (!extent.is_constant()) return std::nullopt;
    extents.push_back(extent.offset());
  }
  return dense_size(extents, tensor.storage);
}

std::optional<std::string> interpret(const Program& program,
                                     std::span<const std::span<std::byte>> arguments,
                                     const InterpretOptions& options) {
  try {
    Interpreter(program, options).run(arguments);
  } catch (const Fault& fault) {
    return fault.text;
  }
  return std::nullopt;
}

}  // namespace septran::tile
