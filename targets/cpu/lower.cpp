#include "targets/cpu/lower.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "compiler/tile/text_words.h"
#include "compiler/tile/visit.h"
#include "targets/cpu/direct_results.h"
#include "targets/cpu/emitter.h"
#include "targets/cpu/prelude.h"
#include "targets/cpu/rows.h"
#include "targets/cpu/streams.h"

namespace septran::cpu {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;
using tile::Tensor;
using tile::TensorKind;

constexpr std::int64_t alignment_bytes = 64;

// Whoever includes the text may call work() from threads of their own, with their own barrier.
constexpr std::string_view threads = R"(
#ifdef SEPTRAN_BARRIER
#define BARRIER() SEPTRAN_BARRIER()
#else
#include <omp.h>
#define BARRIER() _Pragma("omp barrier")
#endif
)";

std::int64_t aligned(std::int64_t bytes) {
  return ceil_div(bytes, alignment_bytes) * alignment_bytes;
}

/// Where the buffers that the caller does not pass lie in the workspace: temporaries in GLOBAL,
/// then for each worker its own temporaries, its memories and what operations put aside.
struct Workspace {
  std::map<std::uint32_t, std::int64_t> shared;  // tensor: offset
  std::map<std::uint32_t, std::int64_t> own;     // tensor: offset in a worker's part
  std::map<std::string, std::int64_t> memories;  // memory: offset in a worker's part
  std::int64_t shared_bytes = 0;
  std::int64_t own_bytes = 0;
};

class Lowering {
 public:
  Lowering(Program program, const Machine& machine)
      : program_(std::move(program)),
        machine_(machine),
        streams_(program_, machine),
        e_(program_, machine),
        out_(e_.out()) {}

  Source run() {
    workers_ = count_workers(program_.body);
    tile::for_each_statement(program_.body, [&](const Statement& statement) {
      const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
      if (alloc != nullptr) ++allocs_[alloc->tensor.value];
    });
    lay_out();
    out_.set_depth(1);
    lower_block(program_.body);
    Source source;
    source.workers = workers_;
    for (const Tensor& tensor : program_.tensors) {
      if (tensor.kind != TensorKind::argument) continue;
      Parameter& parameter = source.parameters.emplace_back();
      parameter = {tensor.name, tensor.storage, {}, tensor.is_input, tensor.is_output};
      for (const Expr& extent : tensor.shape) parameter.shape.push_back(extent.offset());
    }
    const std::int64_t spare_at = space_.own_bytes;
    const std::int64_t worker_bytes = aligned(space_.own_bytes + e_.spare_bytes());
    source.workspace_bytes = space_.shared_bytes + workers_ * worker_bytes;
    source.text = whole_text(spare_at, worker_bytes);
    return source;
  }

 private:
  /// The most workers that any loop keeps busy.
  int count_workers(const Block& block) const {
    int workers = 1;
    tile::for_each_statement(block, [&](const Statement& statement) {
      const auto* loop = std::get_if<tile::Loop>(&statement.node);
      if (loop == nullptr || loop->workers == 0) return;
      const VarInfo& var = program_.vars[loop->var];
      const std::int64_t trips = program_.vars.range(var.end - var.begin).hi;
      workers = static_cast<int>(
          std::max<std::int64_t>(workers, std::min<std::int64_t>(loop->workers, trips)));
    });
    return workers;
  }

  void find_own(const Block& block, bool in_share, std::set<std::uint32_t>& own) const {
    for (const Statement& statement : block) {
      const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
      if (alloc != nullptr && in_share) own.insert(alloc->tensor.value);
      const auto* loop = std::get_if<tile::Loop>(&statement.node);
      for (const Block* inner : tile::child_blocks(statement)) {
        find_own(*inner, in_share || (loop != nullptr && loop->workers > 0), own);
      }
    }
  }

