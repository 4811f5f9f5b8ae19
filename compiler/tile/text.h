// The text of a tile program, for instance:
//
//   program gemm target dsa_edge {
//     argument %A : f16[1024, 1024] GLOBAL input
//     event %a.full from load to mma
//     alloc %a : f16[64, 64] SHARED ring 2
//     loop (k in 0..16) {
//       load: dma_copy %a, %A[0 :+ 64, 64*k :+ 64]  # gemm.py:24 | dsa_edge.yaml:18 | stream A
//       mma: mma %acc, %a, %b accumulate if k - 1 >= 0
//     }
//   }
//
// `%a@-1` is the tile in the slot that was the ring's current one a generation ago. In a loop with
// a schedule, `loop (k in 0..16) schedule scores, values@-1 {`, statements begin with their launch:
// `@scores mma: ...`.
#pragma once

#include <string>

#include "compiler/tile/program.h"

namespace septran::tile {

/// The program as text that parse_text (parse.h) reads back. Names are made unique, variables are
/// numbered in the order of the text; everything else of the program is in the text. Never fails:
/// ids out of range print under made-up names.
std::string to_text(const Program& program);

/// The launches of a program as an indented tree: per scope the task, its instance and processor,
/// then each argument with its view, shape and placement; loops and operations inside.
std::string to_launch_tree(const Program& program);

}  // namespace septran::tile
