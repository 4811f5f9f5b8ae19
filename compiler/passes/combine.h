// Writing the operations that start and combine the shares of a sum.
#pragma once

#include <string>

#include "compiler/passes/carried.h"

namespace septran::passes {

/// Where such operations stand.
struct CombinePlace {
  std::string task;      // of the launch around
  std::string instance;  // likewise
  int depth = 1;         // of what is streamed
  bool on_host = false;  // outside of what BLOCK processors run
  tile::Origin origin;
};

class Combiner {
 public:
  Combiner(tile::Program& program, const Machine& machine) : program_(program), machine_(machine) {}

  /// Fills a tile with what changes nothing when it is combined by `by`.
  tile::Block clear(const tile::TileRef& tile, const Primitive& by, const CombinePlace& place);

  /// Combines `shares`, whose first dimension counts the `processors`, in this order. Tiles in a
  /// memory that no processor computes on are brought to one by pieces, and so are shares.
  tile::Block combine(const Carried& carried, const tile::TileRef& shares, std::int64_t processors,
                      const CombinePlace& place);

  /// A call that copies one tile to another.
  static tile::Statement copy(const tile::TileRef& to, const tile::TileRef& from,
                              const tile::Origin& origin);

 private:
  /// A memory in which shares can be combined with sums, and whether these have to go there too.
  struct Workplace {
    std::string memory;
    bool moves_sums = false;
  };
  [[nodiscard]] bool computes(const Primitive& by, DType type, const std::string& sums,
                              const std::string& shares) const;
  [[nodiscard]] Workplace workplace(const Primitive& by, DType type, const std::string& sums) const;

  /// A box cut into pieces by loops.
  struct Pieces {
    std::vector<VarId> loops;
    std::vector<Expr> begins;
    std::vector<Expr> extents;
  };
  Pieces cut(const std::vector<Expr>& extents, std::int64_t most_elements);
  tile::Block wrap(const Pieces& pieces, tile::Block body, const CombinePlace& place);
  tile::TileRef bring(tile::Scope& scope, const tile::TileRef& source, tile::Placement placement,
                      const std::string& memory, const CombinePlace& place);
  tile::TensorId temporary(const std::string& name, DType type, const std::vector<Expr>& shape,
                           const std::string& memory, const tile::Origin& origin);
  void combine_piece(const Carried& carried, const tile::TileRef& sums, const tile::TileRef& shares,
                     std::int64_t processors, const tile::Origin& origin, tile::Block& out);

  tile::Program& program_;
  const Machine& machine_;
};

}  // namespace septran::passes
