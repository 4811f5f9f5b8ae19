// The walk that writes down what is launched: see instantiate.cpp.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/mapping/logic_names.h"
#include "compiler/passes/aliases.h"
#include "compiler/passes/idle_fields.h"
#include "compiler/passes/pass.h"

namespace septran::passes {

/// A task that is being walked, and the instance whose fields hold for it.
struct Frame {
  const mapping::Instance* instance = nullptr;
  const lang::Task* task = nullptr;
  bool inlined = false;  // a leaf without an instance: runs within the launching one
  int loops = 0;         // loops entered in this task
};

class Instantiator : public lang::Visitor {
 public:
  Instantiator(const mapping::Mapping& mapping, const Machine& machine,
               const SourceManager& sources, Diagnostics& diagnostics)
      : mapping_(mapping), machine_(machine), sources_(sources), diagnostics_(diagnostics) {}

  Result<tile::Program> run(const lang::Module& module, const lang::EntryBinding& entry);

  std::uint32_t temporary(const std::string& name, const std::vector<Expr>& shape, DType dtype,
                          Span span) override;
  void loop(const lang::LoopRequest& request, const lang::LoopBody& body) override;
  void branch(const Cond& condition, Span span, const std::function<void()>& then,
              const std::function<void()>& otherwise) override;
  void launch(const lang::LaunchRequest& request, const lang::LaunchBody& body) override;
  void primitive(const lang::PrimitiveRequest& request) override;
  std::optional<lang::TunableValue> tunable(const lang::TunableRequest& request) override;
  std::optional<Span> tunable_place(const std::string& name) override;
  std::vector<DiagnosticNote> tunable_notes(const std::string& name) override;

 private:
  [[nodiscard]] const mapping::Spanned<mapping::TunableValue>* find_tunable(
      const std::string& name) const;
  [[nodiscard]] tile::Origin origin(Span logic, Span mapping, std::string rule) const {
    return {sources_.file_line(logic), sources_.file_line(mapping), std::move(rule), logic,
            mapping};
  }
  void emit(tile::Origin origin, decltype(tile::Statement::node) node) {
    block_->push_back({std::move(node), "", std::move(origin)});
  }
  /// Runs something with its statements going to a block of their own.
  tile::Block collect(const std::function<void()>& body) {
    tile::Block collected;
    tile::Block* const outer = std::exchange(block_, &collected);
    body();
    block_ = outer;
    return collected;
  }
  [[nodiscard]] std::string launch_label(const lang::LaunchRequest& request) const;
  const mapping::Instance* callee_instance(const lang::LaunchRequest& request);
  tile::ScopeArgument scope_argument(const mapping::Instance& instance,
                                     const lang::Parameter& parameter,
                                     const lang::TensorValue& value);
  void decide_placement(const mapping::Instance& instance, tile::ScopeArgument& argument,
                        const tile::Block& body);
  /// Whether buffers that are made here, around `body` if there is one, may be made again. A
  /// parallel loop in the body may be the one that is spread, with its trips around them. True on a
  /// machine that overlaps nothing: there depths mean nothing anywhere, and are there for others.
  [[nodiscard]] bool may_repeat(const tile::Block& body) const;
  [[nodiscard]] bool is_resident(const mapping::Instance& instance,
                                 const tile::ScopeArgument& argument) const {
    return std::any_of(instance.resident.begin(), instance.resident.end(), [&](const auto& entry) {
      return entry.value == program_[argument.parameter].name;
    });
  }
  const mapping::Binding* find_binding(const std::string& leaf) const;

  const mapping::Mapping& mapping_;
  const Machine& machine_;
  const SourceManager& sources_;
  Diagnostics& diagnostics_;
  std::optional<mapping::LogicNames> names_;
  tile::Program program_;
  Aliases aliases_{program_};
  IdleFields idle_fields_;
  tile::Block* block_ = nullptr;
  std::vector<Frame> frames_;
};

}  // namespace septran::passes