  void lay_out() {
    std::set<std::uint32_t> own;
    find_own(program_.body, false, own);
    std::map<std::string, std::int64_t> memory_bytes;
    for (std::uint32_t i = 0; i < program_.tensors.size(); ++i) {
      const Tensor& tensor = program_.tensors[i];
      if (tensor.kind == TensorKind::buffer && tensor.offset_bytes) {
        std::int64_t& bytes = memory_bytes[tensor.memory];
        bytes = std::max(bytes, *tensor.offset_bytes + tensor.depth * tensor.slot_bytes);
      } else if (tensor.kind == TensorKind::temporary) {
        const bool is_own = own.contains(i);
        std::int64_t& end = is_own ? space_.own_bytes : space_.shared_bytes;
        (is_own ? space_.own : space_.shared)[i] = end;
        end += aligned(tensor.depth * tensor.slot_bytes);
      }
    }
    for (const auto& [memory, bytes] : memory_bytes) {
      space_.memories[memory] = space_.own_bytes;
      space_.own_bytes += aligned(bytes);
    }
  }

  // Text around the body.

  std::string whole_text(std::int64_t spare_at, std::int64_t worker_bytes) {
    Writer text;
    text.line("// {} for {}, made by SepTran.", comment_text(program_.name),
              comment_text(program_.target));
    text.raw(prelude(machine_));
    text.raw(e_.functions());
    if (workers_ > 1) {
      text.raw(std::string(threads));
      text.line("static const int64_t shared_bytes = {}, own_bytes = {}, most_workers = {};\n",
                space_.shared_bytes, worker_bytes, workers_);
    }
    text.line("// What one of `workers` threads does. `shared` is common to all, `own` its own.");
    text.line("SIDE_BY_SIDE");
    text.open(
        "static void work(int64_t worker, int64_t workers, void *const *arguments, "
        "char *shared, char *own)");
    text.line("(void)worker; (void)workers; (void)shared; (void)own;");
    std::size_t next = 0;
    for (std::uint32_t i = 0; i < program_.tensors.size(); ++i) {
      const Tensor& tensor = program_.tensors[i];
      const std::string pointer = e_.tensor_name(tile::TensorId{i});
      const char* type = c_type(tensor.storage);
      if (tensor.kind == TensorKind::argument) {
        text.line("{0} *const {1} = ({0} *)arguments[{2}];  // {3}", type, pointer, next++,
                  tile::type_text(tensor, program_.vars));
      } else if (tensor.kind == TensorKind::temporary || outlives_block(tensor, i)) {
        if (tensor.depth > 1) text.line("int64_t {}_slot = {};", pointer, tensor.depth - 1);
        text.line("{0} *{1}{2} = ({0} *)({3});  // {4} {5}", type, tensor.depth > 1 ? "" : "const ",
                  pointer, address(tile::TensorId{i}), tile::type_text(tensor, program_.vars),
                  tensor.memory);
      } else {
        continue;
      }
      text.line("(void){};", pointer);
    }
    if (e_.spare_bytes() > 0) text.line("char *const spare = own + {};", spare_at);
    text.set_depth(0);
    if (streams_.any_far()) out_.line("FAR_FENCE();");
    std::string result = text.text() + out_.text() + "}\n\n";
    return result + entry();
  }

  [[nodiscard]] std::string entry() const {
    Writer text;
    if (workers_ > 1) text.directive("#ifndef SEPTRAN_BARRIER");
    text.open("void {}(void *const *arguments, void *workspace)", entry_symbol);
    text.line("char *const shared = (char *)workspace;");
    if (workers_ > 1) {
      text.directive("#pragma omp parallel num_threads(most_workers)");
      text.open("{}", "");
      text.line("const int64_t worker = omp_get_thread_num();");
      text.line("char *const own = shared + shared_bytes + worker * own_bytes;");
      text.line("work(worker, omp_get_num_threads(), arguments, shared, own);");
      text.close();
    } else {
      text.line("work(0, 1, arguments, shared, shared + {});", space_.shared_bytes);
    }
    text.close();
    if (workers_ > 1) text.directive("#endif");
    return text.text();
  }

