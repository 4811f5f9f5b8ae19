#include "targets/cpu/built_ins.h"

namespace septran::cpu {
namespace {

constexpr DotInstruction dots[] = {
    {"avx512_bf16", DType::bf16, DType::f32, 2, 64, "vdpbf16ps %2, %1, %0", false},
    {"avx512_vnni", DType::i8, DType::i32, 4, 64, "vpdpbusd %2, %1, %0", true},
    {"avx_vnni", DType::i8, DType::i32, 4, 32, "%{vex%} vpdpbusd %2, %1, %0", true},
};

struct Widening {
  std::string_view instruction_set;
  std::int64_t vector_bytes = 0;
  std::size_t bytes = 1;
  bool is_signed = false;
  std::string_view spelling;
};
// Compilers take several instructions for vectors of all 64 bytes, or elements one by one.
constexpr Widening widenings[] = {
    {"avx512f", 64, 1, true, "vpmovsxbd %1, %0"},  {"avx512f", 64, 1, false, "vpmovzxbd %1, %0"},
    {"avx512f", 64, 2, false, "vpmovzxwd %1, %0"}, {"avx2", 32, 1, true, "vpmovsxbd %1, %0"},
    {"avx2", 32, 1, false, "vpmovzxbd %1, %0"},    {"avx2", 32, 2, false, "vpmovzxwd %1, %0"},
};

}  // namespace

const DotInstruction* find_dot(const Machine& machine, DType input, DType sum, std::int64_t group) {
  for (const DotInstruction& dot : dots) {
    if (dot.input == input && dot.sum == sum && dot.group == group &&
        dot.vector_bytes == machine.cpu.vector_bytes && machine.cpu.has(dot.instruction_set)) {
      return &dot;
    }
  }
  return nullptr;
}

std::string_view widening(const Machine& machine, std::size_t bytes, bool is_signed) {
  for (const Widening& one : widenings) {
    if (one.bytes == bytes && one.is_signed == is_signed &&
        one.vector_bytes == machine.cpu.vector_bytes && machine.cpu.has(one.instruction_set)) {
      return one.spelling;
    }
  }
  return {};
}

}  // namespace septran::cpu
