// Dependences between operations of different engines, from the bytes that they touch.
#pragma once

#include <string>
#include <vector>

#include "compiler/passes/pass.h"
#include "compiler/tile/program.h"

namespace septran::passes {

/// A block of the program, numbered in a walk over it. Every statement has a position where it
/// starts and one where it ends; what it contains lies between.
struct BlockNode {
  tile::Block* block = nullptr;
  int parent = -1;  // index of the block that the owning statement stands in
  int child = -1;   // that statement's index there
  const tile::Statement* owner = nullptr;
  int loop = -1;           // innermost loop around: index of that loop's body block; -1: none
  bool in_share = false;   // inside a worker's share of a parallel loop
  bool is_branch = false;  // of an `if`
  bool runs_once_at_least = true;      // whenever the block around is run
  std::int64_t least_trips = 1;        // of the loop whose body this is, whenever it is reached
  std::optional<tile::TripPart> part;  // of the rotated loop that it belongs to
  std::vector<int> begins;             // positions of its statements
  std::vector<int> ends;
};

/// An operation's use of a tile.
struct Site {
  int block = 0;
  int child = 0;
  int begin = 0;  // position
  int end = 0;
  std::string engine;
  tile::TileRef tile;
  bool writes = false;
  std::optional<tile::TripPart> part;  // of the rotated loop that it belongs to
};

/// `source` (a site on one engine) must have finished before `target` (on another) starts: in the
/// same trip of the loop (distance 0), or of the trip `distance` later.
struct Dependence {
  std::size_t source = 0;
  std::size_t target = 0;
  int scope = 0;         // block in which the syncs stand
  int source_child = 0;  // statements of that block that contain them
  int target_child = 0;
  int loop = -1;  // body block of the loop that carries it, or around it
  int distance = 0;
};

class DependenceGraph {
 public:
  DependenceGraph(tile::Program& program, const Machine& machine);

  [[nodiscard]] const std::vector<BlockNode>& blocks() const { return blocks_; }
  [[nodiscard]] const std::vector<Site>& sites() const { return sites_; }
  /// All dependences that engine order does not give by itself. Those through GLOBAL between
  /// iterations of parallel loops and across them are left to barriers.
  [[nodiscard]] std::vector<Dependence> dependences() const;

  [[nodiscard]] bool is_inside(int block, int ancestor) const;
  /// The statement of `ancestor` that contains (or is) the given statement.
  [[nodiscard]] int child_in(int ancestor, int block, int child) const;
  /// What a statement is in a rotated loop, if its block is the loop's body or around it.
  [[nodiscard]] const std::optional<tile::TripPart>& part(int block, int child) const {
    return (*blocks_[static_cast<std::size_t>(block)].block)[static_cast<std::size_t>(child)].part;
  }

 private:
  void widen();
  void walk(tile::Block& block, BlockNode node, int& position);
  void relate(std::size_t first, std::size_t second, std::vector<Dependence>& out) const;
  /// In a memory that processors share, and not a temporary that each has a copy of.
  [[nodiscard]] bool is_global(const Site& site) const;
  [[nodiscard]] bool addresses_overlap(const Site& a, const Site& b) const;
  [[nodiscard]] bool disjoint_across_trips(const Site& a, const Site& b, int loop) const;
  struct AllocSite {
    int block = 0;
    int begin = 0;  // position
  };
  [[nodiscard]] bool slots_differ(const Site& first, const Site& second, int common) const;
  [[nodiscard]] std::optional<AllocSite> only_alloc(tile::TensorId tensor, int loop) const;
  [[nodiscard]] int carrying_scope(int loop, int block) const;
  void add_carried(std::size_t source, std::size_t target, int loop, int distance,
                   std::vector<Dependence>& out) const;
  void relate_global(std::size_t first, std::size_t second, int common,
                     std::vector<Dependence>& out) const;

  tile::Program& program_;
  const Machine& machine_;
  std::vector<BlockNode> blocks_;
  std::vector<Site> sites_;
  VarTable widened_;  // variables of rotated loops range over the peeled trips too
  std::map<tile::TensorId, std::vector<AllocSite>> allocs_;
};

/// Whether a loop only names a value (the index that a worker computes): one trip, no loop at all.
bool is_value(const tile::Program& program, const tile::Loop& loop);

}  // namespace septran::passes