  // Structure.

  void lower_block(const Block& block) {
    Pending pending;
    for (const Statement& statement : block) pending.all.push_back(&statement);
    lower_some(pending.all, pending);
  }

  /// A block's statements, and those that have been lowered.
  struct Pending {
    std::vector<const Statement*> all;
    std::set<const Statement*> done;
  };

  void lower_some(const std::vector<const Statement*>& statements, Pending& pending) {
    for (std::size_t i = 0; i < statements.size();) {
      RowGroup group = find_rows(e_, std::span(statements).subspan(i));
      if (group.calls.empty()) {
        const Statement& statement = *statements[i++];
        std::visit([&](const auto& node) { lower(node, statement); }, statement.node);
        pending.done.insert(&statement);
      } else {
        i += group.count;
        lower_rows(group, pending);
      }
    }
  }

  /// Calls that one nest does together.
  void lower_rows(RowGroup& group, Pending& pending) {
    for (const Statement* alloc : group.allocs) lower(std::get<tile::Alloc>(alloc->node), *alloc);
    lower_some(group.before, pending);
    for (const Statement* call : group.calls) {
      comment(*call);
      pending.done.insert(call);
    }
    group.ends_here = unused_after(pending);
    const auto& guard = std::get<tile::Vec>(group.calls[0]->node).guard;
    out_.open("{}", guard ? fmt::format("if ({})", to_c(*guard, program_.vars)) : "");
    emit_rows(e_, streams_, group);
    out_.close();
  }

  /// Tensors that live in a block only and that what remains of it does not use.
  [[nodiscard]] std::set<std::uint32_t> unused_after(const Pending& pending) const {
    std::set<std::uint32_t> tensors;
    for (const Statement* statement : pending.all) {
      const auto* alloc = std::get_if<tile::Alloc>(&statement->node);
      if (alloc == nullptr) continue;
      const std::uint32_t id = alloc->tensor.value;
      if (!outlives_block(program_[alloc->tensor], id)) tensors.insert(id);
    }
    const auto take_out = [&](const Statement& statement) {
      for (const auto& use : tile::operands(statement)) tensors.erase(use.tile->tensor.value);
    };
    for (const Statement* statement : pending.all) {
      if (!pending.done.contains(statement)) tile::for_each_statement(*statement, take_out);
    }
    return tensors;
  }

  void comment(const Statement& statement) {
    const std::string text = tile::origin_line(statement.origin);
    if (!text.empty()) out_.line("// {}", comment_text(text));
  }

  void lower(const tile::Alloc& alloc, const Statement& /*statement*/) {
    const Tensor& tensor = program_[alloc.tensor];
    const bool is_buffer = tensor.kind == TensorKind::buffer;
    const std::string pointer = e_.tensor_name(alloc.tensor);
    const char* type = c_type(tensor.storage);
    if (tensor.depth > 1) {
      out_.line("{0}_slot = {0}_slot + 1 == {1} ? 0 : {0}_slot + 1;", pointer, tensor.depth);
      out_.line("{0} = ({1} *)({2} + {0}_slot * {3});", pointer, type, address(alloc.tensor),
                tensor.slot_bytes);
    } else if (is_buffer && !outlives_block(tensor, alloc.tensor.value)) {
      out_.line("{0} *const {1} = ({0} *)({2});  // {3} {4}", type, pointer, address(alloc.tensor),
                tile::type_text(tensor, program_.vars), tensor.memory);
    }
  }

