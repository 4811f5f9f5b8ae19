#include "targets/cpu/emitter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/visit.h"
#include "targets/cpu/built_ins.h"

namespace septran::cpu {
namespace {

constexpr std::int64_t chunk = 64;  // columns whose sums are kept side by side

std::int64_t largest(const VarTable& vars, const Expr& extent) {
  return std::max<std::int64_t>(1, vars.range(extent).hi);
}

/// The extents and steps of a tile's dimensions.
void add_steps(const tile::Program& program, const tile::TileRef& ref, Access& access) {
  const tile::Tensor& tensor = program[ref.tensor];
  const auto element = static_cast<std::int64_t>(size_bytes(tensor.storage));
  for (const ViewDim& dim : ref.view.dims) {
    Access::Dim& out = access.dims.emplace_back();
    out.extent = program.vars.simplify(dim.extent);
    out.start = program.vars.simplify(dim.start);
    for (const Digit& digit : dim.digits) {
      out.steps.push_back({digit.extent, digit.step * (tensor.strides_bytes[digit.axis] / element),
                           digit.axis, digit.step});
    }
  }
}

}  // namespace

bool is_by_columns(const Access& out) {
  return out.is_linear(0) && out.stride(0) == 1 && !(out.is_linear(1) && out.stride(1) == 1);
}

std::set<std::uint32_t> find_biased(const tile::Program& program, const Machine& machine) {
  std::set<std::uint32_t> biased;
  std::set<std::uint32_t> plain;
  tile::for_each_statement(program.body, [&](const tile::Statement& statement) {
    const auto* mma = std::get_if<tile::Mma>(&statement.node);
    if (mma == nullptr || mma->tile.size() < 3) return;
    Access acc;
    add_steps(program, mma->acc, acc);
    const bool swapped = is_by_columns(acc);
    const tile::TensorId vectors = swapped ? mma->a.tensor : mma->b.tensor;
    const tile::TensorId others = swapped ? mma->b.tensor : mma->a.tensor;
    const DotInstruction* dot =
        find_dot(machine, program[vectors].storage, program[mma->acc.tensor].storage, mma->tile[2]);
    plain.insert(others.value);
    const bool is_packed = program[vectors].kind == tile::TensorKind::buffer;
    if (dot != nullptr && dot->is_biased && is_packed) biased.insert(vectors.value);
  });
  for (const std::uint32_t id : plain) biased.erase(id);
  return biased;
}

Access Emitter::declare(const tile::TileRef& ref, const std::string& pointer, bool raw_values) {
  const tile::Tensor& tensor = program_[ref.tensor];
  const auto element = static_cast<std::int64_t>(size_bytes(tensor.storage));
  Access access;
  access.storage = tensor.storage;
  access.logical = raw_values ? tensor.storage : tensor.dtype;
  access.biased = biased_.contains(ref.tensor.value);
  access.pointer = pointer;
  Expr offset;
  for (std::size_t a = 0; a < ref.view.base.size(); ++a) {
    offset += ref.view.base[a] * (tensor.strides_bytes[a] / element);
    if (!ref.view.zero_outside) continue;
    access.axes.push_back(
        {factor(vars().simplify(ref.view.base[a]), vars()), vars().range(tensor.shape[a]).hi});
  }
  add_steps(program_, ref, access);
  const Expr at = vars().simplify(offset);
  std::string root = tensor_name(ref.tensor);
  if (ref.age > 0) {  // an earlier slot of the ring
    root = fmt::format("({0} *)((char *){1} + ({1}_slot >= {2} ? {3} : {4}))",
                       c_type(tensor.storage), root, ref.age, -ref.age * tensor.slot_bytes,
                       (tensor.depth - ref.age) * tensor.slot_bytes);
  }
  out_.line("{} *const {} = {}{};", c_type(tensor.storage), pointer, root,
            at == Expr(0) ? "" : " + (" + to_c(at, vars()) + ")");
  return access;
}

Access Emitter::declare_spare(const Access& like, const std::string& pointer) {
  Access access;
  access.storage = like.storage;
  access.logical = like.logical;
  access.pointer = pointer;
  auto stride = std::int64_t{1};
  access.dims.resize(like.dims.size());
  for (std::size_t d = like.dims.size(); d-- > 0;) {
    access.dims[d] = {
        like.dims[d].extent, Expr(0), {{0, stride, static_cast<std::uint32_t>(d), 1}}};
    stride *= largest(vars(), like.dims[d].extent);
  }
  spare_bytes_ =
      std::max(spare_bytes_, stride * static_cast<std::int64_t>(size_bytes(like.storage)));
  out_.line("{0} *const {1} = ({0} *)spare;", c_type(like.storage), pointer);
  return access;
}

std::string Emitter::function(const std::string& prefix, const std::string& key,
                              const std::function<void(Writer&, const std::string&)>& write) {
  const std::string name = fmt::format("{}_{}", prefix, function_names_.size());
  const auto [at, is_new] = function_names_.emplace(key, name);
  if (is_new) {
    Writer text;
    write(text, name);
    functions_ += text.text();
  }
  return at->second;
}

std::string number(DType type, double value) {
  if (type == DType::i32) {
    if (std::isnan(value)) return "0";
    const double rounded = std::nearbyint(value);
    const double limited = std::clamp(rounded, -2147483648.0, 2147483647.0);
    return fmt::format("(int32_t)({}LL)", static_cast<std::int64_t>(limited));
  }
  const char* suffix = type == DType::f32 ? "f" : "";
  if (type == DType::f32) value = static_cast<double>(static_cast<float>(value));
  if (std::isnan(value)) return fmt::format("__builtin_nan{}(\"\")", suffix);
  if (std::isinf(value)) return fmt::format("({}__builtin_inf{}())", value < 0 ? "-" : "", suffix);
  if (value == std::floor(value) && std::abs(value) < 1e6 && !std::signbit(value)) {
    return fmt::format("{}.0{}", static_cast<std::int64_t>(value), suffix);
  }
  return fmt::format("({:a}{})", value, suffix);
}

void emit_product(Emitter& emitter, const Product& product) {
  const VarTable& vars = emitter.vars();
  Writer& out = emitter.out();
  const char* type = c_type(product.type);
  const Position i = simple("i");
  const Position p = simple("p");
  const Position column = simple("(j + l)");
  out.open("for (int64_t i = 0; i < {}; ++i)", to_c(product.out.dims[0].extent, vars));
  out.open("for (int64_t j = 0; j < {}; j += {})", to_c(product.out.dims[1].extent, vars), chunk);
  out.line("const int64_t width = min({}, {} - j);", chunk,
           factor(product.out.dims[1].extent, vars));
  out.line("{} sum[{}] = {{0}};", type, chunk);
  out.open("for (int64_t p = 0; p < {}; ++p)", to_c(product.a.dims[1].extent, vars));
  out.line("const {} x = {};", type, load(product.a, {i, p}, product.type, vars));
  out.directive("#pragma GCC ivdep");
  out.line("for (int64_t l = 0; l < width; ++l) sum[l] += x * {};",
           load(product.b, {p, column}, product.type, vars));
  out.close();
  out.open("for (int64_t l = 0; l < width; ++l)");
  std::string value = "sum[l]";
  if (product.alpha != 1.0) {
    const bool by_f64 =
        product.type == DType::i32 && std::nearbyint(product.alpha) != product.alpha;
    value = by_f64
                ? fmt::format("f64_to_i32({} * (double)sum[l])", number(DType::f64, product.alpha))
                : fmt::format("{} * sum[l]", number(product.type, product.alpha));
  }
  if (product.accumulate != "0") {
    value = fmt::format("({} ? {} : 0) + {}", product.accumulate,
                        load(product.old, {i, column}, product.type, vars), value);
  }
  out.raw(store(product.out, {i, column}, product.type, value, vars));
  out.close();
  out.close();
  out.close();
}

}  // namespace septran::cpu
