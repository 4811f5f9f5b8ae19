// The parts of an explanation, one function each; explain.cpp puts them together.
#pragma once

#include "compiler/explain/explain.h"
#include "compiler/explain/walk.h"

namespace septran::explain {

/// The key of the mapping that says how deep a buffer's ring is.
struct DepthKey {
  std::string instance;
  std::string key;       // "pipeline", or "rotate"
  std::string name;      // of the tensor, for rotate
  int value = 1;         // as written; 1 if it is not
  std::string place;     // "file:line" of the key, empty where it is not written
  bool overlaps = true;  // the machine has engines that run side by side
};
/// For an argument's or a temporary's buffer; nothing for what no key deepens (staging buffers).
std::optional<DepthKey> depth_key(const Subject& subject, const tile::Tensor& tensor, bool written);
/// What the key says, for a buffer that is `depth` deep.
std::string depth_text(const DepthKey& key, int depth);

/// The instance whose `mems` entry placed the tensor, and the name that the entry is under.
struct Placed {
  const mapping::Instance* instance = nullptr;
  std::string name;
};
Placed placed_by(const mapping::Mapping& mapping, const tile::Origin& origin);

/// Whether some operation other than a copy made for it writes the buffer.
bool is_written(const std::vector<Site>& sites, tile::TensorId tensor);

/// Where each buffer is allocated. Trips peeled off a loop allocate its buffers too: of several
/// places, the one in the innermost loop.
std::vector<const Site*> allocations(const std::vector<Site>& sites);

void explain_launches(const Subject& subject, Explanation& out);
void explain_buffers(const Subject& subject, const std::vector<Site>& sites, Explanation& out);
void explain_copies(const Subject& subject, const std::vector<Site>& sites, Explanation& out);
void explain_calls(const Subject& subject, const std::vector<Site>& sites, Explanation& out);
void explain_order(const Subject& subject, const std::vector<Site>& sites, Explanation& out);
void explain_ahead(const Subject& subject, const std::vector<Site>& sites, Explanation& out);
void explain_work(const Subject& subject, const std::vector<Site>& sites, Explanation& out);
/// Panels that are streamed more often than they would have to be.
void remark_repeated_streams(const Subject& subject, const std::vector<Site>& sites,
                             Explanation& out);
void propose(const Subject& subject, const std::vector<Site>& sites, const Options& options,
             Explanation& out);

}  // namespace septran::explain