  /// C expression of where a buffer or a temporary lies.
  [[nodiscard]] std::string address(tile::TensorId id) const {
    const Tensor& tensor = program_[id];
    if (tensor.kind == TensorKind::buffer) {
      return fmt::format("own + {}",
                         space_.memories.at(tensor.memory) + tensor.offset_bytes.value());
    }
    const bool is_own = space_.own.contains(id.value);
    return is_own ? fmt::format("own + {}", space_.own.at(id.value))
                  : fmt::format("shared + {}", space_.shared.at(id.value));
  }

  /// Whether what one block makes may be used in another, as by trips that `schedule` peels off.
  [[nodiscard]] bool outlives_block(const Tensor& tensor, std::uint32_t id) const {
    const auto allocs = allocs_.find(id);
    return allocs != allocs_.end() && (tensor.depth > 1 || allocs->second > 1);
  }

  void lower(const tile::Loop& loop, const Statement& statement) {
    const VarInfo& info = program_.vars[loop.var];
    const std::string var = variable(loop.var, program_.vars);
    const std::string begin = to_c(info.begin, program_.vars);
    const std::string end = to_c(info.end, program_.vars);
    if (loop.workers > 0) {
      comment(statement);
      out_.open(
          "for (int64_t {0} = {1} + worker; worker < {2} && {0} < {3}; {0} += min({2}, workers))",
          var, factor(info.begin, program_.vars), loop.workers, end);
    } else if (info.is_value()) {
      out_.open("{}", "");
      out_.line("const int64_t {} = {};", var, begin);
    } else {
      comment(statement);
      out_.open("for (int64_t {0} = {1}; {0} < {2}; ++{0})", var, begin, end);
    }
    lower_block(loop.body);
    out_.close();
  }

  void lower(const tile::If& branch, const Statement& statement) {
    comment(statement);
    out_.open("if ({})", to_c(branch.condition, program_.vars));
    lower_block(branch.then);
    if (!branch.otherwise.empty()) {
      out_.close();
      out_.open("else");
      lower_block(branch.otherwise);
    }
    out_.close();
  }

  // Operations: each in a block of its own, for its pointers.

  void lower(const tile::DmaCopy& copy, const Statement& statement) {
    comment(statement);
    out_.open("{}", "");
    emit_dma_copy(e_, copy);
    out_.close();
  }

  void lower(const tile::Mma& mma, const Statement& statement) {
    comment(statement);
    out_.open("{}", "");
    emit_mma(e_, mma);
    out_.close();
  }

  void lower(const tile::Vec& vec, const Statement& statement) {
    comment(statement);
    if (vec.guard) {
      out_.open("if ({})", to_c(*vec.guard, program_.vars));
    } else {
      out_.open("{}", "");
    }
    emit_vec(e_, vec);
    out_.close();
  }

  void lower(const tile::Barrier& /*node*/, const Statement& /*statement*/) {
    if (streams_.any_far()) out_.line("FAR_FENCE();");
    if (workers_ > 1) out_.line("BARRIER();");
  }

  void lower(const tile::Sync& /*node*/, const Statement& /*statement*/) {
    SEPTRAN_BUG("an event on a machine with one engine");
  }
  void lower(const tile::Parallel& /*node*/, const Statement& /*statement*/) {
    SEPTRAN_BUG("a parallel loop that was not dealt out");
  }
  void lower(const tile::Scope& /*node*/, const Statement& /*statement*/) {
    SEPTRAN_BUG("a launch after insert-copies");
  }
  void lower(const tile::Prim& /*node*/, const Statement& /*statement*/) {
    SEPTRAN_BUG("a primitive without an implementation");
  }

  const Program program_;
  const Machine& machine_;
  Streams streams_;
  Emitter e_;
  Writer& out_;
  Workspace space_;
  std::map<std::uint32_t, int> allocs_;  // how often a tensor is made anew, in the text
  int workers_ = 1;
};

}  // namespace

Source lower_to_c(const Program& program, const Machine& machine) {
  return Lowering(with_direct_results(program), machine).run();
}

}  // namespace septran::cpu
