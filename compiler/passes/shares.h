// What a processor does for its share of a spread loop or call, and where it stores the result.
#pragma once

#include <vector>

#include "compiler/passes/combine.h"

namespace septran::passes {

/// What is dealt out: `carried` in terms of the variables around the marked statement.
struct Dealt {
  SpreadKey key;
  std::int64_t processors = 1;
  std::vector<Carried> carried;
  std::vector<tile::TensorId> shares;  // where they are stored, one each
  std::int64_t chunk = 0;              // of a call: what each processor takes of the reduction
  std::size_t dim = 0;                 // of a call: the reduction
};

class ShareWriter {
 public:
  ShareWriter(tile::Program& program, const Machine& machine, Combiner& combiner)
      : program_(program), machine_(machine), combiner_(combiner) {}

  /// The tensor in GLOBAL that holds the shares of all iterations: one dimension for each of the
  /// loops around (`vars`), one for the processors, then those of the sums.
  tile::TensorId make_store(const Dealt& dealt, const Carried& carried,
                            const std::vector<VarId>& vars, const CombinePlace& place);

  /// This iteration's shares in the store: the processors' dimension, then those of the sums.
  [[nodiscard]] tile::TileRef stored(tile::TensorId store, const std::vector<VarId>& vars,
                                     const std::vector<Expr>& extents) const;

  /// What one processor does in place of the loop or call: own sums, its share, the store.
  tile::Block share(const tile::Statement& marked, const std::vector<VarId>& vars,
                    const Dealt& dealt, VarId processor, const CombinePlace& place);

 private:
  tile::TensorId private_copy(const Carried& carried, const CombinePlace& place);
  void share_of_loop(tile::Statement statement, const Dealt& dealt, VarId processor,
                     const std::vector<tile::TileRef>& own, const CombinePlace& place,
                     tile::Block& out);
  void share_of_call(const tile::Statement& call, const Dealt& dealt, VarId processor,
                     const tile::TileRef& own, const CombinePlace& place, tile::Block& out);

  tile::Program& program_;
  const Machine& machine_;
  Combiner& combiner_;
};

}  // namespace septran::passes
